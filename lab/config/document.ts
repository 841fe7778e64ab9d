/** YAML files to one value, with what they include, and where in which file each part of it stands. */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
} from 'yaml';
import { messageOf } from '../errors.ts';

export interface Place {
  file: string;
  /** Both from 1 on. */
  line: number;
  column: number;
}

export interface Problem extends Place {
  message: string;
}

type Path = readonly PropertyKey[];

export interface LabDocument {
  /** All files merged: each section's entries side by side. */
  value: Record<string, unknown>;
  problems: Problem[];
  /** Where the value of a path stands, or the nearest thing above it that does; of its key, with `key`. */
  placeOf: (path: Path, key?: 'key') => Place;
}

interface Part {
  file: string;
  doc: Document.Parsed;
  lines: LineCounter;
}

/** So many aliases may one file resolve: against a few lines that unfold to gigabytes. */
const MAX_ALIASES = 10_000;
const MAX_BYTES = 16 * 1024 * 1024;

/** Reads a file and all it includes. What can't be read or is no YAML is among the problems. */
export function readDocument(file: string): LabDocument {
  const parts: Part[] = [];
  const problems: Problem[] = [];
  const value: Record<string, unknown> = {};
  /** Which part an entry of a section came from, and for lists how many came before. */
  const origins = new Map<string, { part: Part; first: number }>();

  const read = (path: string, from: Place, chain: readonly string[]): void => {
    if (chain.includes(path)) {
      problems.push({ ...from, message: `the file includes itself: ${[...chain, path].join(' -> ')}` });
      return;
    }
    const part = open(path, from, problems);
    if (!part) return;
    parts.push(part);
    const content = contentOf(part, problems);
    for (const [section, entries] of Object.entries(content)) {
      if (section === 'include') continue;
      merge(section, entries, part);
    }
    for (const [index, target] of includesOf(content).entries())
      read(resolve(dirname(path), target), placeIn(part, ['include', index]), [...chain, path]);
  };

  const merge = (section: string, entries: unknown, part: Part): void => {
    // What only holds anchors, as in Compose files.
    if (section.startsWith('x-')) return;
    const before = value[section];
    if (Array.isArray(before) && Array.isArray(entries)) {
      for (const index of entries.keys())
        origins.set(`${section}/${before.length + index}`, { part, first: before.length });
      before.push(...entries);
    } else if (isRecord(before) && isRecord(entries)) {
      for (const [name, entry] of Object.entries(entries)) {
        if (Object.hasOwn(before, name))
          problems.push({
            ...placeIn(part, [section, name], 'key'),
            message: `${section}.${name} is there twice: also in ${origins.get(`${section}/${name}`)?.part.file ?? part.file}`,
          });
        else {
          before[name] = entry;
          origins.set(`${section}/${name}`, { part, first: 0 });
        }
      }
    } else if (before === undefined) {
      // A copy: what comes from other files is added to it.
      value[section] = Array.isArray(entries) ? [...entries] : isRecord(entries) ? { ...entries } : entries;
      origins.set(section, { part, first: 0 });
      const keys = Array.isArray(entries) || isRecord(entries) ? Object.keys(entries) : [];
      for (const key of keys) origins.set(`${section}/${key}`, { part, first: 0 });
    } else
      problems.push({
        ...placeIn(part, [section], 'key'),
        message: `${section} is there twice, of two kinds`,
      });
  };

  read(resolve(file), { file: resolve(file), line: 1, column: 1 }, []);
  return {
    value,
    problems,
    placeOf: (path, key) => {
      const [section, entry] = path;
      const origin =
        origins.get(`${String(section)}/${String(entry)}`) ?? origins.get(String(section)) ?? null;
      const part = origin?.part ?? parts[0];
      if (!part) return { file: resolve(file), line: 1, column: 1 };
      const own =
        typeof entry === 'number' ? [section ?? '', entry - (origin?.first ?? 0), ...path.slice(2)] : path;
      return placeIn(part, own, key);
    },
  };
}

function open(path: string, from: Place, problems: Problem[]): Part | null {
  let text: string;
  try {
    const bytes = readFileSync(path);
    if (bytes.length > MAX_BYTES) throw new Error(`it is larger than ${MAX_BYTES / 1024 / 1024} MiB`);
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    problems.push({ ...from, message: `${path} can't be read: ${messageOf(error)}` });
    return null;
  }
  const lines = new LineCounter();
  const doc = parseDocument(text, { lineCounter: lines, merge: true, prettyErrors: false });
  const part = { file: path, doc, lines };
  // What comes after the first mistake is mostly its consequence.
  const [first] = doc.errors;
  if (first) problems.push({ ...at(part, first.pos[0]), message: `no YAML: ${first.message}` });
  return part;
}

function contentOf(part: Part, problems: Problem[]): Record<string, unknown> {
  if (part.doc.errors.length > 0) return {};
  try {
    const content: unknown = part.doc.toJS({ maxAliasCount: MAX_ALIASES });
    if (isRecord(content)) return content;
    if (content !== null && content !== undefined)
      problems.push({ ...at(part, 0), message: 'expected a mapping of sections, such as boards:' });
  } catch (error) {
    problems.push({ ...at(part, 0), message: messageOf(error) });
  }
  return {};
}

function includesOf({ include }: Record<string, unknown>): string[] {
  const list = typeof include === 'string' ? [include] : include;
  return Array.isArray(list) ? list.filter((each) => typeof each === 'string') : [];
}

function placeIn(part: Part, path: Path, key?: 'key'): Place {
  let node: unknown = part.doc.contents;
  let offset = 0;
  for (const [depth, step] of path.entries()) {
    const pair = isMapLike(node, part) ? pairOf(node, step, part) : null;
    const next = pair ? pair.value : itemOf(node, step, part);
    // A value that is missing is told at what it is missing in.
    if (!isNode(next) && !(pair && isNode(pair.key))) break;
    const wanted = key === 'key' && depth === path.length - 1 ? pair?.key : next;
    const found = isNode(wanted) ? wanted : pair?.key;
    offset = (isNode(found) ? found.range?.[0] : undefined) ?? offset;
    node = next;
  }
  return at(part, offset);
}

function isMapLike(node: unknown, part: Part): node is Node {
  return isMap(resolved(node, part));
}

/** The pair of a key, also where it comes by a merge key (`<<: *anchor`). */
function pairOf(node: unknown, key: PropertyKey, part: Part): Pair | null {
  const map = resolved(node, part);
  if (!isMap(map)) return null;
  const named = (pair: Pair, name: string): boolean => isScalar(pair.key) && String(pair.key.value) === name;
  const own = map.items.find((pair) => named(pair, String(key)));
  if (own) return own;
  for (const pair of map.items.filter((each) => named(each, '<<') || isMergeSymbol(each))) {
    const source = resolved(pair.value, part);
    for (const each of isSeq(source) ? source.items : [source]) {
      const found = pairOf(each, key, part);
      if (found) return found;
    }
  }
  return null;
}

function isMergeSymbol({ key }: Pair): boolean {
  return isScalar(key) && typeof key.value === 'symbol';
}

function itemOf(node: unknown, index: PropertyKey, part: Part): unknown {
  const list = resolved(node, part);
  return isSeq(list) && typeof index === 'number' ? list.items[index] : undefined;
}

function resolved(node: unknown, part: Part): unknown {
  return isAlias(node) ? node.resolve(part.doc) : node;
}

function at(part: Part, offset: number): Place {
  const { line, col } = part.lines.linePos(offset);
  return { file: part.file, line: Math.max(1, line), column: Math.max(1, col) };
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
