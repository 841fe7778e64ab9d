/** Reads a board's clocks between instants of the controller's: what its kernel stamps its log with, and its calendar clock. */
import { randomBytes } from 'node:crypto';
import type { Remote } from '../board/remote.ts';
import { LabError } from '../errors.ts';
import { now } from '../journal/clock.ts';
import { type ClockMapping, OffsetEstimate, through } from '../journal/clock-mapping.ts';
import { BARRIER, type KernelRecord } from './kmsg.ts';
import type { KernelLog } from './log.ts';

/** Good enough: half a round trip over SSH. */
const WANTED_NS = 4_000_000;
const TRIPS_MAX = 20;
const COMMAND_MS = 5000;
/** Stamps are in microseconds, rounded down. */
const STAMP_NS = 1000;
const WALL_READINGS = 5;

export interface BoardClocks {
  kernel: ClockMapping;
  /** Null where the board's calendar clock can't be read. */
  wall: ClockMapping | null;
}

/** Throws what the board's connection throws, and LabError where the log is overrun and no marker comes back. */
export async function probeClocks(
  remote: Remote,
  log: Pick<KernelLog, 'subscribe' | 'barrier'>,
  signal: AbortSignal,
): Promise<BoardClocks> {
  const stamps = new Map<string, number>();
  const forget = log.subscribe(({ text, us }: KernelRecord) => {
    if (text.startsWith(BARRIER)) stamps.set(text.slice(BARRIER.length), us * 1000);
  });
  try {
    const kernel = await kernelClock(remote, log, stamps, signal);
    if (kernel === null)
      throw new LabError(`no marker came back from the kernel log of ${remote.name}`, { board: remote.name });
    return { kernel, wall: await wallClock(remote, log, stamps, kernel, signal) };
  } finally {
    forget();
  }
}

type Stamps = ReadonlyMap<string, number>;
type Log = Pick<KernelLog, 'barrier'>;

async function kernelClock(
  remote: Remote,
  log: Log,
  stamps: Stamps,
  signal: AbortSignal,
): Promise<ClockMapping | null> {
  const limits = { timeoutMs: COMMAND_MS, signal, quiet: true };
  const estimate = new OffsetEstimate(STAMP_NS);
  for (let trip = 0; trip < TRIPS_MAX; trip++) {
    const word = newWord();
    const sentNs = now().mono;
    await remote.check(`echo '<7>${BARRIER}${word}' >/dev/kmsg`, limits);
    const receivedNs = now().mono;
    // The marker comes over another channel, maybe after the answer.
    if (!stamps.has(word)) await log.barrier(limits);
    const boardNs = stamps.get(word);
    if (boardNs !== undefined) estimate.add({ sentNs, receivedNs, boardNs });
    if (estimate.mapping !== null && estimate.mapping.boundNs <= WANTED_NS) break;
  }
  return estimate.mapping;
}

/** Each reading lies between two stamps of the kernel: it is mapped onto the kernel's clock, and with that onto ours. */
async function wallClock(
  remote: Remote,
  log: Log,
  stamps: Stamps,
  kernel: ClockMapping,
  signal: AbortSignal,
): Promise<ClockMapping | null> {
  const limits = { timeoutMs: COMMAND_MS, signal, quiet: true };
  const word = newWord();
  const printed = await remote.check(wallScript(word), limits);
  await log.barrier(limits);
  const readings = [...printed.matchAll(/^(\d+) (\d+)[.,]?(\d*)$/gm)];
  const digits = Math.min(9, ...readings.map(([, , , fraction = '']) => fraction.length));
  const estimate = new OffsetEstimate(10 ** (9 - digits));
  for (const [, reading = '', seconds = '', fraction = ''] of readings) {
    const sentNs = stamps.get(`${word}a${reading}`);
    const receivedNs = stamps.get(`${word}b${reading}`);
    const boardNs = Number(seconds) * 1e9 + Number(fraction.padEnd(9, '0'));
    if (sentNs !== undefined && receivedNs !== undefined)
      estimate.add({ sentNs, receivedNs: receivedNs + STAMP_NS, boardNs });
  }
  return estimate.mapping && through(estimate.mapping, kernel);
}

function newWord(): string {
  return randomBytes(8).toString('hex');
}

/** bash tells the time without starting a program; other shells have `date`, which may know whole seconds only. */
function wallScript(word: string): string {
  const readings = Array.from({ length: WALL_READINGS }, (_, index) => index).join(' ');
  const mark = (side: string): string => `echo "<7>${BARRIER}${word}${side}$i" >/dev/kmsg`;
  const loop = (time: string): string =>
    `for i in ${readings};do ${mark('a')};t=${time};${mark('b')};echo "$i $t";done`;
  const byBash = `[ -n "$EPOCHREALTIME" ]||exit 1;${loop('$EPOCHREALTIME')}`;
  // BusyBox without nanoseconds prints the N itself.
  return `bash -c '${byBash}' 2>/dev/null||{ ${loop('$(date +%s.%N)')};}|sed 's/\\.%*N$//'`;
}
