/** A terminal server for tests: the real ser2net, on one end of a pair of pseudo-terminals. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** How its port is spoken to. */
export type Accepter = 'tcp' | 'telnet' | 'telnet(rfc2217=true)';

/** Resolves when it listens. */
export async function ser2net(
  folder: string,
  device: string,
  port: number,
  accepter: Accepter,
): Promise<ChildProcess> {
  const where = accepter === 'tcp' ? `tcp,127.0.0.1,${port}` : `${accepter},tcp,127.0.0.1,${port}`;
  const path = join(folder, `ser2net-${port}.yaml`);
  const lines = ['%YAML 1.1', '---', 'connection: &board', `  accepter: ${where}`];
  writeFileSync(path, [...lines, `  connector: serialdev,${device},115200n81,local`, ''].join('\n'));
  const child = spawn('ser2net', ['-n', '-u', '-c', path], { stdio: 'ignore' });
  await once(child, 'spawn');
  for (;;) {
    if (child.exitCode !== null) throw new Error(`ser2net ended with exit code ${child.exitCode}`);
    if (listens(port)) return child;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** As the kernel tells: connecting would occupy the one connection that a port of ser2net has. */
export function listens(port: number): boolean {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, '0')} 00000000:0000 0A`;
  return readFileSync('/proc/net/tcp', 'utf8').includes(wanted);
}
