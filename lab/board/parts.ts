/** What a board is driven and observed by: its console, SSH, kernel log, clocks and crash watch, wired to each other. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { DeviceProfile } from '../../devices/profile.ts';
import { LabError } from '../errors.ts';
import type { ObservableSink } from '../journal/event.ts';
import { Clocks } from '../kernel/clocks.ts';
import { type Attach, CrashWatch } from '../kernel/crash-watch.ts';
import { KernelLog } from '../kernel/log.ts';
import { Console } from './console/console.ts';
import { makeTransport } from './console/index.ts';
import type { BoardHardware } from './hardware.ts';
import { SshRemote } from './ssh/connection.ts';

export interface PartsOptions {
  name: string;
  profile: DeviceProfile;
  hardware: BoardHardware;
  journal: ObservableSink;
  /** Folder of the board's raw console log and whatever must outlive the controller. */
  dir: string;
  /** `hostKey` null: the first that answers is pinned into `pinPath`. */
  keys: { privateKeyPath: string; hostKey: string | null; pinPath?: string };
  /** Read when the console asks for it. */
  password?: () => string | null;
  /** Puts a file to those of the test under way. */
  attach: Attach;
}

export interface BoardParts {
  console: Console;
  remote: SshRemote;
  kernelLog: KernelLog;
  clocks: Clocks;
  crashes: CrashWatch;
}

/** Opens nothing. */
export function makeParts(options: PartsOptions): BoardParts {
  const { name: board, profile, hardware, journal, dir, keys, password, attach } = options;
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const port = new Console({
    ...{ board, journal, rawPath: join(dir, 'console.raw') },
    transport: () => {
      const cable = hardware.console();
      if (cable) return makeTransport(cable);
      throw new LabError(`${board} has no console`, { board, code: 'unsupported' });
    },
    prompt: {
      ...profile.console,
      get password() {
        return password === undefined ? profile.console.password : password();
      },
    },
  });
  const remote = new SshRemote({
    ...{ name: board, journal, user: profile.ssh.user, privateKeyPath: keys.privateKeyPath },
    host: hardware.ssh().host,
    port: () => hardware.ssh().port,
    hostKey: keys.hostKey ?? (() => Promise.resolve(null)),
    ...(keys.pinPath === undefined ? {} : { pinPath: keys.pinPath }),
  });
  const kernelLog = new KernelLog({ remote, journal, board, console: port });
  const clocks = new Clocks({ board, remote, log: kernelLog, journal, console: port });
  return { console: port, remote, kernelLog, clocks, crashes: new CrashWatch({ journal, attach }) };
}
