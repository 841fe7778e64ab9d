/** Finds out what a board died of: what its kernel kept over the reset, its reset reason, and whether it still lives at all. */
import { type HilError, messageOf } from '../errors.ts';
import type { JournalSink } from '../journal/event.ts';
import type { Attach, CrashWatch } from '../kernel/crash-watch.ts';
import { logsOf, takePstore } from '../kernel/pstore.ts';
import type { Console } from './console/console.ts';
import { diagnose, type LossFacts, lossOf } from './diagnose.ts';
import type { HardwareState } from './hardware.ts';
import type { Remote } from './remote.ts';

export interface Patient {
  name: string;
  console: Console;
  remote: Remote;
  journal: JournalSink;
  crashes: CrashWatch;
  attach: Attach;
  power: HardwareState;
  networkCut: boolean;
  bootId: string | null;
  /** Resets the board, its power staying on, so that what the kernel kept in memory survives. */
  reset: (signal: AbortSignal) => Promise<void>;
  /** Resolves when the board answers by SSH again. */
  boot: (signal: AbortSignal) => Promise<void>;
}

/** How long a console that lives may take to answer a key. */
const KEY_MS = 5000;
const CONSOLE_MS = 15_000;

export interface Remains {
  /** Crashes that nobody had seen before. */
  crashes: string[];
  bootStatus: number | null;
}

/** Reads what a board kept of its last boot, once it answers again; files and events of it go to the test under way. */
export async function readRemains(patient: Patient, signal: AbortSignal): Promise<Remains> {
  const crashes: string[] = [];
  const files = new Map<string, string | null>();
  const records = await takePstore(patient.remote, signal);
  for (const { name, text } of records)
    files.set(name, patient.attach(`pstore-${name.replace(/-?\d+$/, '')}`, 'txt', text));
  for (const { name, text } of logsOf(records))
    crashes.push(...patient.crashes.recovered(text, files.get(name) ?? null));
  const command = 'cat /sys/class/watchdog/watchdog0/bootstatus 2>/dev/null';
  const { stdout } = await patient.remote.run(command, { signal, timeoutMs: 60_000 });
  const bootStatus = /^\d{1,9}\s*$/.test(stdout) ? Number(stdout) : null;
  return { crashes, bootStatus };
}

/**
 * What became of a board that stopped to answer by SSH without a word. Looks first, and resets it only where that is what
 * is left to try.
 */
export async function findOut(patient: Patient, signal: AbortSignal): Promise<HilError> {
  const { console: port, power, networkCut, bootId } = patient;
  const facts: LossFacts = {
    ...{ power, networkCut, consoleAnswers: false, carrier: null, bootBefore: bootId, bootNow: null },
    ...{ crashes: [], rebooted: null, bootStatus: null },
  };
  if (power === 'on' && !networkCut) {
    facts.consoleAnswers = await answers(port, signal);
    if (facts.consoleAnswers) Object.assign(facts, await askConsole(port, signal));
    else Object.assign(facts, await resetAndRead(patient, signal));
  }
  const diagnosis = diagnose(facts);
  const known = Object.entries(facts).map(([name, value]) => `${name} ${JSON.stringify(value)}`);
  patient.journal.append('board.state', { state: 'lost', reason: `${diagnosis.what} (${known.join(', ')})` });
  return lossOf(patient.name, diagnosis);
}

async function answers(port: Console, signal: AbortSignal): Promise<boolean> {
  const from = port.position;
  try {
    await port.write('\r');
    await port.expect(/[\s\S]/, { timeoutMs: KEY_MS, signal, from });
    return true;
  } catch {
    // Silence is what was asked about.
    return false;
  }
}

async function askConsole(port: Console, signal: AbortSignal): Promise<Partial<LossFacts>> {
  const command = 'cat /proc/sys/kernel/random/boot_id; cat /sys/class/net/[!l]*/carrier 2>/dev/null; :';
  try {
    await port.login({ timeoutMs: CONSOLE_MS, signal });
    const { output } = await port.run(command, { timeoutMs: CONSOLE_MS, signal });
    const [bootNow = null, ...carriers] = output.split('\n').map((line) => line.trim());
    return { bootNow, carrier: carriers.includes('1') };
  } catch {
    // It echoes keys, but has no shell any more.
    return {};
  }
}

async function resetAndRead(patient: Patient, signal: AbortSignal): Promise<Partial<LossFacts>> {
  try {
    await patient.reset(signal);
    await patient.boot(signal);
    const { crashes, bootStatus } = await readRemains(patient, signal);
    return { rebooted: true, crashes, bootStatus };
  } catch (error) {
    patient.journal.append('journal.note', {
      message: `${patient.name} could not be asked after its reset: ${messageOf(error)}`,
    });
    return { rebooted: false };
  }
}
