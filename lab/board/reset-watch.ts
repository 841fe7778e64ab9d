/** Recognises resets that nothing but the console tells: a banner of a boot loader or a kernel on a board that should run. */
import type { HilError } from '../errors.ts';
import { bannerOf, isBootLoader, wasReset } from '../kernel/banner.ts';
import type { Console } from './console/console.ts';
import type { Remote } from './remote.ts';

/** A board that answers within this time is taken to be well. */
const PROBE_MS = 10_000;
const BOOT_ID = 'cat /proc/sys/kernel/random/boot_id';

export interface ResetWatchOptions {
  console: Console;
  remote: Remote;
  /** The boot that the board should be in; null while it should not run, or cannot be asked. */
  bootId: () => string | null;
  /** Aborted with the board's present life. */
  life: () => AbortSignal;
  /** The board was reset; its console had come to `position` when it was seen. */
  onReset: (detail: string, position: number) => void;
  onFailure: (error: unknown) => void;
}

export class ResetWatch {
  readonly #options: ResetWatchOptions;
  /** The life in which a banner is being looked into: more of them say nothing new. */
  #asking: AbortSignal | null = null;

  constructor(options: ResetWatchOptions) {
    this.#options = options;
    options.console.subscribe(({ text }) => this.#heard(text));
  }

  #heard(line: string): void {
    const { bootId, life, console: port, onFailure } = this.#options;
    const banner = bannerOf(line);
    const boot = bootId();
    if (banner === null || boot === null || this.#asking === life()) return;
    this.#asking = life();
    this.#look(banner, boot, port.position)
      .catch((error: HilError) => onFailure(error))
      .finally(() => {
        this.#asking = null;
      });
  }

  async #look(banner: string, bootId: string, position: number): Promise<void> {
    const { remote, life, onReset } = this.#options;
    const signal = life();
    // No kernel prints the banner of a boot loader, but a shell may print a log that holds one.
    const timeoutMs = isBootLoader(banner) ? PROBE_MS / 5 : PROBE_MS;
    const ask = () => remote.check(BOOT_ID, { timeoutMs, signal, quiet: true });
    const reset = await wasReset(bootId, ask);
    if (reset && !signal.aborted) onReset(`its console shows ${banner}`, position);
  }
}
