/** What is wrong with a lab file, as sentences with what was expected and what may have been meant. */
import type { z } from 'zod';
import { suggest } from '../suggest.ts';
import { sanitize } from '../text.ts';
import { isRecord, type LabDocument, type Problem } from './document.ts';

type JsonSchema = z.core.JSONSchema.BaseSchema;
type Issue = z.core.$ZodIssue;

/** Values under such a key are not shown: they may be what somebody should have kept to themselves. */
const CONFIDENTIAL = /pass|secret|token|key|pin|community/i;

/** One problem an issue, or one a key where several are unknown. */
export function explain(issues: readonly Issue[], doc: LabDocument, schema: JsonSchema): Problem[] {
  const leaves = issues.flatMap((issue) => leavesOf(issue, doc));
  return withoutMisspelt(leaves, doc, schema).flatMap((issue) => problemsOf(issue, doc, schema));
}

/** Of a value that may have several forms, what is wrong with the one that fits best. */
function leavesOf(issue: Issue, doc: LabDocument): Issue[] {
  if (issue.code !== 'invalid_union' || issue.errors.length === 0) return [issue];
  const isMapping = isRecord(valueAt(doc.value, issue.path));
  // A mapping is none of the words that it could be in its place.
  const forms = isMapping
    ? issue.errors.filter((errors) =>
        errors.every(({ path, code }) => path.length > 0 || code === 'unrecognized_keys'),
      )
    : [];
  const [best = []] = [...(forms.length > 0 ? forms : issue.errors)].sort((a, b) => a.length - b.length);
  return best.flatMap((each) => leavesOf({ ...each, path: [...issue.path, ...each.path] }, doc));
}

/** A key that is missing because it was misspelt is told once, as misspelt. */
function withoutMisspelt(issues: readonly Issue[], doc: LabDocument, schema: JsonSchema): Issue[] {
  const meantKeys = new Set(
    issues.flatMap((issue) => {
      if (issue.code !== 'unrecognized_keys') return [];
      const known = keysAt(schema, doc.value, issue.path);
      return issue.keys.flatMap((key) => suggest(key, known).map((name) => nameOf([...issue.path, name])));
    }),
  );
  return issues.filter(({ path }) => valueAt(doc.value, path) !== undefined || !meantKeys.has(nameOf(path)));
}

function problemsOf(issue: Issue, doc: LabDocument, schema: JsonSchema): Problem[] {
  const { path } = issue;
  const where = nameOf(path);
  if (issue.code === 'unrecognized_keys') {
    const known = keysAt(schema, doc.value, path);
    return issue.keys.map((key) => ({
      ...doc.placeOf([...path, key], 'key'),
      message: `${prefix(where)}there is no key "${sanitize(key)}" here${meant(key, known)}`,
    }));
  }
  if (issue.code === 'invalid_key') {
    const [first] = issue.issues;
    return [{ ...doc.placeOf(path, 'key'), message: `${where}: ${first?.message ?? issue.message}` }];
  }
  const value = valueAt(doc.value, path);
  const last = path.at(-1);
  if (value === undefined && last !== undefined && typeof last !== 'number')
    return [
      {
        ...doc.placeOf(path.slice(0, -1), 'key'),
        message: `${prefix(nameOf(path.slice(0, -1)))}"${String(last)}" is missing: ${expectation(issue, schema, doc, path)}`,
      },
    ];
  const given = CONFIDENTIAL.test(String(last)) || issue.code === 'custom' ? '' : `, not ${shown(value)}`;
  const options = optionsOf(issue, schema, doc, path);
  const guess = typeof value === 'string' ? meant(value, options) : '';
  return [
    {
      ...doc.placeOf(path),
      message: `${prefix(where)}${expectation(issue, schema, doc, path)}${given}${guess}`,
    },
  ];
}

function expectation(
  issue: Issue,
  schema: JsonSchema,
  doc: LabDocument,
  path: readonly PropertyKey[],
): string {
  const options = optionsOf(issue, schema, doc, path);
  if (
    issue.code === 'invalid_value' &&
    formsOf(schemaAt(schema, doc.value, path)).some(({ properties }) => properties)
  )
    options.push('a mapping (key: value)');
  if (options.length > 0) return `expected ${options.length > 1 ? 'one of ' : ''}${options.join(', ')}`;
  const message = issue.message.replace(/^Invalid input: /, '').replace(/, received .*$/, '');
  if (issue.code === 'invalid_type' && message !== issue.message)
    return `expected ${KINDS[issue.expected] ?? message.replace(/^expected /, '')}`;
  return message;
}

const KINDS: Record<string, string> = {
  object: 'a mapping (key: value)',
  record: 'a mapping (name: ...)',
  array: 'a list',
  string: 'text',
  int: 'a whole number',
  boolean: 'true or false',
};

/** The values that were possible. */
function optionsOf(
  issue: Issue,
  schema: JsonSchema,
  doc: LabDocument,
  path: readonly PropertyKey[],
): string[] {
  if (issue.code === 'invalid_value') return issue.values.map(String);
  if (issue.code !== 'invalid_union') return [];
  // No form of a discriminated union has this `type`.
  const parent = schemaAt(schema, doc.value, path.slice(0, -1));
  return formsOf(parent).flatMap((form) => {
    const own = plain(form.properties?.[String(path.at(-1))])?.const;
    return own === undefined ? [] : [String(own)];
  });
}

function keysAt(schema: JsonSchema, value: unknown, path: readonly PropertyKey[]): string[] {
  return Object.keys(schemaAt(schema, value, path)?.properties ?? {});
}

/** The schema of the value at a path, of several forms the one that its `type` chooses. */
function schemaAt(root: JsonSchema, value: unknown, path: readonly PropertyKey[]): JsonSchema | undefined {
  let schema: JsonSchema | undefined = chosen(root, value);
  let current = value;
  for (const step of path) {
    current = isRecord(current) || Array.isArray(current) ? Reflect.get(current, step) : undefined;
    const items = Array.isArray(schema?.items) ? undefined : schema?.items;
    const next = plain(schema?.properties?.[String(step)] ?? schema?.additionalProperties ?? items);
    schema = chosen(next, current);
  }
  return schema;
}

function chosen(schema: JsonSchema | undefined, value: unknown): JsonSchema | undefined {
  const forms = formsOf(schema);
  if (forms.length === 0) return schema;
  if (!isRecord(value)) return schema;
  const chosenBy = ([key, child]: [string, unknown]): boolean =>
    isRecord(child) && child.const !== undefined && value[key] === child.const;
  const fits = forms.find((form) => Object.entries(form.properties ?? {}).some(chosenBy));
  const mappings = forms.filter(({ properties }) => properties !== undefined);
  return fits ?? (mappings.length === 1 ? mappings[0] : schema);
}

/** The forms that a value may have, those of unions within unions included. */
function formsOf(schema: JsonSchema | undefined): JsonSchema[] {
  const forms = [...(schema?.anyOf ?? []), ...(schema?.oneOf ?? [])].map(plain);
  return forms.flatMap((form) => {
    if (form === undefined) return [];
    return form.anyOf || form.oneOf ? formsOf(form) : [form];
  });
}

/** A schema may be `true` or `false`, which tell nothing of what is in it. */
function plain(schema: boolean | JsonSchema | undefined): JsonSchema | undefined {
  return typeof schema === 'object' ? schema : undefined;
}

function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  let value = root;
  for (const step of path) {
    if (!isRecord(value) && !Array.isArray(value)) return undefined;
    value = Reflect.get(value, step);
  }
  return value;
}

/** `boards.bpi1.power`, `links[2].board`. */
export function nameOf(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, step) => {
    if (typeof step === 'number') return `${text}[${step}]`;
    return text === '' ? sanitize(String(step)) : `${text}.${sanitize(String(step))}`;
  }, '');
}

/** `; did you mean port?`, or nothing. */
export function meant(word: string, candidates: Iterable<string>): string {
  const close = suggest(word, candidates);
  return close.length === 0 ? '' : `; did you mean ${close.join(' or ')}?`;
}

function prefix(where: string): string {
  return where === '' ? '' : `${where}: `;
}

function shown(value: unknown): string {
  if (value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (isRecord(value)) return 'a mapping';
  const text = typeof value === 'string' ? JSON.stringify(sanitize(value)) : String(value);
  return text.length > 60 ? `${text.slice(0, 60)}...` : text;
}
