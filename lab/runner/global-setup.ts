/** Opens the run before its first test and closes it after its last. */
import { explained } from '../fixtures/call-site.ts';
import { outliveReaders } from './output.ts';
import { prepareRunDir, runIdentity } from './run.ts';
import { RunSession, setCurrentSession } from './session.ts';

export default async function globalSetup(): Promise<() => Promise<void>> {
  outliveReaders();
  const stopSignal = redirectSignals();
  const run = runIdentity();
  prepareRunDir(run);
  // While nothing but unreferenced handles is waited for, the process would end here, with exit code 0.
  const alive = setInterval(() => undefined, 60_000);
  const command = process.env.HIL_COMMAND || process.argv.slice(1).join(' ');
  const session = await RunSession.open(run, command)
    .catch((error: unknown) => {
      throw explained(error, []);
    })
    .finally(() => clearInterval(alive));
  setCurrentSession(session);
  return async () => {
    setCurrentSession(null);
    await session.close(stopSignal() ?? 'finished');
  };
}

/**
 * SIGTERM and SIGHUP end the runner as SIGINT does: with teardown, artifacts and reports. By default it would die of the
 * first at once, and its workers of the second. Gives what tells which signal came, if one did.
 */
function redirectSignals(): () => string | null {
  let seen: string | null = null;
  const note = () => {
    seen ??= 'interrupted';
  };
  process.on('SIGINT', note);
  for (const signal of ['SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (seen !== null) return;
      seen = signal;
      process.kill(process.pid, 'SIGINT');
    });
  }
  return () => seen;
}
