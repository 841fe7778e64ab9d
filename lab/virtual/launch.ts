/** Starts the QEMU of a board under its guard, detached from this process, and finds it again later. */
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { LabError, messageOf } from '../errors.ts';
import { freePort } from '../free-port.ts';
import { argumentsOf, killGroup, type ProcessId, processId } from '../process.ts';
import { BOARD_FILES, type QemuSetup, qemuArguments } from './qemu.ts';

const GUARD = join(import.meta.dirname, 'guard.sh');
const START_MS = 30_000;
const FORWARD = /hostfwd=tcp:127\.0\.0\.1:(\d+)-:22/;
/** Another program may take the free port before QEMU does. */
const PORT_TRIES = 3;

export interface Launch {
  board: string;
  setup: Omit<QemuSetup, 'sshPort'>;
  /** See guard.sh for both. */
  lockPath: string;
  orphanGraceS: number;
  /** What QEMU and the guard say. */
  logPath: string;
  signal: AbortSignal;
  /** Connects to the QMP socket as soon as it is there; gives up when its signal is aborted. */
  connect: (signal: AbortSignal) => Promise<void>;
}

export interface RunningQemu {
  id: ProcessId;
  /** Port on 127.0.0.1 that leads to the board's SSH server. */
  sshPort: number;
}

/** Starts QEMU; it waits for `cont`. Throws LabError with QEMU's own words; nothing then runs. */
export async function launchQemu(launch: Launch): Promise<RunningQemu> {
  for (let attempt = 1; ; attempt++) {
    const sshPort = await freePort();
    try {
      return await start(launch, sshPort);
    } catch (error) {
      const taken = messageOf(error).includes('Could not set up host forwarding');
      if (!taken || attempt === PORT_TRIES) throw error;
    }
  }
}

/** The QEMU of a board's folder, by its pid file and its own command line; null when none runs. */
export function runningQemu(dir: string): RunningQemu | null {
  let pid: number;
  try {
    pid = Number(readFileSync(join(dir, BOARD_FILES.pid), 'utf8'));
  } catch {
    return null; // never started, or it cleaned up when it ended
  }
  const id = processId(pid);
  const args = argumentsOf(pid).join(' ');
  const port = FORWARD.exec(args)?.[1];
  return id !== null && args.includes(join(dir, BOARD_FILES.qmp)) && port !== undefined
    ? { id, sshPort: Number(port) }
    : null;
}

async function start(launch: Launch, sshPort: number): Promise<RunningQemu> {
  const { board, setup, logPath } = launch;
  await rm(join(setup.dir, BOARD_FILES.qmp), { force: true });
  await rm(join(setup.dir, BOARD_FILES.pid), { force: true });
  const command = [setup.kind.machine.qemu, ...qemuArguments({ ...setup, sshPort })];
  const log = openSync(logPath, 'w', 0o600);
  const child = spawn('sh', [GUARD, launch.lockPath, String(launch.orphanGraceS), ...command], {
    detached: true,
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  child.unref();
  const failed = (why: string): LabError => {
    const said = readFileSync(logPath, 'utf8').trim();
    const missing = /not found/.test(said);
    const sudo = process.getuid?.() === 0 ? '' : 'sudo ';
    return new LabError(`${board}: QEMU did not start: ${said === '' ? why : said}`, {
      board,
      code: missing ? 'missing-tool' : 'qemu-failed',
      hint: missing
        ? `${sudo}apt-get install -y --no-install-recommends ${setup.kind.machine.package}`
        : `see ${logPath}`,
    });
  };
  const { promise: exit, reject } = Promise.withResolvers<never>();
  const onError = (error: Error) => reject(failed(messageOf(error)));
  const onExit = (code: number | null) => reject(failed(`exit code ${String(code)}`));
  child.once('error', onError).once('exit', onExit);
  const decided = new AbortController();
  const patience = AbortSignal.any([launch.signal, decided.signal, AbortSignal.timeout(START_MS)]);
  try {
    await Promise.race([exit, launch.connect(patience)]);
    const running = runningQemu(setup.dir);
    if (running === null) throw failed('it wrote no pid file');
    return running;
  } catch (error) {
    if (child.pid !== undefined && child.exitCode === null) killGroup(child.pid);
    throw error;
  } finally {
    decided.abort();
    exit.catch(() => undefined);
    // Its end is from now on the machine's matter, and its log may be gone by then.
    child.off('exit', onExit);
  }
}
