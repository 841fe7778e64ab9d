/** A lab of its own for each test file: own state folder, own controller, nothing left afterwards. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AcquireOptions, LeasedBoard } from '../../lab/client/board.ts';
import { LabClient } from '../../lab/client/client.ts';

/** Generous: two slow cores, several boards at once. */
export const BOOT_MS = 120_000;

export interface TestLab extends AsyncDisposable {
  state: string;
  /** A new connection. */
  connect(name?: string): Promise<LabClient>;
  /** A board made ready, on a connection of its own. */
  board(options?: Partial<AcquireOptions>): Promise<LeasedBoard>;
  /** Gives back what tests that failed did not. */
  releaseAll(): Promise<void>;
  /** Pids of QEMU processes that belong to this lab. */
  machines(): number[];
  controllerPid(): Promise<number>;
}

/** Sets HIL_STATE_DIR (and the given times) for this process and what it starts. */
export function testLab(environment: Record<string, string> = {}): TestLab {
  const state = mkdtempSync(join(tmpdir(), 'hil-t-'));
  Object.assign(process.env, { HIL_STATE_DIR: state, HIL_IDLE_MS: '2000', ...environment });
  const clients: LabClient[] = [];
  const boards: LeasedBoard[] = [];
  const connect = async (name = 'test'): Promise<LabClient> => {
    const client = await LabClient.connect({ client: name, state });
    clients.push(client);
    return client;
  };
  return {
    state,
    connect,
    machines: () => machinesOf(state),
    controllerPid: async () => (await (await connect()).call('lab.status', {})).pid,
    board: async (options = {}) => {
      const board = await LeasedBoard.acquire(await connect(), {
        owner: 'test',
        fresh: true,
        waitMs: BOOT_MS,
        ...options,
      });
      boards.push(board);
      await board.ready({ timeoutMs: BOOT_MS });
      return board;
    },
    releaseAll: async () => {
      for (const board of boards.splice(0)) {
        // A test that killed the controller or lost its lease has nothing to give back.
        await board.release().catch((error: unknown) => assert.match(String(error), /lease/));
      }
    },
    [Symbol.asyncDispose]: async () => {
      const last = await LabClient.connect({ client: 'cleanup', state });
      await last.call('lab.stop', { force: true });
      await last.closed();
      for (const client of clients) client.close();
      await until(() => machinesOf(state).length === 0, 'every QEMU of this lab has ended');
      rmSync(state, { recursive: true, force: true });
    },
  };
}

function machinesOf(state: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
        return /^[^\0]*qemu-system/.test(command) && command.includes(state);
      } catch {
        return false; // it has just ended
      }
    })
    .map(Number);
}

/** Waits for a condition that no event tells of (another process's end): looks ten times a second. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string,
  timeoutMs = 60_000,
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await condition())) {
    assert.ok(Date.now() < deadline, `within ${timeoutMs / 1000} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

export function isAlive(pid: number): boolean {
  return (
    existsSync(`/proc/${pid}`) &&
    !execFileSync('ps', ['-o', 'stat=', '-p', String(pid)])
      .toString()
      .startsWith('Z')
  );
}
