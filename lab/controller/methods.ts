/** One handler a method of the RPC. Each takes its parameters apart and calls the part that does the work. */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { bootOnce, loaderOf, stopInLoader } from '../board/boot/board-boot.ts';
import { reach } from '../board/boot/reach.ts';
import { deployOn } from '../board/deploy/board-deploy.ts';
import { openBundle } from '../board/deploy/bundle.ts';
import { takeBack } from '../board/deploy/take-back.ts';
import { defined } from '../defined.ts';
import { ConfigError, LabError } from '../errors.ts';
import { acting } from '../journal/acting.ts';
import { isEventKind, PAYLOADS } from '../journal/event.ts';
import { isLoaded, loadModule, moduleParameters, unloadModule } from '../kernel/modules.ts';
import { type LabStatus, PROTOCOL } from '../rpc/schema.ts';
import { toWire } from '../rpc/wire.ts';
import type { Controller } from './controller.ts';
import { EXPECT_MS, leasedMethods } from './leased.ts';
import { linkMethods } from './link-methods.ts';
import { mustBeProven, prove } from './proof.ts';
import type { Questions } from './questions.ts';
import { redacted } from './redacted.ts';
import type { Handlers } from './server.ts';

export interface MethodsOptions {
  build: string;
  lab: string;
  labFile: string | null;
  questions: Questions;
  root: string;
  startedAt: string;
  commands: () => number;
  /** Ends the process; with `detach` the boards are left for a controller to come. */
  stop: (how: 'shutdown' | 'detach') => void;
}

export function methods(lab: Controller, options: MethodsOptions): Handlers {
  const shells = new Map<string, { stream: Duplex; resize: (cols: number, rows: number) => void }>();
  const shell = (id: string) => {
    const found = shells.get(id);
    if (!found) throw new ConfigError('this shell has ended', { code: 'shell-gone' });
    return found;
  };
  const knownBoard = (name: string) => {
    if (lab.has(name)) return lab.board(name);
    throw new ConfigError(`this lab has no board "${name}"`, {
      code: 'unknown-board',
      hint: 'hil boards lists them',
    });
  };
  const status = async (): Promise<LabStatus> => ({
    pid: process.pid,
    root: options.root,
    startedAt: options.startedAt,
    rssBytes: process.memoryUsage.rss(),
    commands: options.commands(),
    boards: await lab.boardInfos(),
    waiting: lab.leases.waiting(),
    runs: lab.runs.ids(),
  });

  const { held, onBoard } = leasedMethods(lab);

  return {
    hello: ({ params, connection }) => {
      connection.name = `${params.client} (pid ${params.pid})`;
      return {
        pid: process.pid,
        protocol: PROTOCOL,
        build: options.build,
        root: options.root,
        busy: lab.busy,
        lab: options.lab,
        labFile: options.labFile,
        boardsInUse: lab.boardsInUse,
      };
    },
    'lab.status': status,
    'lab.questions': async ({ params, signal, emit }) => {
      const { questions } = options;
      const tell = () => emit({ questions: questions.list() });
      if (!params.follow) return { questions: questions.list() };
      const unsubscribe = questions.subscribe(tell);
      tell();
      try {
        await aborted(signal);
      } finally {
        unsubscribe();
      }
      return { questions: [] };
    },
    'lab.done': ({ params }) => options.questions.done(params.id),
    'lab.stop': ({ params }) => {
      if (params.onlyIfIdle) {
        if (!lab.busy) options.stop('detach');
        return { stopping: !lab.busy };
      }
      if (lab.busy && !params.force) {
        const users = [
          ...lab.leases.all().map(({ owner, board }) => `${owner} has ${board}`),
          ...lab.runs.ids().map((run) => `run ${run} is open`),
        ];
        throw new LabError(`the lab is in use: ${users.join('; ')}`, {
          code: 'busy',
          hint: 'wait, or end it all: hil lab stop --force',
        });
      }
      options.stop('shutdown');
      return { stopping: true };
    },

    'run.open': async ({ params, connection }) => {
      const journal = await lab.runs.open(params, connection);
      await lab.peers.check((checked) => lab.runs.append(params.run, 'peer.checked', checked, null));
      return { journal };
    },
    'run.close': async ({ params }) => {
      await lab.runs.close(params.run, params.reason);
      return {};
    },
    'journal.append': ({ params }) => {
      const { run, kind, board } = params;
      if (!isEventKind(kind)) throw new ConfigError(`no event kind "${kind}"`);
      lab.runs.append(run, kind, PAYLOADS[kind].parse(params.data), board);
      return {};
    },

    'lease.acquire': async ({ params, signal, connection, emit }) => {
      const { prefer, ...rest } = params;
      if (rest.run !== null && !lab.runs.has(rest.run)) throw new ConfigError(`no run ${rest.run} is open`);
      const lease = await lab.leases.acquire({ ...rest, prefer }, signal, emit);
      lab.session(lease, connection);
      return lab.leases.info(lease);
    },
    'lease.heartbeat': held((_, { params }) => ({ expiresInMs: lab.leases.renew(params.lease) })),
    'lease.release': held(async (session, { params }) => {
      if (params.endState) lab.setEndState(session, params.endState);
      await lab.release(params.lease);
      return {};
    }),

    'scope.begin': held((session, { params }) => {
      lab.beginScope(session, params.test, params.dir);
      return {};
    }),
    'scope.end': held(async (session) => {
      const { artifacts, undone, failure, classification } = await session.endScope();
      if (failure?.fault === 'lab') lab.health.happened(session.board.name, 'failed', failure.message);
      const ended = { artifacts, undone, classification };
      return failure ? { ...ended, failure: toWire(failure) } : ended;
    }),
    'scope.provoke': held((session, { params }) => ({ id: session.beginProvocation(params.signatures) })),
    'scope.provoked': held((session, { params }) => {
      session.endProvocation(params.id);
      return {};
    }),

    'board.ready': held(async (session, { params, signal, emit }) => {
      const { board } = session;
      const fresh = session.lease.fresh && !session.readyOnce;
      const timeoutMs = params.timeoutMs ?? board.profile.console.bootTimeoutMs;
      const progress = (state: string, detail: string) => emit({ state, detail });
      const result = await session.track(signal, async (all) => {
        if (lab.health.isDoubtful(board.name))
          await mustBeProven(lab, session, { fresh, signal: all, progress });
        return await board.ready({ fresh, timeoutMs, signal: all, progress });
      });
      session.readyOnce = true;
      return { board: board.name, profile: board.profile, ...result };
    }),
    'doctor.peer': async ({ params, signal }) => ({
      results: await lab.peers.examine(params.peer, signal),
    }),
    'doctor.run': held(async (session, { params, signal, emit }) => ({
      results: await session.track(signal, (all) =>
        prove(lab, session, {
          ...{ fix: params.fix, fresh: false, signal: all },
          onStart: (checking) => emit({ checking }),
          onResult: (result) => emit({ result }),
        }),
      ),
    })),
    // Not onBoard: it may boot the board, and a board that does not come up is taken care of.
    'deploy.run': held(async (session, { params, signal, emit }) => {
      const { board } = session;
      const { dir, reload, reboot } = params;
      const bundle = await openBundle(dir);
      const result = await session.track(signal, (all) =>
        deployOn(board, bundle, { signal: all, reload, reboot, progress: (detail) => emit({ detail }) }),
      );
      const { sha256, files, bytes } = result;
      board.record('board.deployed', { bundle: result.bundle, sha256, files, bytes });
      return result;
    }),
    'deploy.rollback': held(async (session, { signal, emit }) =>
      session.track(signal, () => takeBack(session.board, { progress: (detail) => emit({ detail }) })),
    ),
    'boot.stop': held(async (session, { signal, emit }) => {
      const progress = (state: string, detail: string) => emit({ state, detail });
      await session.track(signal, (all) => stopInLoader(session.board, { signal: all, progress }));
      return {};
    }),
    'boot.command': onBoard(({ board }, { command, timeoutMs }, signal) =>
      loaderOf(board).run(command, timed(timeoutMs, signal)),
    ),
    'boot.reach': held(async (session, { params, signal, emit }) => {
      const progress = (state: string, detail: string) => emit({ state, detail });
      const trail = await session.track(signal, (all) =>
        reach(session.board, params.state, { signal: all, progress }),
      );
      return { trail };
    }),
    'boot.once': held(async (session, { params, signal, emit }) => {
      const { lease: _lease, ...boot } = params;
      const progress = (state: string, detail: string) => emit({ state, detail });
      await session.track(signal, (all) => bootOnce(session.board, defined(boot), { signal: all, progress }));
      return {};
    }),
    power: held(async (session, { params, signal }) => {
      const durationMs = await session.track(signal, (all) =>
        session.board.power(params.action, { signal: all }),
      );
      if (params.action === 'off') lab.setEndState(session, 'off');
      return { state: session.board.state, durationMs };
    }),
    'power.state': async ({ params }) => {
      const board = knownBoard(params.board);
      const hardware = await board.hardware.state();
      return { state: hardware === 'off' || hardware === 'frozen' ? hardware : board.state };
    },
    'network.link': held(async ({ board }, { params }) => {
      await board.setNetworkLink(params.up);
      return {};
    }),
    'snapshot.save': held(async ({ board }, { params }) => ({
      durationMs: await board.saveSnapshot(params.name),
    })),
    'snapshot.load': held(async (session, { params, signal }) => ({
      durationMs: await session.track(signal, (all) => session.board.loadSnapshot(params.name, all)),
    })),

    'console.login': onBoard(async ({ board }, params, signal) => {
      await board.console.login(timed(params.timeoutMs, signal));
      return {};
    }),
    'console.run': onBoard(({ board }, params, signal) =>
      board.console.run(params.command, timed(params.timeoutMs, signal)),
    ),
    'console.send': onBoard(async ({ board }, params) => {
      await board.console.write(Buffer.from(params.data, 'base64'));
      return {};
    }),
    'console.break': onBoard(async ({ board }) => {
      await board.sendBreak();
      return {};
    }),
    // Not onBoard: a board that hangs is what it is for.
    'console.sysrq': held(async ({ board }, { params }) => {
      await board.sysrq(params.letter);
      return {};
    }),
    'console.position': held(({ board }) => ({ position: board.console.position })),
    // Not onBoard: what a dying or resetting board says is just what one may wait for.
    'console.expect': held(async (session, { params, signal }) => {
      const patterns = params.patterns.map((pattern) =>
        'literal' in pattern ? pattern.literal : new RegExp(pattern.regex, pattern.flags),
      );
      const options = {
        timeoutMs: params.timeoutMs ?? EXPECT_MS,
        ...(params.from === undefined ? {} : { from: params.from }),
      };
      return await session.track(signal, (all) =>
        session.board.console.expect(patterns, { ...options, signal: all }),
      );
    }),
    'console.attach': async ({ params, signal, emit }) => {
      const board = knownBoard(params.board);
      const stream = redacted((bytes) => emit({ data: bytes.toString('base64') }));
      if (params.raw) stream.push(board.console.rawTail(params.tail));
      else
        for (const line of board.console.tail(params.tail))
          stream.push(
            Buffer.from(`${line}
`),
          );
      const unsubscribe = board.console.onRaw((bytes) => stream.push(bytes));
      try {
        await aborted(signal);
      } finally {
        unsubscribe();
        stream.end();
      }
      return {};
    },

    'ssh.run': onBoard(({ board }, params, signal) =>
      board.remote.run(params.command, timed(params.timeoutMs, signal)),
    ),
    'ssh.exec': onBoard(async ({ board }, params, signal, emit) => {
      board.forgetProvenance();
      const streams = {
        stdout: redacted((chunk) => emit({ stream: 'stdout', data: chunk.toString('base64') })),
        stderr: redacted((chunk) => emit({ stream: 'stderr', data: chunk.toString('base64') })),
      };
      await using program = await board.remote.stream(params.command, {
        signal,
        onData: (chunk, stream) => streams[stream].push(chunk),
        ...(params.stdin === undefined ? {} : { stdin: Buffer.from(params.stdin, 'base64') }),
      });
      const end = await program.exited;
      for (const stream of Object.values(streams)) stream.end();
      return end;
    }),
    'ssh.shell': onBoard(async ({ board }, { cols, rows, term }, signal, emit) => {
      board.forgetProvenance();
      const opened = await board.remote.openShell({ cols, rows, term, signal });
      const id = randomUUID();
      shells.set(id, opened);
      emit({ shell: id });
      const shown = redacted((chunk) => emit({ data: chunk.toString('base64') }));
      opened.stream.on('data', (chunk: Buffer) => shown.push(chunk));
      try {
        await once(opened.stream, 'close', { signal });
      } finally {
        shown.end();
        shells.delete(id);
        opened.stream.destroy();
      }
      return {};
    }),
    'ssh.shell.input': held((_, { params }) => {
      shell(params.shell).stream.write(Buffer.from(params.data, 'base64'));
      return {};
    }),
    'ssh.shell.resize': held((_, { params }) => {
      shell(params.shell).resize(params.cols, params.rows);
      return {};
    }),
    'ssh.upload': onBoard(({ board }, params, signal) => {
      board.forgetProvenance();
      const source = 'path' in params.source ? params.source : Buffer.from(params.source.data, 'base64');
      const mode = params.mode === undefined ? {} : { mode: params.mode };
      return board.remote.upload(source, params.remotePath, { signal, ...mode });
    }),
    'ssh.download': onBoard(({ board }, params, signal) =>
      board.remote.download(params.remotePath, params.localPath, { signal }),
    ),

    'kernel.mark': onBoard(async ({ board }) => {
      await board.kernelLog.barrier();
      return board.kernelLog.mark();
    }),
    // Not onBoard: what a dead board had logged can still be read.
    'kernel.since': held(async (session, { params, signal }) => {
      const { kernelLog, state } = session.board;
      if (state === 'ready') await session.onBoard(signal, () => kernelLog.barrier());
      return { records: kernelLog.since(params.mark), lost: kernelLog.lostSince(params.mark) };
    }),
    'kernel.waitFor': onBoard(({ board }, params, signal) => {
      const since = params.mark === undefined ? {} : { since: params.mark };
      const timeoutMs = params.timeoutMs ?? EXPECT_MS;
      return board.kernelLog.waitFor(new RegExp(params.regex, params.flags), { timeoutMs, signal, ...since });
    }),
    'module.load': onBoard(async ({ board }, params, signal) => {
      await acting(board.context(signal).journal, 'load', params.module, () =>
        loadModule(board.remote, params.module, params.parameters, { signal }),
      );
      return {};
    }),
    'module.unload': onBoard(async ({ board }, params, signal) => {
      await acting(board.context(signal).journal, 'unload', params.module, () =>
        unloadModule(board.remote, params.module, { signal }),
      );
      return {};
    }),
    'module.loaded': onBoard(async ({ board }, params, signal) => ({
      loaded: await isLoaded(board.remote, params.module, { signal }),
    })),
    'module.parameters': onBoard(async ({ board }, params, signal) => ({
      parameters: await moduleParameters(board.remote, params.module, { signal }),
    })),
    ...linkMethods(lab),
  };
}

function timed(
  timeoutMs: number | undefined,
  signal: AbortSignal,
): { timeoutMs?: number; signal: AbortSignal } {
  return timeoutMs === undefined ? { signal } : { timeoutMs, signal };
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
