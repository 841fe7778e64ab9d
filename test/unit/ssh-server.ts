/** An SSH server in this process that runs nothing: what a command does, the test says. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import ssh2 from 'ssh2';
import { soundPair } from '../../lab/board/ssh/keys.ts';

export interface SshServer extends Disposable {
  port: number;
  /** A line as in a public key file. */
  hostKey: string;
}

export type RunCommand = (channel: ssh2.ServerChannel, request: { line: string; terminal: boolean }) => void;

/** Lets in who has the private key of `publicKey`. */
export async function sshServer(publicKey: string, run: RunCommand): Promise<SshServer> {
  const host = soundPair('host');
  const wanted = ssh2.utils.parseKey(publicKey);
  assert.ok(!(wanted instanceof Error));
  const server = new ssh2.Server({ hostKeys: [host.private] }, (client) => {
    client.on('error', () => undefined);
    client.on('authentication', (context) => {
      if (context.method === 'publickey' && context.key.data.equals(wanted.getPublicSSH())) context.accept();
      else context.reject(['publickey']);
    });
    client.on('session', (accept) => {
      const session = accept();
      let terminal = false;
      session.on('pty', (acceptPty) => {
        terminal = true;
        acceptPty?.();
      });
      session.on('exec', (acceptExec, _reject, { command }) =>
        run(acceptExec(), { line: command, terminal }),
      );
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { port, hostKey: host.public, [Symbol.dispose]: () => void server.close() };
}
