/** Finds the imports of a TypeScript source, without its strings, comments and regular expressions misleading it. */

export interface Import {
  /** As written: `./x.ts`, `node:fs`, `zod`. */
  specifier: string;
  line: number;
  /** Erased before it runs: `import type`, `export type`, or a type such as `import('./x.ts').X`. */
  typeOnly: boolean;
}

interface Token {
  kind: 'word' | 'string' | 'sign';
  text: string;
  line: number;
}

/** Words after which a slash begins a regular expression. */
const BEFORE_REGEX = new Set([
  'return',
  'typeof',
  'case',
  'in',
  'of',
  'do',
  'else',
  'void',
  'delete',
  'throw',
  'new',
  'await',
  'yield',
]);

const TOKEN =
  /(?<space>\s+|\/\/[^\n]*|\/\*[\s\S]*?\*\/)|(?<word>[\p{ID_Start}$_#][\p{ID_Continue}$]*|\d[\w.]*)|(?<string>'(?:[^'\\\n]|\\[\s\S])*'|"(?:[^"\\\n]|\\[\s\S])*")|(?<sign>[\s\S])/uy;
const REGEX = /\/(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/uy;
const TEMPLATE_TEXT = /(?:[^`\\$]|\\[\s\S]|\$(?!\{))*/uy;

/** The words, strings and signs of a source; the text of templates is left out, the code inside them is not. */
function tokens(source: string): Token[] {
  const found: Token[] = [];
  /** For each open template, how many braces are open in its present `${}`. */
  const templates: number[] = [];
  let at = 0;
  let line = 1;
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const match = pattern.exec(source);
    if (match) {
      at = pattern.lastIndex;
      line += match[0].split('\n').length - 1;
    }
    return match;
  };
  const templateText = (): void => {
    take(TEMPLATE_TEXT);
    if (source.startsWith('${', at)) {
      at += 2;
      templates.push(0);
    } else at += 1;
  };
  while (at < source.length) {
    if (
      source[at] === '/' &&
      !/^\/[/*]/.test(source.slice(at, at + 2)) &&
      regexMayCome(found.at(-1)) &&
      take(REGEX)
    ) {
      found.push({ kind: 'sign', text: ')', line });
      continue;
    }
    const began = line;
    const groups = take(TOKEN)?.groups;
    if (groups?.word !== undefined) found.push({ kind: 'word', text: groups.word, line: began });
    else if (groups?.string !== undefined)
      found.push({ kind: 'string', text: groups.string.slice(1, -1), line: began });
    else if (groups?.sign === '`') {
      templateText();
      // Stands for the value of the template, so that a slash after it divides.
      found.push({ kind: 'sign', text: templates.at(-1) === 0 ? '(' : ')', line: began });
    } else if (groups?.sign === '}' && templates.at(-1) === 0) {
      templates.pop();
      templateText();
    } else if (groups?.sign !== undefined) {
      const open = templates.length - 1;
      if (groups.sign === '{' && open >= 0) templates[open] = (templates[open] ?? 0) + 1;
      if (groups.sign === '}' && open >= 0) templates[open] = (templates[open] ?? 0) - 1;
      found.push({ kind: 'sign', text: groups.sign, line: began });
    }
  }
  return found;
}

function regexMayCome(before: Token | undefined): boolean {
  if (before === undefined) return true;
  if (before.kind === 'word') return BEFORE_REGEX.has(before.text);
  return before.kind === 'sign' && !/[)\]}]/.test(before.text);
}

/** All imports and re-exports of a source, static and dynamic, in their order. A computed `import(x)` is not seen. */
export function importsOf(source: string): Import[] {
  const all = tokens(source);
  const imports: Import[] = [];
  const text = (index: number): string | undefined =>
    all[index]?.kind === 'string' ? undefined : all[index]?.text;
  all.forEach((token, index) => {
    if (
      token.kind !== 'word' ||
      (token.text !== 'import' && token.text !== 'export') ||
      text(index - 1) === '.'
    )
      return;
    const next = all[index + 1];
    if (token.text === 'import' && next?.kind === 'string') {
      imports.push({ specifier: next.text, line: token.line, typeOnly: false });
    } else if (token.text === 'import' && next?.text === '(') {
      const path = all[index + 2];
      // In a type, `import('x').T`; in a value it is awaited or has a `then`.
      const typeOnly =
        text(index + 3) === ')' &&
        text(index + 4) === '.' &&
        !/^(then|catch|finally)$/.test(text(index + 5) ?? '');
      if (path?.kind === 'string') imports.push({ specifier: path.text, line: token.line, typeOnly });
    } else {
      const from = clause(all, index + 1);
      if (from !== null) imports.push({ ...from, line: token.line });
    }
  });
  return imports;
}

/**
 * `type? names from 'x'` from a place on; null when it is another kind of statement. `{ type A }` without another name is
 * no type import: with `verbatimModuleSyntax` the file is still loaded.
 */
function clause(all: readonly Token[], start: number): { specifier: string; typeOnly: boolean } | null {
  const second = all[start + 1]?.text;
  const typeOnly = all[start]?.text === 'type' && second !== 'from' && second !== ',';
  for (let index = start; index < all.length; index++) {
    const token = all[index];
    const next = all[index + 1];
    if (token?.kind === 'word' && token.text === 'from' && next?.kind === 'string') {
      return { specifier: next.text, typeOnly };
    }
    // Between the keyword and `from` there are names, braces, commas and a star, and nothing else.
    if (
      token === undefined ||
      token.kind === 'string' ||
      !/^(?:[\p{ID_Continue}$]+|[{},*])$/u.test(token.text)
    )
      return null;
  }
  return null;
}
