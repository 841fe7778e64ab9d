/** The controller's process: started on demand under flock(1), listens, and ends when there is nothing left to do. */
import { closeSync, fstatSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { BoardHardware } from '../board/hardware.ts';
import { labId } from '../config/find.ts';
import { type BoardConfig, loadLab, secretsOf } from '../config/lab.ts';
import { messageOf } from '../errors.ts';
import { boardDir, lockPath, PROJECT_ROOT, socketPath, stateDir } from '../paths.ts';
import { redact } from '../redact.ts';
import { buildId } from '../rpc/build.ts';
import { version } from '../version.ts';
import { VirtualHardware } from '../virtual/hardware.ts';
import { Controller } from './controller.ts';
import { methods } from './methods.ts';
import { Peers } from './peers.ts';
import { Questions } from './questions.ts';
import { RpcServer } from './server.ts';
import { readState } from './state-file.ts';
import { wiredHardware } from './wiring.ts';

const READY_FD = 3;
const build = buildId();
const state = stateDir();
const startedAt = new Date().toISOString();

/** Times that tests of killed clients make shorter; milliseconds. */
const leaseMs = milliseconds('HIL_LEASE_MS', 30_000);
const graceMs = milliseconds('HIL_GRACE_MS', 10_000);
const lingerMs = milliseconds('HIL_LINGER_MS', 20_000);
const idleMs = milliseconds('HIL_IDLE_MS', 60_000);
/** How long an end in disorder may take; milliseconds. */
const DETACH_MS = 10_000;

function milliseconds(variable: string, fallback: number): number {
  const value = Number(process.env[variable] ?? fallback);
  return Number.isFinite(value) && value >= 0 ? value : fallback;
}

function log(message: string): void {
  try {
    writeSync(2, redact(`${new Date().toISOString()} ${message}\n`));
  } catch {
    // The log's own disk may be the full one.
  }
}

/** Tells the client that started us that we listen. There is no pipe when started by hand. */
function tellReady(): void {
  try {
    if (!fstatSync(READY_FD).isFIFO() && !fstatSync(READY_FD).isSocket()) return;
  } catch {
    return; // no such descriptor
  }
  writeSync(READY_FD, 'ready\n');
  closeSync(READY_FD);
}

/** What a board is wired to: QEMU, or what the lab file says. */
function hardwareOf(
  { name, profile, wiring }: BoardConfig,
  keys: { hostKeyPath: string; authorizedKeysPath: string },
): BoardHardware {
  const dir = boardDir(name, state);
  if (wiring === null)
    return new VirtualHardware({ name, kind: profile.name, dir, lockPath: lockPath(state), ...keys });
  return wiredHardware({ name, wiring, dir, ask: (request, signal) => questions.ask(name, request, signal) });
}

let idle: NodeJS.Timeout | null = null;
let ending = false;

const lab = loadLab();
const questions = new Questions();
for (const secret of secretsOf(lab.entry)) secret.hideIfThere();

const peers = new Peers({
  ...{ peers: lab.peers, links: lab.links, state },
  privateKeyPath: join(state, 'keys', 'id_ed25519'),
});

const controller = await Controller.create({
  state,
  version: version(),
  boards: lab.boards,
  peers,
  hardware: (config, keys) => hardwareOf(config, keys),
  leaseMs,
  graceMs,
  lingerMs,
  onActivity: () => lookForWork(),
  log,
});
const server: RpcServer = new RpcServer({
  path: socketPath(state),
  handlers: methods(controller, {
    build,
    lab: await labId(lab.file),
    labFile: lab.file,
    questions,
    root: PROJECT_ROOT,
    startedAt,
    commands: () => server.commands,
    stop: (how) => void end(how === 'detach' ? 'replaced by another version' : 'told to stop', how),
  }),
  onDisconnect: (connection) => controller.disconnected(connection),
  log,
});

/** Ends the process after a while without leases, runs, clients and powered boards. */
function lookForWork(): void {
  if (idle) clearTimeout(idle);
  idle = null;
  if (ending || controller.busy || controller.boardsInUse || server.connections > 0) return;
  idle = setTimeout(() => void end('idle', 'shutdown'), idleMs);
}

async function end(why: string, how: 'shutdown' | 'detach'): Promise<void> {
  if (ending) return;
  ending = true;
  log(`ending: ${why}`);
  try {
    await (how === 'detach' ? controller.detach() : controller.shutdown(why));
  } catch (error) {
    log(`while ending: ${messageOf(error)}`);
  }
  server.close();
  rmSync(socketPath(state), { force: true });
  process.exit();
}

for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const)
  process.on(signal, () => void end(signal, 'shutdown'));
process.on('unhandledRejection', (error) => {
  log(`unhandled rejection, a bug: ${error instanceof Error ? error.stack : String(error)}`);
});
// What state this process is in is unknown now: it lets go of the boards in order, and the next one takes them over.
process.on('uncaughtException', (error) => {
  log(`uncaught exception, a bug: ${error.stack ?? error.message}`);
  process.exitCode = 1;
  setTimeout(() => process.exit(), DETACH_MS);
  void end('uncaught exception', 'detach');
});

log(`controller ${process.pid}, build ${build}`);
try {
  await controller.restore(readState(join(state, 'state.json'), log));
} catch (error) {
  log(`what an earlier controller left could not be taken over: ${messageOf(error)}`);
}
await server.listen();
tellReady();
lookForWork();
