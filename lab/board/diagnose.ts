/** A board that no longer answers by SSH, and of which the console said nothing: what became of it, and whose fault is it? */
import { LabError, ProductError } from '../errors.ts';
import type { HardwareState } from './hardware.ts';

/** What can be found out. Null: nobody could tell. */
export interface LossFacts {
  /** The power, as the hardware says. */
  power: HardwareState;
  /** The lab itself has cut the board's network. */
  networkCut: boolean;
  /** Something came back when a key was pressed on the console. */
  consoleAnswers: boolean;
  /** Whether the board's own interface has a carrier, as its console tells. */
  carrier: boolean | null;
  /** The board's boot before the loss, and the one it is in now, without anybody having reset it. */
  bootBefore: string | null;
  bootNow: string | null;
  /** After the reset: crashes in what the kernel had kept. */
  crashes: readonly string[];
  /** After the reset: it came up again. Null where it was not reset. */
  rebooted: boolean | null;
  /** After the reset: the flags of the watchdog's `bootstatus` (include/uapi/linux/watchdog.h). */
  bootStatus: number | null;
}

export interface Diagnosis {
  fault: 'product' | 'lab';
  code: string;
  /** What happened, in a sentence without its subject. */
  what: string;
  hint: string;
}

const WATCHDOG_RESET = 0x20;
const POWER_FAULT = 0x10 | 0x40;
const OVERHEAT = 0x01;

/** The first rule that holds, from what is certain to what is left. */
export function diagnose(facts: LossFacts): Diagnosis {
  const { power, networkCut, consoleAnswers, carrier, bootBefore, bootNow, crashes, rebooted, bootStatus } =
    facts;
  const product = (code: string, what: string, hint: string): Diagnosis => ({
    fault: 'product',
    code,
    what,
    hint,
  });
  const lab = (code: string, what: string, hint: string): Diagnosis => ({ fault: 'lab', code, what, hint });
  const [crash] = crashes;
  if (crash !== undefined)
    return product(
      'kernel-panic',
      `crashed unseen: ${crash}`,
      'the log it kept over the reset is among the files',
    );
  if (power === 'off') return lab('power-lost', 'has no power', 'look at its supply and the switch');
  if (power === 'frozen') return lab('frozen', 'is frozen by the lab', 'thaw it');
  if (power === 'panicked')
    return product(
      'kernel-panic',
      'panicked, as the hardware tells, but its console is silent',
      'check the console',
    );
  if (networkCut) return lab('network-cut', 'is off the network, which the lab has cut', 'restore the link');
  if (bootStatus !== null && (bootStatus & (POWER_FAULT | OVERHEAT)) !== 0)
    return lab('power-lost', 'was reset for its power or temperature', 'look at its supply and cooling');
  if (bootBefore !== null && bootNow !== null && bootBefore !== bootNow)
    return product(
      'unexpected-reboot',
      'rebooted by itself, without a word on its console',
      'see its reset reason',
    );
  if (bootStatus !== null && (bootStatus & WATCHDOG_RESET) !== 0)
    return product('watchdog-reset', 'hung until its watchdog reset it', 'see what ran last in dmesg.log');
  if (consoleAnswers && carrier === false)
    return lab(
      'no-carrier',
      'runs, but its network has no carrier',
      'check cable, switch port and its interface',
    );
  if (consoleAnswers)
    return product('ssh-gone', 'runs, but no longer answers by SSH', 'see memory and sshd by hil console');
  if (rebooted === false)
    return lab(
      'no-boot',
      'hung and did not come up after a reset',
      'check power, boot medium and console cable',
    );
  return product(
    'hung',
    'hung: neither SSH nor the console answered, and it kept no log',
    'see what ran last',
  );
}

/** The diagnosis as an error of the board. */
export function lossOf(board: string, { fault, code, what, hint }: Diagnosis): ProductError | LabError {
  const details = { board, code, hint };
  return fault === 'product'
    ? new ProductError(`${board} ${what}`, details)
    : new LabError(`${board} ${what}`, details);
}
