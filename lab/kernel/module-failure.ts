/** Why a module did not load, from what modprobe and the kernel said. Pure. */
import { ProductError } from '../errors.ts';
import { distance } from '../text.ts';

export interface LoadEvidence {
  board: string;
  name: string;
  command: string;
  exitCode: number;
  /** What modprobe printed. */
  said: string;
  /** What the kernel logged meanwhile. */
  log: readonly string[];
}

export interface ModuleFacts {
  /** Release of the running kernel. */
  kernel: string;
  /** What the module was built for; empty when there is no such module. */
  vermagic: string;
  /** Names of the parameters it knows. */
  parameters: readonly string[];
  /** Names of all modules there are for the running kernel. */
  modules: readonly string[];
}

interface Cause {
  code: string;
  pattern: RegExp;
  /** Where to look: what modprobe said, or what the kernel logged. */
  in: 'said' | 'log';
  explain: (match: RegExpExecArray, evidence: LoadEvidence, facts: ModuleFacts) => string;
}

/** First match wins. Wordings: kmod's tools/modprobe.c, BusyBox's modprobe, the kernel's kernel/module and kernel/params.c. */
const CAUSES: readonly Cause[] = [
  {
    code: 'module-missing',
    pattern: /Module \S+ not found|module '?[\w-]+'? not found|not found in modules\.dep/i,
    in: 'said',
    explain: (_match, { name }, { kernel, modules }) => {
      const similar = similarNames(name, modules);
      const there = similar.length === 0 ? '' : `; similar ones: ${similar.join(', ')}`;
      return `there is no module ${name} for the running kernel ${kernel}${there}`;
    },
  },
  {
    code: 'vermagic',
    pattern: /version magic '([^']*)' should be '([^']*)'/,
    in: 'log',
    explain: (match) => `it was built for ${match[1]?.trim()}, but the kernel is ${match[2]?.trim()}`,
  },
  {
    code: 'unknown-symbol',
    pattern: /(?:Unknown symbol|disagrees about version of symbol) (\S+)/,
    in: 'log',
    explain: (match, _evidence, { kernel }) =>
      `the kernel ${kernel} has no fitting ${match[1]}: the module was built against another configuration`,
  },
  {
    code: 'vermagic',
    pattern: /Exec format error|Invalid module format/i,
    in: 'said',
    explain: (_match, _evidence, { kernel, vermagic }) =>
      `it is not a module for this kernel: built for "${vermagic}", running ${kernel}`,
  },
  {
    code: 'module-signature',
    pattern: /Key was rejected by service|Required key not available/i,
    in: 'said',
    explain: () =>
      'the kernel does not accept its signature: the file was altered after it was signed, or by an unknown key',
  },
  {
    code: 'unknown-parameter',
    pattern: /unknown parameter '([^']*)' ignored/,
    in: 'log',
    explain: (match, _evidence, { parameters }) =>
      `it has no parameter ${match[1]}; it has ${parameters.length === 0 ? 'none' : parameters.join(', ')}`,
  },
  {
    code: 'invalid-parameter',
    pattern: /[`']([^`']*)' (?:invalid|too large) for parameter [`']([^`']*)'/,
    in: 'log',
    explain: (match) => `${match[1]} is no value for its parameter ${match[2]}`,
  },
  {
    code: 'firmware-missing',
    pattern:
      /(?:Direct firmware load for (\S+) failed|failed to load firmware (\S+)|firmware: failed to load (\S+))/i,
    in: 'log',
    explain: (_match, { log }) =>
      `the board lacks its firmware ${missingFirmware(log).join(', ') || '(unnamed)'}`,
  },
];

/** The error of a load that failed, or that the kernel warned of. */
export function explainLoad(evidence: LoadEvidence, facts: ModuleFacts): ProductError {
  const { board, name, command, exitCode, said, log } = evidence;
  const text = { said, log: log.join('\n') };
  const logged = log.length === 0 ? '' : `; the kernel logged: ${log.slice(-5).join(' | ')}`;
  const hint = `it was: ${command} (exit code ${exitCode})${logged}`.slice(0, 2000);
  for (const cause of CAUSES) {
    const match = cause.pattern.exec(text[cause.in]);
    if (match === null) continue;
    const why = cause.explain(match, evidence, facts);
    return new ProductError(`${name} did not load on ${board}: ${why}`, { board, code: cause.code, hint });
  }
  const why =
    said.trim() || (exitCode === 0 ? 'modprobe was content, yet it is not loaded' : `exit code ${exitCode}`);
  return new ProductError(`${name} did not load on ${board}: ${why}`, { board, code: 'module-load', hint });
}

/** Files that the kernel looked for and did not find. */
export function missingFirmware(log: readonly string[]): string[] {
  const names = log.flatMap((line) => {
    const match =
      /Direct firmware load for (\S+) failed|failed to load firmware (\S+)|firmware: failed to load (\S+)/i.exec(
        line,
      );
    const name = match?.[1] ?? match?.[2] ?? match?.[3];
    return name === undefined ? [] : [name];
  });
  return [...new Set(names)];
}

/** Up to five names that are nearly the same, or contain one another. */
export function similarNames(name: string, all: readonly string[]): string[] {
  const wanted = name.replaceAll('-', '_');
  const limit = Math.max(1.5, wanted.length / 3);
  return all
    .map((other) => ({ other, distance: closeness(wanted, other.replaceAll('-', '_')) }))
    .filter(({ distance }) => distance <= limit)
    .sort((a, b) => a.distance - b.distance)
    .slice(0, 5)
    .map(({ other }) => other);
}

function closeness(a: string, b: string): number {
  if (a.length >= 4 && b.length >= 4 && (a.includes(b) || b.includes(a))) return 1.5;
  return distance(a, b);
}
