/**
 * `npm run test:faults [NAME...]`: injects each fault into a soak on a virtual board, and prints whether the soak judged it right; then ten
 * clean soaks, which must raise no alarm. Ends with 1 when anything was wrong.
 */
import { FAULTS } from '../../lab/virtual/faults/index.ts';
import { testLab } from '../integration/lab.ts';
import { type Link, makeLink, trialLine, tryFault } from './try.ts';

const CLEAN = 10;
const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => name !== 'clean' && !FAULTS.some((fault) => fault.name === name));
if (unknown.length > 0) {
  console.error(
    `no fault ${unknown.join(', ')}; there are ${FAULTS.map(({ name }) => name).join(', ')}, clean`,
  );
  process.exit(2);
}
const faults = FAULTS.filter(({ name }) => wanted.length === 0 || wanted.includes(name));
const clean = wanted.length === 0 || wanted.includes('clean') ? CLEAN : 0;
let wrong = 0;
{
  process.env.HIL_LAB = 'virtual';
  await using lab = testLab();
  let link: Link | null = null;
  console.log(
    `${'fault'.padEnd(18)} ${'verdict'.padEnd(13)} ${'first broke'.padEnd(18)} ${'moment'.padStart(8)}`,
  );
  for (const fault of [...faults, ...Array.from({ length: clean }, () => null)]) {
    link ??= await makeLink(lab);
    const trial = await tryFault(link, fault);
    if (trial.wrong.length > 0) wrong++;
    console.log(trialLine(trial));
    if (trial.wrong.length > 0) console.log(trial.said.replace(/^/gm, '    '));
    await fault?.undo?.(link.bench).catch((error: unknown) => console.log(`    undone: ${error}`));
    if (fault && !fault.undo) {
      // What is broken is switched off; its lease may be, too.
      await link.board.release().catch((error: unknown) => console.log(`    released: ${error}`));
      link = null;
    }
  }
  await link?.board.release();
}
console.log(wrong === 0 ? 'all right' : `${wrong} wrong`);
process.exitCode = wrong === 0 ? 0 : 1;
