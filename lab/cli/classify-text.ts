/** What the classifier says of a log, for a person: the cause in a sentence, its chain, the evidence, what to do next. */
import { styleText } from 'node:util';
import type { Classification, Finding } from '../verdict/classify/finding.ts';

/** Findings whose lines are shown; the rest is in --json. */
const SHOWN = 8;
const CONTEXT = 2;
const WIDTH = 200;

const BLAME: Readonly<Record<Finding['verdict'], string>> = {
  product: 'the product is at fault: driver, firmware or kernel',
  lab: 'the lab is at fault: power, cable, hub or host',
  config: 'something is set up or installed wrong',
};

/** Those worth showing, the cause first. */
function telling(findings: readonly Finding[]): Finding[] {
  const order: readonly Finding['role'][] = ['cause', 'root', 'symptom', 'consequence'];
  return findings
    .toSorted((a, b) => order.indexOf(a.role) - order.indexOf(b.role) || a.lines[0] - b.lines[0])
    .slice(0, SHOWN);
}

/** Numbers of the lines that the text shows. */
export function linesShown({ findings }: Classification): Set<number> {
  const wanted = new Set<number>();
  for (const { lines } of telling(findings))
    for (let line = lines[0] - CONTEXT; line <= lines[0] + CONTEXT; line++) if (line > 0) wanted.add(line);
  return wanted;
}

/** `lines` are those of linesShown, clean. */
export function classificationText(
  name: string,
  result: Classification,
  lines: ReadonlyMap<number, string>,
  colour: boolean,
): string {
  const paint = (style: Parameters<typeof styleText>[0], text: string): string =>
    colour ? styleText(style, text, { validateStream: false }) : text;
  const cause = result.findings.find(({ role }) => role === 'cause');
  if (!cause)
    return `${paint('bold', name)}: ${paint('green', 'healthy')}, nothing in it tells of a failure\n`;
  const about = cause.device === null ? '' : ` (${cause.device})`;
  const shown = telling(result.findings);
  const bad = new Set(shown.map((finding) => finding.lines[0]));
  const blocks = [
    `${paint('bold', name)}: ${paint('red', cause.class)}: ${cause.meaning}${about}; ${BLAME[cause.verdict]}`,
    ...(cause.crash ? [crashText(cause.crash)] : []),
    `  first bad line  ${result.firstBadLine}`,
    `  signature       ${cause.signature}`,
    `  next            ${cause.next}`,
    '',
    ...chain(result.findings),
    '',
    ...evidence(lines, bad, (line) => paint('red', line)),
  ];
  return `${blocks.join('\n')}\n`;
}

function crashText({ kind, comm, module, frames, fingerprint }: NonNullable<Finding['crash']>): string {
  const where = frames[0] === undefined ? '' : ` in ${frames[0]}`;
  const who = [module === null ? '' : `module ${module}`, comm === null ? '' : `running ${comm}`].filter(
    Boolean,
  );
  return `  crash           ${kind}${where}${who.length > 0 ? `, ${who.join(', ')}` : ''}; fingerprint ${fingerprint}`;
}

/** What followed from what, in the order of the log. */
function chain(findings: readonly Finding[]): string[] {
  const rows = findings.slice(0, 3 * SHOWN).map((finding) => {
    const { class: kind, role, lines, count, meaning } = finding;
    const where = count === 1 ? `line ${lines[0]}` : `lines ${lines[0]}-${lines[1]}, ${count} times`;
    return `  ${role.padEnd(12)} ${kind.padEnd(18)} ${meaning} (${where})`;
  });
  const more = findings.length - rows.length;
  return more > 0 ? [...rows, `  and ${more} more findings: see --json`] : rows;
}

/** Lines of the log with their numbers, the bad ones marked, gaps shown. */
function evidence(
  lines: ReadonlyMap<number, string>,
  bad: ReadonlySet<number>,
  mark: (line: string) => string,
): string[] {
  const numbers = [...lines.keys()].sort((a, b) => a - b);
  const width = String(numbers.at(-1) ?? 0).length;
  return numbers.flatMap((number, index) => {
    const text = (lines.get(number) ?? '').slice(0, WIDTH);
    const label = String(number).padStart(width);
    const row = bad.has(number) ? mark(`> ${label} | ${text}`) : `  ${label} | ${text}`;
    const gap = index > 0 && (numbers[index - 1] ?? 0) < number - 1;
    return gap ? [`  ${' '.repeat(width)} ...`, row] : [row];
  });
}
