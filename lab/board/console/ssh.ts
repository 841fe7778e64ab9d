/** A console behind SSH: a console server (conserver, a terminal server's own), reached by a command with a terminal. */
import { z } from 'zod';
import { absolutePath, host, tcpPort } from '../../config/fields.ts';
import { abortReason, LabError, messageOf } from '../../errors.ts';
import { type Exit, watchExit } from '../ssh/exit.ts';
import { parsePublicKey } from '../ssh/hostkey.ts';
import type { Link } from '../ssh/link.ts';
import { backOff } from './backoff.ts';
import { streamPort, unreachable } from './socket.ts';
import { type ConsolePort, consoleCable } from './transport.ts';

const OPEN_MS = 20_000;
const WINDOW = { cols: 200, rows: 50, term: 'vt100' };
/** `type base64` in a public key file; the same after the host names in a line of known_hosts. */
const KEY = /(?:^|\s)((?:ssh|ecdsa|sk)-\S+ [A-Za-z0-9+/]+=*)(?:\s|$)/;

const config = z.strictObject({
  type: z.literal('ssh'),
  host,
  port: tcpPort.default(22),
  user: z.string().min(1),
  identityFile: absolutePath,
  hostKey: z
    .string()
    .regex(KEY, 'expected the public host key, as in ssh_host_ed25519_key.pub or known_hosts')
    .transform((line) => KEY.exec(line)?.[1] ?? '')
    .refine(isPublicKey, 'expected the whole public host key: this one is damaged'),
  command: z.string().min(1, 'expected the command that gives the console, such as console b1'),
});

export const ssh = consoleCable({
  title: 'a command on a console server, such as conserver, by SSH with a terminal',
  config,
  create: (settings) => {
    const name = `ssh ${settings.user}@${settings.host}:${settings.port} ${settings.command}`;
    return { name, open: (signal) => openSsh(name, settings, signal), appeared: backOff };
  },
});

async function openSsh(
  name: string,
  { host, port, user, identityFile, hostKey, command }: z.output<typeof config>,
  signal: AbortSignal | undefined,
): Promise<ConsolePort> {
  const late = AbortSignal.timeout(OPEN_MS);
  const target = {
    ...{ name: `${host}:${port}`, host, port, user, privateKeyPath: identityFile, hostKey },
    onEvent: () => undefined,
  };
  let link: Link | undefined;
  try {
    // Loaded by those labs alone that have such a console.
    const { openLink } = await import('../ssh/link.ts');
    link = await openLink(target, signal ? AbortSignal.any([late, signal]) : late);
    return sshPort(name, link, await link.terminal(command, WINDOW));
  } catch (error) {
    link?.drop(new LabError(`${name} was given up`, { code: 'absent' }));
    if (signal?.aborted) throw abortReason(signal);
    if (error instanceof LabError && error.code !== 'host-key-changed')
      throw unreachable(name, messageOf(error), error);
    throw error;
  }
}

function sshPort(name: string, link: Link, channel: Awaited<ReturnType<Link['terminal']>>): ConsolePort {
  let how: string | null = null;
  channel.stderr.resume();
  const { closed } = watchExit(channel);
  const ended = Promise.race([closed.then(howItEnded), link.closed.then((lost) => lost.message)]).then(
    (why) => {
      link.drop(new LabError(`${name} has ended`, { code: 'absent' }));
      return how ?? why;
    },
  );
  return {
    ...streamPort(name, channel),
    onClose: (listener) => void ended.then(listener),
    close: async () => {
      how ??= 'closed';
      link.drop(new LabError(`${name} was closed`, { code: 'absent' }));
      await Promise.all([ended, link.closed]);
    },
  };
}

function howItEnded(exit: Exit | undefined): string {
  if (exit === undefined) return 'the channel was closed';
  return exit.exitCode === null
    ? 'the command was killed'
    : `the command ended with exit code ${exit.exitCode}`;
}

function isPublicKey(line: string): boolean {
  try {
    return parsePublicKey(line).blob.length > 0;
  } catch {
    return false;
  }
}
