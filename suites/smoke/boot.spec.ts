/** A board boots, lets one in over its console and over SSH, and has a healthy kernel. */
import { expect, test } from '#hil/fixtures';

test.describe('boot', () => {
  test('the board boots and answers over SSH', { tag: '@needs:ssh' }, async ({ board, ssh }) => {
    expect((await ssh.check('uname -s')).trim()).toBe('Linux');
    expect(board.facts.provenance.kernel).toContain((await ssh.check('uname -r')).trim());
    await expect(board).toBeInState('ready');
  });

  test('the serial console lets one in', { tag: '@needs:console' }, async ({ board, console }) => {
    await console.login();
    const result = await console.run('cat /proc/sys/kernel/random/boot_id');
    expect(result.exitCode).toBe(0);
    expect(result.disturbed).toBe(false);
    expect(result.output.trim()).toBe(board.facts.provenance.bootId);
  });

  test('console and SSH reach the same machine', { tag: ['@needs:console', '@needs:ssh'] }, async ({
    console,
    ssh,
  }) => {
    await console.login();
    await ssh.check('echo "written over SSH" > /tmp/hil-smoke');
    const seen = await console.run('cat /tmp/hil-smoke && rm /tmp/hil-smoke');
    expect(seen.output.trim()).toBe('written over SSH');
  });

  test('a file survives the way to the board and back', { tag: '@needs:ssh' }, async ({ ssh }, testInfo) => {
    const content = Buffer.from(Array.from({ length: 65_536 }, (_, index) => (index * 31) % 256));
    const up = await ssh.upload(content, '/tmp/hil-smoke.bin');
    const down = await ssh.download('/tmp/hil-smoke.bin', testInfo.outputPath('hil-smoke.bin'));
    expect(down.bytes).toBe(content.length);
    expect(down.sha256).toBe(up.sha256);
    await ssh.check('rm /tmp/hil-smoke.bin');
  });

  test('the kernel has logged no warning, oops or panic since it booted', async ({ kernel }) => {
    expect(await kernel.sinceBoot()).toHaveNoKernelTrouble();
  });
});
