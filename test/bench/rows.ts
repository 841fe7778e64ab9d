/** What a benchmark reports, and the statistics it needs. */

export interface Row {
  /** What was measured, with its unit. */
  what: string;
  ours: number;
  /** The same work by a peer or the raw tool, measured in the same run. */
  peer?: { name: string; value: number };
  /** Figure published for labgrid (same hardware class, other day), or measured now where it is installed. */
  labgrid?: { value: number; measuredNow: boolean };
  /** What must be reached, for the reader; a benchmark never fails. */
  target?: string;
  runs: number;
}

export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (sorted.length - 1) * q;
  const low = sorted[Math.floor(at)] ?? Number.NaN;
  const high = sorted[Math.ceil(at)] ?? Number.NaN;
  return low + (high - low) * (at - Math.floor(at));
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** Runs the two in turn (A B A B ...), so that a drift of the machine's speed meets both alike. */
export async function alternate(
  runs: number,
  a: () => Promise<number>,
  b: () => Promise<number>,
): Promise<{ a: number[]; b: number[] }> {
  const result: { a: number[]; b: number[] } = { a: [], b: [] };
  for (let run = 0; run < runs; run++) {
    result.a.push(await a());
    result.b.push(await b());
  }
  return result;
}

/** Wall time of some work in milliseconds. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

/** CPU time of this process (user and system) over some work, in seconds. */
export async function cpuSeconds(work: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

const number = (value: number): string => (Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3));

export function table(rows: readonly Row[]): string {
  const cells = rows.map(({ what, ours, peer, labgrid, target, runs }) => [
    what,
    number(ours),
    peer ? `${number(peer.value)} (${peer.name})` : '',
    peer ? number(ours / peer.value) : '',
    labgrid ? `${number(labgrid.value)}${labgrid.measuredNow ? ' now' : ' published'}` : '',
    target ?? '',
    String(runs),
  ]);
  const all = [['what', 'hil', 'peer', 'ratio', 'labgrid', 'target', 'runs'], ...cells];
  const widths = (all[0] ?? []).map((_, column) => Math.max(...all.map((row) => (row[column] ?? '').length)));
  return all
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
