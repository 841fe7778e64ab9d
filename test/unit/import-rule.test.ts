import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { checkImports } from '../import-rule.ts';
import { importsOf } from '../imports.ts';

/** Breaches of the rule in a project made of these files, as `file: message`. */
function check(files: Record<string, string>): string[] {
  const root = mkdtempSync(join(tmpdir(), 'hil-rule-'));
  try {
    for (const [name, source] of Object.entries(files)) {
      mkdirSync(dirname(join(root, name)), { recursive: true });
      writeFileSync(join(root, name), source);
    }
    return checkImports(root).map(({ file, message }) => `${file}: ${message}`);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

const EMPTY = 'export {};\n';

test('finds static, re-exported, dynamic, side-effect and type imports', () => {
  const source = `
    import a from './a.ts';
    import { b,
      type B } from './b.ts';
    import type { C } from './c.ts';
    import * as d from './d.ts';
    import './e.ts';
    export { f } from './f.ts';
    export * from './g.ts';
    export type { H } from './h.ts';
    const i = await import('./i.ts');
    let j: import('./j.ts').J;
    void import('./k.ts').then(() => 1);
  `;
  assert.deepEqual(
    importsOf(source).map(({ specifier, typeOnly }) => (typeOnly ? `type ${specifier}` : specifier)),
    [
      ...['./a.ts', './b.ts', 'type ./c.ts', './d.ts', './e.ts', './f.ts', './g.ts', 'type ./h.ts'],
      ...['./i.ts', 'type ./j.ts', './k.ts'],
    ],
  );
  assert.deepEqual(
    importsOf(source).map(({ line }) => line),
    [2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13],
  );
});

test('is not misled by what only looks like an import', () => {
  const lookalikes = fc.constantFrom(
    '// import x from "./no.ts"\n',
    '/* import x from "./no.ts" */ ',
    `const s = "import x from './no.ts'"; `,
    `const t = 'it\\'s import("./no.ts")'; `,
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the source of one
    "const u = `import './no.ts' ${`import './no.ts'`} ${{ a: { b: 1 } }.a.b} from './no.ts'`; ",
    `const r = /["'\`]import '.\\/no.ts'/g; `,
    `const h = 4 / 2 / 1; `,
    `const c = [/[/"]/, /\\//]; `,
    `import.meta.url; `,
    `export const from = 'no'; `,
    `export function f() { return /'/; }\n`,
    `const q = a[0] / b['x'] / (c) / 2; `,
  );
  fc.assert(
    fc.property(fc.array(lookalikes), fc.array(lookalikes), (before, after) => {
      const found = importsOf(`${before.join('')}\nimport { x } from './yes.ts';\n${after.join('')}`);
      assert.deepEqual(
        found.map(({ specifier }) => specifier),
        ['./yes.ts'],
      );
    }),
  );
});

test('devices import nothing of the project, and the lab neither suites nor reporters', () => {
  const messages = check({
    'devices/board.ts': "import '../lab/errors.ts';\n",
    'lab/errors.ts': "import '../suites/smoke/a.spec.ts';\nexport type { R } from '../reporters/r.ts';\n",
    'lab/cli/report.ts': "import '../../reporters/r.ts';\n",
    'suites/smoke/a.spec.ts': EMPTY,
    'reporters/r.ts': EMPTY,
  });
  assert.deepEqual(
    messages.map((message) => message.replace(/: [^:]*$/, '')),
    [
      'devices/board.ts: imports lab/errors.ts, but devices must not import lab',
      'lab/errors.ts: imports suites/smoke/a.spec.ts, but lab must not import suites',
      'lab/errors.ts: imports reporters/r.ts, but lab must not import reporters',
    ],
  );
});

test('what works on a board imports neither controller nor client nor command line, not even dynamically', () => {
  const messages = check({
    'lab/board/a.ts': "import type { C } from '../controller/c.ts';\n",
    'lab/links/deep/b.ts': "await import('../../client/d.ts');\n",
    'lab/traffic/c.ts': "import '../cli/e.ts';\n",
    'lab/controller/c.ts': "import '../board/a.ts';\n",
    'lab/client/d.ts': EMPTY,
    'lab/cli/e.ts': EMPTY,
  });
  assert.deepEqual(
    messages.map((message) => message.split(':')[0]),
    ['lab/board/a.ts', 'lab/links/deep/b.ts', 'lab/traffic/c.ts', 'lab/traffic/c.ts'],
  );
});

test('nothing but a test imports a test', () => {
  const messages = check({
    'lab/a.ts': "import '../test/help.ts';\n",
    'test/help.ts': EMPTY,
    'test/unit/a.test.ts': "import '../help.ts';\n",
  });
  assert.ok(
    messages.length > 0 && messages.every((message) => message.startsWith('lab/a.ts:')),
    messages.join('\n'),
  );
});

test('verdicts and the journal do no I/O, except in its reader and writer', () => {
  const io = "import { readFileSync } from 'node:fs';\nimport { join } from 'node:path';\n";
  const messages = check({
    'lab/verdict/a.ts': io,
    'lab/journal/filter.ts': io,
    'lab/journal/reader.ts': io,
    'lab/verdict/types.ts': "import type { Stats } from 'node:fs';\n",
  });
  assert.deepEqual(messages, [
    'lab/journal/filter.ts: imports node:fs, but lab/journal does no I/O',
    'lab/verdict/a.ts: imports node:fs, but lab/verdict does no I/O',
  ]);
});

test('a circle of imports is found unless types alone close it', () => {
  const files = { 'lab/a.ts': "import './b.ts';\n", 'lab/b.ts': "import './c.ts';\n" };
  assert.deepEqual(check({ ...files, 'lab/c.ts': "import type { A } from './a.ts';\n" }), []);
  assert.deepEqual(check({ ...files, 'lab/c.ts': "import { a } from './a.ts';\n" }), [
    'lab/c.ts: is part of a circle of imports: lab/a.ts -> lab/b.ts -> lab/c.ts -> lab/a.ts',
  ]);
});

test('an import of a file that is not there is found', () => {
  assert.deepEqual(check({ 'lab/a.ts': "import './gone.ts';\n" }), [
    'lab/a.ts: imports ./gone.ts, which is not there',
  ]);
});
