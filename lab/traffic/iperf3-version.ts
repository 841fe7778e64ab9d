/** What the iperf3 of a machine can (its release notes: github.com/esnet/iperf, RELNOTES.md). */
import type { Remote } from '../board/remote.ts';
import { sanitize } from '../text.ts';

export interface Iperf3Version {
  text: string;
  major: number;
  minor: number;
}

/** Null where there is none, or it does not say what it is. */
export function parseIperf3Version(output: string): Iperf3Version | null {
  const [, major, minor] = /^iperf (\d{1,3})\.(\d{1,3})/m.exec(output) ?? [];
  if (major === undefined || minor === undefined) return null;
  return { text: `${major}.${minor}`, major: Number(major), minor: Number(minor) };
}

export type Iperf3Ability = 'forceflush' | 'bidirectional' | 'json-stream';

const SINCE: Readonly<Record<Iperf3Ability, readonly [major: number, minor: number]>> = {
  forceflush: [3, 1],
  bidirectional: [3, 7],
  'json-stream': [3, 17],
};

export function can({ major, minor }: Iperf3Version, ability: Iperf3Ability): boolean {
  const [since, sinceMinor] = SINCE[ability];
  return major > since || (major === since && minor >= sinceMinor);
}

export function sinceWhen(ability: Iperf3Ability): string {
  return SINCE[ability].join('.');
}

/** Asks a machine. Null where it has none; `said` is what it answered. */
export async function askIperf3(
  remote: Remote,
  signal: AbortSignal,
): Promise<{ version: Iperf3Version | null; said: string }> {
  const { stdout, stderr } = await remote.run('iperf3 --version', { signal, quiet: true });
  const said = sanitize(`${stdout}${stderr}`.split('\n')[0] ?? '');
  return { version: parseIperf3Version(stdout), said };
}
