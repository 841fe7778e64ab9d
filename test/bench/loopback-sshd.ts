/**
 * A real OpenSSH server on loopback, out of the image of a virtual board, so that the cost of a command is that of the harness and
 * not of an emulated processor. Needs root (chroot); it is gone with this process.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureHostKey } from '../../lab/board/ssh/keys.ts';
import { LabError } from '../../lab/errors.ts';
import { freePort } from '../../lab/free-port.ts';
import { ensureImage } from '../../lab/virtual/image.ts';

export interface LoopbackSshd extends AsyncDisposable {
  port: number;
  /** How many processes there are: of the server, its sessions, and what they have started. */
  processes(): number;
}

/** Throws LabError where it can't be: who has no root can't have it. */
export async function loopbackSshd(authorizedKeys: string): Promise<LoopbackSshd> {
  if (process.getuid?.() !== 0)
    throw new LabError('an SSH server on loopback needs root', { code: 'no-root' });
  const dir = mkdtempSync(join(tmpdir(), 'hil-sshd-'));
  const root = join(dir, 'root');
  const image = await ensureImage({});
  execFileSync('unsquashfs', ['-q', '-n', '-d', root, image.root], { stdio: 'ignore' });
  const port = await freePort();
  const key = await ensureHostKey(dir);
  copyFileSync(key.privateKeyPath, join(root, 'etc/host_key'));
  copyFileSync(authorizedKeys, join(root, 'etc/authorized_keys'));
  writeFileSync(
    join(root, 'etc/sshd_bench'),
    [
      `Port ${port}`,
      'ListenAddress 127.0.0.1',
      'HostKey /etc/host_key',
      'AuthorizedKeysFile /etc/authorized_keys',
      'PermitRootLogin yes',
      'StrictModes no',
      'PidFile none',
      'Subsystem sftp /usr/lib/openssh/sftp-server',
      '',
    ].join('\n'),
  );
  execFileSync('chmod', ['600', join(root, 'etc/host_key')]);
  const inside = [
    'mkdir -p "$1/run/sshd" "$1/proc" "$1/dev"',
    'mount -t proc proc "$1/proc"; mount --rbind /dev "$1/dev"',
    'exec chroot "$1" /usr/sbin/sshd -D -e -f /etc/sshd_bench',
  ].join('; ');
  const server = spawn('unshare', ['-m', '-p', '-f', '--kill-child', 'sh', '-c', inside, 'sh', root], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  const { promise: listening, resolve, reject } = Promise.withResolvers<void>();
  server.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
    if (/Server listening/.test(said)) resolve();
  });
  server.once('exit', () => reject(new LabError(`sshd on loopback has ended: ${said}`)));
  await listening;
  return {
    port,
    processes: () => inNamespaceOf(server.pid ?? 0),
    [Symbol.asyncDispose]: async () => {
      server.kill('SIGKILL');
      if (server.exitCode === null && server.signalCode === null) await once(server, 'exit');
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** Processes in the PID namespace that a process has made for its children. */
function inNamespaceOf(pid: number): number {
  const wanted = readlinkSync(`/proc/${pid}/ns/pid_for_children`);
  return readdirSync('/proc').filter((name) => {
    try {
      return /^\d+$/.test(name) && readlinkSync(`/proc/${name}/ns/pid`) === wanted;
    } catch {
      return false; // it has just ended
    }
  }).length;
}
