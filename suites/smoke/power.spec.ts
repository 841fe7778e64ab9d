/** Power really goes off and comes back, and the board with it. */
import { expect, test } from '#hil/fixtures';

const CYCLES = 3;

test.describe('power', () => {
  test(`the board comes back from ${CYCLES} power cycles`, { tag: '@needs:power' }, async ({
    board,
    ssh,
    kernel,
  }) => {
    test.setTimeout(240_000);
    for (let cycle = 1; cycle <= CYCLES; cycle++) {
      await test.step(`power cycle ${cycle} of ${CYCLES}`, async () => {
        const before = board.facts.provenance.bootId;
        await board.power('off');
        await expect(board).toBeInState('off');
        await board.power('on');
        const facts = await board.ready();
        await expect(board).toBeInState('ready');
        expect(facts.provenance.bootId, 'a power cycle starts a new boot').not.toBe(before);
        expect((await ssh.check('cat /proc/sys/kernel/random/boot_id')).trim()).toBe(facts.provenance.bootId);
        board.metric(`boot${cycle}Ms`, facts.bootMs ?? 0);
      });
    }
    expect(await kernel.sinceBoot()).toHaveNoKernelTrouble();
  });

  test('what is written to disk survives a power cycle', { tag: '@needs:power' }, async ({ board, ssh }) => {
    await ssh.check('echo "before the cut" > /root/hil-power && sync');
    await board.power('cycle');
    await board.ready();
    expect((await ssh.check('cat /root/hil-power && rm /root/hil-power')).trim()).toBe('before the cut');
  });

  test('the board comes back from a hard reset', { tag: '@needs:reset' }, async ({ board, kernel }) => {
    const before = board.facts.provenance.bootId;
    await board.power('reset');
    const facts = await board.ready();
    await expect(board).toBeInState('ready');
    expect(facts.provenance.bootId, 'a reset starts a new boot').not.toBe(before);
    expect(await kernel.sinceBoot()).toHaveNoKernelTrouble();
  });
});
