/**
 * Checks who may import whom: `devices` <- `lab` <- `suites`, `reporters`; nothing imports `test`; no cycles at run time.
 * The command line (`lab/cli`) is the top of it all: it may use everything but `test`, and only it uses itself.
 */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { type Import, importsOf } from './imports.ts';

export interface Violation {
  file: string;
  line: number;
  message: string;
}

/** Folders, or single files, that a part is made of. Where several match, the longest is meant. */
type Part = string;

/** What no file of a part may import, and why. */
export const FORBIDDEN: readonly {
  from: Part;
  to: readonly Part[];
  why: string;
  except?: readonly string[];
}[] = [
  {
    from: 'devices',
    to: ['lab', 'suites', 'reporters'],
    why: 'profiles are data that everything else builds on',
  },
  {
    from: 'lab',
    to: ['suites', 'reporters'],
    why: 'the lab knows nothing of who uses it',
    except: ['lab/cli'],
  },
  { from: 'suites', to: ['reporters'], why: 'a suite does not know who reports it' },
  { from: 'reporters', to: ['suites'], why: 'a report is made of the journal, not of a suite' },
  ...['board', 'kernel', 'links', 'traffic'].map((part) => ({
    from: `lab/${part}`,
    to: ['lab/controller', 'lab/client', 'lab/cli'],
    why: 'what works on a board is used by the controller, never the other way round',
  })),
  ...['', 'lab', 'devices', 'suites', 'reporters'].map((part) => ({
    from: part,
    to: ['test'],
    why: 'tests use the harness, never the other way round',
    except: ['test'],
  })),
  {
    from: '',
    to: ['lab/cli'],
    why: 'the command line is the top: it uses the others',
    except: ['lab/cli', 'lab/setup/main.ts', 'test'],
  },
];

/** In these parts no file reaches out of the process, but for those whose work it is. */
export const PURE: readonly { part: Part; except: readonly string[] }[] = [
  { part: 'lab/verdict', except: [] },
  {
    part: 'lab/journal',
    except: ['lab/journal/reader.ts', 'lab/journal/writer.ts', 'lab/journal/parts.ts'],
  },
];

/** Node's modules without effect outside the process. */
const HARMLESS = new Set([
  'node:path',
  'node:string_decoder',
  'node:util',
  'node:assert',
  'node:assert/strict',
  'node:buffer',
]);

const within = (file: string, part: Part): boolean =>
  part === '' || file === part || file.startsWith(`${part}/`);

/** The sources that the rule is for, relative to the root. */
export function sourceFiles(root: string): string[] {
  return globSync(['{devices,lab,suites,reporters,test}/**/*.ts', '*.ts'], { cwd: root }).sort();
}

/** Every breach of the rule below a root folder. */
export function checkImports(root: string): Violation[] {
  const graph = new Map<string, { target: string; imported: Import }[]>();
  const violations: Violation[] = [];
  for (const file of sourceFiles(root)) {
    const edges: { target: string; imported: Import }[] = [];
    for (const imported of importsOf(readFileSync(join(root, file), 'utf8'))) {
      const target = resolve(file, imported.specifier);
      if (target !== null && !existsSync(join(root, target))) {
        violations.push({
          file,
          line: imported.line,
          message: `imports ${imported.specifier}, which is not there`,
        });
      } else if (target !== null) edges.push({ target, imported });
      violations.push(...breaches(file, target ?? imported.specifier, imported));
    }
    graph.set(file, edges);
  }
  return [...violations, ...cycles(graph)];
}

/** A file of this project relative to its root; null for a package. */
function resolve(file: string, specifier: string): string | null {
  if (specifier === '#hil/fixtures') return 'lab/fixtures.ts';
  return specifier.startsWith('.') ? relative('.', join(dirname(file), specifier)) : null;
}

function breaches(file: string, target: string, { line, typeOnly }: Import): Violation[] {
  const found: Violation[] = [];
  for (const { from, to, why, except = [] } of FORBIDDEN) {
    if (!within(file, from) || except.some((part) => within(file, part))) continue;
    for (const part of to) {
      if (within(target, part))
        found.push({
          file,
          line,
          message: `imports ${target}, but ${from || 'a source'} must not import ${part}: ${why}`,
        });
    }
  }
  for (const { part, except } of PURE) {
    if (typeOnly || !within(file, part) || except.includes(file)) continue;
    if (target.startsWith('node:') && !HARMLESS.has(target)) {
      found.push({ file, line, message: `imports ${target}, but ${part} does no I/O` });
    }
  }
  return found;
}

/** Files that load each other in a circle; which of them runs first would depend on who is imported first. */
function cycles(graph: ReadonlyMap<string, readonly { target: string; imported: Import }[]>): Violation[] {
  const state = new Map<string, 'open' | 'done'>();
  const found: Violation[] = [];
  const visit = (file: string, path: readonly string[]): void => {
    state.set(file, 'open');
    for (const { target, imported } of graph.get(file) ?? []) {
      if (imported.typeOnly || target === file) continue;
      if (state.get(target) === 'open') {
        const circle = [...path.slice(path.indexOf(target)), target];
        found.push({
          file,
          line: imported.line,
          message: `is part of a circle of imports: ${circle.join(' -> ')}`,
        });
      } else if (state.get(target) === undefined) visit(target, [...path, target]);
    }
    state.set(file, 'done');
  };
  for (const file of graph.keys()) if (state.get(file) === undefined) visit(file, [file]);
  return found;
}

if (import.meta.main) {
  const violations = checkImports(process.cwd());
  for (const { file, line, message } of violations) console.error(`${file}:${line}: ${message}`);
  process.exitCode = violations.length === 0 ? 0 : 1;
}
