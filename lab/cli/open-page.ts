/** Shows a page in the browser of this machine. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Invocation } from './invocation.ts';

export async function openPage(page: string, invocation: Invocation): Promise<void> {
  const opener = spawn('xdg-open', [page], { stdio: 'ignore' });
  const opened = await once(opener, 'exit').then(
    ([code]: unknown[]) => code === 0,
    () => false,
  );
  if (!opened) invocation.say(`no browser could be opened here (xdg-open); open it yourself: file://${page}`);
}
