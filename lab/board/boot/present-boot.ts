/** What is known of the boot that a board is in: all of it is over when the next one begins. */
import { BootProgress } from './progress.ts';

export class PresentBoot {
  /** Where on the console it began. */
  readonly position: number;
  /** How far it has come, as its console tells. */
  readonly progress = new BootProgress();
  /** The kernel's boot id, once it was asked. */
  id: string | null = null;
  /** Its boot loader waits for commands. */
  inLoader = false;
  /** It is of the kernel that was deployed. */
  ofPlan = false;
  /** The watchdog is about to reset the board. */
  watchdogBit = false;

  constructor(position: number) {
    this.position = position;
  }
}
