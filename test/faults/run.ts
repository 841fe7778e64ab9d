/**
 * `npm run test:faults [NAME...]`: injects each fault into a soak on a virtual board, and prints whether the soak judged it right; then ten
 * clean soaks, which must raise no alarm. Ends with 1 when anything was wrong.
 */
import type { Fault } from '../../lab/virtual/faults/fault.ts';
import { FAULTS } from '../../lab/virtual/faults/index.ts';
import { testLab } from '../integration/lab.ts';
import { HEAD, type Link, makeLink, trialLine, tryFault } from './try.ts';

const CLEAN = 10;

async function main(wanted: readonly string[]): Promise<number> {
  const known = [...FAULTS.map(({ name }) => name), 'clean'];
  const unknown = wanted.filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    console.error(`no fault ${unknown.join(', ')}; there are ${known.join(', ')}`);
    return 2;
  }
  const asked = (name: string) => wanted.length === 0 || wanted.includes(name);
  const trials: (Fault | null)[] = FAULTS.filter(({ name }) => asked(name));
  if (asked('clean')) trials.push(...Array.from({ length: CLEAN }, () => null));
  process.env.HIL_LAB = 'virtual';
  await using lab = testLab();
  let wrong = 0;
  let link: Link | null = null;
  console.log(HEAD);
  for (const fault of trials) {
    link ??= await makeLink(lab);
    const trial = await tryFault(link, fault);
    console.log(trialLine(trial));
    if (trial.wrong.length > 0) {
      wrong++;
      console.log(trial.said.replace(/^/gm, '    '));
    }
    await fault?.undo?.(link.bench).catch((error: unknown) => console.log(`    undone: ${error}`));
    if (!fault?.lasting) continue;
    // Its lease may be lost with the board.
    await link.board.release().catch((error: unknown) => console.log(`    released: ${error}`));
    link = null;
  }
  await link?.board.release();
  console.log(wrong === 0 ? 'all right' : `${wrong} wrong`);
  return wrong === 0 ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
