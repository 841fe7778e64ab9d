/** Whether a board has no power any more, for switches that can't be read back: nothing answers on its console or by SSH. */
import { connect } from 'node:net';
import { LabError } from '../../errors.ts';
import type { Console } from '../console/console.ts';

export interface Life {
  /** Null where it has none. */
  console: Pick<Console, 'position' | 'write' | 'expect'> | null;
  ssh: { host: string; port: number };
}

/** A getty echoes a key at once, and one in memory that is fading does not for long. */
const KEY_MS = 1000;
const BANNER_MS = 1000;

/** Resolves when the board is silent; throws LabError, code `still-alive`, with what answered last. */
export async function awaitSilence(life: Life, withinMs: number, signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const sign = await signOfLife(life, signal);
    signal.throwIfAborted();
    if (sign === null) return;
    if (performance.now() > deadline)
      throw new LabError(`after ${withinMs / 1000} s its ${sign}`, { code: 'still-alive' });
  }
}

async function signOfLife({ console: port, ssh }: Life, signal: AbortSignal): Promise<string | null> {
  if (port && (await answersKey(port, signal))) return 'console still answers';
  return (await hasBanner(ssh, signal)) ? `SSH server still answers at ${ssh.host}:${ssh.port}` : null;
}

async function answersKey(port: NonNullable<Life['console']>, signal: AbortSignal): Promise<boolean> {
  try {
    const from = port.position;
    await port.write('\r');
    await port.expect(/[\s\S]/, { timeoutMs: KEY_MS, signal, from });
    return true;
  } catch (error) {
    signal.throwIfAborted();
    // Silence, or a cable that went dark with the board.
    if (error instanceof LabError) return false;
    throw error;
  }
}

/** Something may accept the connection in a board's place; only its own server says who it is. */
function hasBanner({ host, port }: Life['ssh'], signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, signal });
    const end = (found: boolean) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(found);
    };
    const timer = setTimeout(() => end(false), BANNER_MS);
    socket.once('data', () => end(true));
    socket.once('error', () => end(false));
    socket.once('close', () => end(false));
  });
}
