/** Faults in the middle of a soak, of the link and of the lab, whose verdict no busy machine can change. All of them: npm run test:faults. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { FAULTS } from '../../lab/virtual/faults/index.ts';
import { type Link, makeLink, trialLine, tryFault } from '../faults/try.ts';
import { testLab } from './lab.ts';

/** They leave the link as it was, so that one board does for all. */
const TRIED = ['deauth', 'queue-stop', 'server-killed'];

describe('a soak into which a fault is injected', { timeout: 600_000 }, () => {
  const lab = testLab();
  let link: Link;
  before(async () => {
    link = await makeLink(lab);
  });
  after(() => lab[Symbol.asyncDispose]());
  for (const fault of FAULTS.filter(({ name }) => TRIED.includes(name))) {
    test(`${fault.title}: ${fault.expected.verdict}`, async () => {
      const trial = await tryFault(link, fault);
      await fault.undo?.(link.bench);
      assert.deepEqual(trial.wrong, [], `${trialLine(trial)}\n${trial.said}`);
      if (fault.name !== 'deauth') return;
      for (const lane of ['console', 'kernel', 'hostapd', 'wpa_supplicant', 'probe', 'iperf3'])
        assert.match(
          trial.said,
          new RegExp(`^ +-?[\\d.]+ s {2}${lane} `, 'm'),
          `${lane} tells what came before`,
        );
    });
  }
});
