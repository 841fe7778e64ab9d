/**
 * What hangs on the outlet of a power switch: `outlet.ts DIR on|off` starts or stops a virtual board in DIR, which thereby
 * is a machine that the lab knows only by its wires. It lives as long as DIR/lock is held.
 */
import { existsSync, readdirSync, readlinkSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
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
  await until(() => users(terminal).length > 0, 'the terminal server has the console open');
}

/** Processes, other than QEMU and this one, that have a terminal open. */
function users(terminal: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid || Number(pid) === machine.pid) return false;
    try {
      return readdirSync(`/proc/${pid}/fd`).some((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`) === terminal);
    } catch {
      return false; // it has ended, or a descriptor of it was closed
    }
  });
}

const on = await machine.adopt();
if (action === 'on' && !on) {
  const image = await ensureImage({});
  const signal = AbortSignal.timeout(120_000);
  await machine.start({ image, fresh: !existsSync(join(dir, 'board')), signal, beforeRun: isListenedTo });
} else if (action === 'off' && on) await machine.quit();
machine.detach();
