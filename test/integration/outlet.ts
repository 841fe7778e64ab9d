/**
 * What hangs on the outlet of a power switch: `outlet.ts DIR on|off` starts or stops a virtual board in DIR, which thereby
 * is a machine that the lab knows only by its wires. It lives as long as DIR/lock is held.
 */
import { existsSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { usersOf } from '../../lab/board/console/port-users.ts';
import { ensureImage } from '../../lab/virtual/image.ts';
import { VirtualMachine } from '../../lab/virtual/machine.ts';
import { until } from './lab.ts';

const [dir = '', action] = process.argv.slice(2);
const machine = new VirtualMachine({
  name: 'bench',
  dir: join(dir, 'board'),
  lockPath: join(dir, 'lock'),
  hostKeyPath: join(dir, 'ssh_host_ed25519_key'),
  authorizedKeysPath: join(dir, 'authorized_keys'),
});

/** A serial adapter is there before its board has power: the board says nothing before somebody listens. */
async function isListenedTo(): Promise<void> {
  const terminal = realpathSync(machine.consolePath);
  const others = async () => (await usersOf(terminal)).filter(({ pid }) => pid !== machine.pid);
  await until(async () => (await others()).length > 0, 'the terminal server has the console open');
}

const on = await machine.adopt();
if (action === 'on' && !on) {
  const image = await ensureImage({});
  const signal = AbortSignal.timeout(120_000);
  await machine.start({ image, fresh: !existsSync(join(dir, 'board')), signal, beforeRun: isListenedTo });
} else if (action === 'off' && on) await machine.quit();
machine.detach();
