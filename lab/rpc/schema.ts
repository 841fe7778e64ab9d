/**
 * What clients can ask of the controller: one table types both ends.
 *
 * On the wire, over a Unix socket, one JSON object a line: the client sends `{id, method, params}` or `{id, cancel: true}`;
 * the controller answers with any number of `{id, event}` and one `{id, result}` or `{id, error}`.
 */
import { z } from 'zod';
import { BootSource } from '../board/boot/sources.ts';
import { BOOT_STATES } from '../board/boot/states.ts';
import { CheckResult } from '../board/doctor/check.ts';
import { PAYLOADS } from '../journal/event.ts';
import { ApInfo, ApOptions, ApStation } from '../links/ap-options.ts';
import { StationInfo, StationOptions, StationStatus, WpaEvent } from '../links/station-options.ts';
import { Iperf3Interval, Iperf3Options, Iperf3Result } from '../traffic/iperf3-options.ts';
import { SoakOptions, SoakResult } from '../traffic/soak-options.ts';
import { AirCount, AirOptions, HearingChange } from '../virtual/ether/options.ts';
import { Profile } from './profile.ts';

/** Raised when a client and a controller of different versions could misunderstand each other. */
export const PROTOCOL = 3;

const text = z.string();
const ms = z.number().nonnegative();
const none = z.object({});

/** A lease as shown by its holder with each call. A stale token is refused (code `lease-lost`). */
export const LeaseRef = z.object({ id: text, token: z.number().int() });
export type LeaseRef = z.output<typeof LeaseRef>;

export const BOARD_STATES = ['off', 'booting', 'on', 'ready', 'frozen', 'crashed', 'quarantined'] as const;
export const EndState = z.enum(['off', 'on']).describe('what the board is left in when its lease ends');

export const LeaseInfo = z.object({
  id: text,
  token: z.number().int(),
  board: text,
  owner: text,
  run: text.nullable(),
  since: text,
  expiresInMs: ms,
});
export type LeaseInfo = z.output<typeof LeaseInfo>;

export const BoardInfo = z.object({
  name: text,
  profile: text,
  title: text,
  capabilities: z.array(text),
  onlyByName: z.boolean().describe('never given to who asks for any board'),
  state: z.enum(BOARD_STATES),
  reason: text.optional(),
  lease: LeaseInfo.nullable(),
  sshPort: z.number().int().nullable(),
  consolePath: text.nullable(),
  memoryBytes: z.number().nullable(),
  /** healthy, suspect, quarantined or in repair; and why. */
  health: text,
  healthWhy: text,
  userland: PAYLOADS['board.userland'].nullable().describe('as probed in its last boot'),
});
export type BoardInfo = z.output<typeof BoardInfo>;

/** What somebody at the bench is asked to do. */
export const Question = z.object({ id: text, board: text, request: text });

export const LabStatus = z.object({
  pid: z.number().int(),
  root: text,
  startedAt: text,
  rssBytes: z.number(),
  commands: z.number().int(),
  boards: z.array(BoardInfo),
  waiting: z.array(
    z.object({ owner: text, run: text.nullable(), wants: text, position: z.number().int(), waitedMs: ms }),
  ),
  runs: z.array(text),
});
export type LabStatus = z.output<typeof LabStatus>;

export const BoardFacts = z.object({
  board: text,
  /** What kind of board it is, with what the lab file has otherwise. */
  profile: Profile,
  bootMs: ms.nullable().describe('power on to SSH; null when the board was up already'),
  provenance: PAYLOADS['board.provenance'],
});
export type BoardFacts = z.output<typeof BoardFacts>;

export const KernelMark = z.object({ bootId: text, seq: z.number().int() });
export const KernelRecord = PAYLOADS['kernel.record'];
export type KernelRecord = z.output<typeof KernelRecord>;

export const CommandResult = z.object({
  exitCode: z.number().int().nullable(),
  signal: text.nullable(),
  stdout: text,
  stderr: text,
  durationMs: ms,
});

export const ConsoleResult = z.object({
  exitCode: z.number().int().nullable(),
  output: text,
  disturbed: z.boolean().describe('kernel lines fell into the output and it could not be proven whole'),
  durationMs: ms,
});

/** A literal, or the source and flags of a regular expression (matched a line at a time). */
export const Pattern = z.union([z.object({ literal: text }), z.object({ regex: text, flags: text })]);

export const ConsoleMatch = z.object({
  index: z.number().int().describe('which of the patterns'),
  match: z.array(text),
  before: text,
  position: z.number(),
});

export const Transfer = z.object({ bytes: z.number().int(), sha256: text, via: z.enum(['sftp', 'channel']) });

export const Artifact = z.object({ name: text, path: text, contentType: text });
export type Artifact = z.output<typeof Artifact>;

/** What the log of a test says; see lab/verdict/classify/finding.ts. */
export const Classification = z.object({
  primary: text,
  classes: z.array(text),
  verdict: z.enum(['product', 'lab', 'config', 'benign']),
  firstBadLine: z.number().int().nullable(),
  findings: z.array(PAYLOADS['verdict.finding']),
});
export type Classification = z.output<typeof Classification>;

export const POWER_ACTIONS = ['on', 'off', 'cycle', 'reset', 'freeze', 'thaw'] as const;
export type PowerAction = (typeof POWER_ACTIONS)[number];

export const WireError = z.object({
  fault: z.enum(['product', 'config', 'lab', 'harness']),
  message: text,
  board: text.optional(),
  hint: text.optional(),
  code: text.optional(),
  stack: text.optional(),
});
export type WireError = z.output<typeof WireError>;

const lease = LeaseRef;
const timeoutMs = ms.optional();
const link = z.object({ lease, id: text });

function method<P extends z.ZodType, R extends z.ZodType, E extends z.ZodType = z.ZodNever>(
  params: P,
  result: R,
  event?: E,
): { params: P; result: R; event: E | undefined } {
  return { params, result, event };
}

export const METHODS = {
  hello: method(
    z.object({ client: text, pid: z.number().int() }),
    z.object({
      pid: z.number().int(),
      protocol: z.number().int(),
      build: text,
      root: text,
      busy: z.boolean(),
      // Controllers of before labs had files said nothing of them.
      lab: text.default('virtual').describe('which lab it was started for, see lab/config/find.ts'),
      labFile: text.nullable().default(null),
      boardsInUse: z.boolean().default(true).describe('a board is on, or being brought to order'),
    }),
  ),
  'lab.status': method(none, LabStatus),
  /** What people are asked to do; with `follow` again at each change, until cancelled. */
  'lab.questions': method(
    z.object({ follow: z.boolean().default(false) }),
    z.object({ questions: z.array(Question) }),
    z.object({ questions: z.array(Question) }),
  ),
  /** It is done; without an id the only one there is. */
  'lab.done': method(z.object({ id: text.optional() }), Question),
  'lab.stop': method(
    z.object({ force: z.boolean(), onlyIfIdle: z.boolean().default(false) }),
    z.object({ stopping: z.boolean() }),
  ),

  /** The calling connection owns the run: when it goes, the run's leases end. */
  'run.open': method(z.object({ run: text, dir: text, command: text }), z.object({ journal: text })),
  'run.close': method(z.object({ run: text, reason: text }), none),
  'journal.append': method(
    z.object({ run: text, board: text.nullable(), kind: text, data: z.record(text, z.unknown()) }),
    none,
  ),

  'lease.acquire': method(
    z.object({
      owner: text,
      run: text.nullable(),
      boards: z.array(text).default([]).describe('any of these; empty: any board'),
      needs: z.array(text).default([]).describe('capabilities the board must have'),
      prefer: text.optional().describe('taken when it is free, so that a worker keeps its board'),
      waitMs: ms.default(600_000),
      fresh: z.boolean().default(false).describe('start from a clean disk if the board is off'),
      endState: EndState.default('off'),
    }),
    LeaseInfo,
    z.object({ position: z.number().int(), of: z.number().int(), holders: z.array(text) }),
  ),
  'lease.heartbeat': method(z.object({ lease }), z.object({ expiresInMs: ms })),
  'lease.release': method(z.object({ lease, endState: EndState.optional() }), none),

  /** Starts to record a test into `dir`; what is started from now on is undone by scope.end. */
  'scope.begin': method(z.object({ lease, test: text, dir: text }), none),
  /** `failure`: what the board died of during the test, if it did. */
  'scope.end': method(
    z.object({ lease }),
    z.object({
      artifacts: z.array(Artifact),
      undone: z.array(text),
      failure: WireError.optional(),
      classification: Classification.nullable(),
    }),
  ),
  /** Until scope.provoked, failures of these signatures, classes or groups (none named: any) are wanted. */
  'scope.provoke': method(z.object({ lease, signatures: z.array(text) }), z.object({ id: text })),
  'scope.provoked': method(z.object({ lease, id: text }), none),

  /** Walks the wiring of a board, one check after the other; a board that was off is switched, and off again. */
  'doctor.run': method(
    z.object({ lease, fix: z.boolean().default(false) }),
    z.object({ results: z.array(CheckResult) }),
    z.union([z.object({ checking: text }), z.object({ result: CheckResult })]),
  ),
  'doctor.peer': method(z.object({ peer: text }), z.object({ results: z.array(CheckResult) })),
  /** Powers the board on if needed, boots it, connects SSH, follows its kernel log. A dead board is power-cycled once. */
  'board.ready': method(z.object({ lease, timeoutMs }), BoardFacts, z.object({ state: text, detail: text })),
  /** Puts a bundle (a folder of the lab machine) on the board and reads it back; what fails is taken back. */
  'deploy.run': method(
    z.object({
      ...{ lease, dir: text, reload: z.boolean().default(true) },
      reboot: z.boolean().default(false).describe('power-cycle it, and prove the bundle after that'),
    }),
    z.object({
      ...{
        bundle: text,
        sha256: text,
        files: z.number().int(),
        bytes: z.number().int(),
        reloaded: z.array(text),
        kernel: text.describe('uname -r and uname -v after it'),
      },
      proven: z.object({
        ...{ files: z.record(text, text), modules: z.record(text, text), packages: z.record(text, text) },
      }),
    }),
    z.object({ detail: text }),
  ),
  /** Takes back what was deployed last, by whatever way is left; `left`: packages that can't be had in their former version. */
  'deploy.rollback': method(
    z.object({ lease }),
    z.object({ restored: z.number().int(), left: z.array(text), way: text }),
    z.object({ detail: text }),
  ),
  /** Power-cycles the board and stops it in its boot loader. */
  'boot.stop': method(z.object({ lease }), none, z.object({ state: text, detail: text })),
  /** A command of the boot loader in which the board was stopped. */
  'boot.command': method(
    z.object({ lease, command: text, timeoutMs }),
    z.object({ exitCode: z.number().int(), output: text }),
  ),
  /** Brings the board to a named state, and tells those it went through. */
  'boot.reach': method(
    z.object({ lease, state: z.enum(BOOT_STATES) }),
    z.object({ trail: z.array(z.enum(BOOT_STATES)) }),
    z.object({ state: text, detail: text }),
  ),
  /** Boots files of the lab machine, or of a stick in the board, once; resolves when SSH answers. */
  'boot.once': method(
    z.object({
      ...{ lease, kernel: text, initrd: text.optional(), dtb: text.optional(), bootargs: text },
      configuration: text.optional().describe('of a FIT'),
      source: BootSource.optional().describe('default: the place that the lab file names for this board'),
    }),
    none,
    z.object({ state: text, detail: text }),
  ),
  power: method(
    z.object({ lease, action: z.enum(POWER_ACTIONS) }),
    z.object({ state: text, durationMs: ms }),
  ),
  'power.state': method(z.object({ board: text }), z.object({ state: text })),
  'network.link': method(z.object({ lease, up: z.boolean() }), none),
  'snapshot.save': method(z.object({ lease, name: text }), z.object({ durationMs: ms })),
  'snapshot.load': method(z.object({ lease, name: text }), z.object({ durationMs: ms })),

  'console.login': method(z.object({ lease, timeoutMs }), none),
  'console.run': method(z.object({ lease, command: text, timeoutMs }), ConsoleResult),
  'console.send': method(z.object({ lease, data: text.describe('base64') }), none),
  'console.break': method(z.object({ lease }), none),
  /** A break, then the letter: SysRq of the kernel. Also of a board that hangs. */
  'console.sysrq': method(z.object({ lease, letter: text }), none),
  'console.position': method(z.object({ lease }), z.object({ position: z.number() })),
  'console.expect': method(
    z.object({ lease, patterns: z.array(Pattern).min(1), timeoutMs, from: z.number().optional() }),
    ConsoleMatch,
  ),
  /** Streams what the console says until cancelled. Needs no lease: anybody may look. */
  'console.attach': method(
    z.object({
      board: text,
      tail: z.number().int().nonnegative().default(0),
      raw: z.boolean().default(false).describe('scroll-back as it came, not sanitised'),
    }),
    none,
    z.object({ data: text.describe('base64 of raw bytes') }),
  ),

  'ssh.run': method(z.object({ lease, command: text, timeoutMs }), CommandResult),
  'ssh.exec': method(
    z.object({ lease, command: text, stdin: text.optional().describe('base64') }),
    z.object({ exitCode: z.number().int().nullable(), signal: text.nullable() }),
    z.object({ stream: z.enum(['stdout', 'stderr']), data: text.describe('base64') }),
  ),
  'ssh.shell': method(
    z.object({ lease, cols: z.number().int(), rows: z.number().int(), term: text }),
    none,
    z.object({ shell: text.optional(), data: text.optional().describe('base64') }),
  ),
  'ssh.shell.input': method(z.object({ lease, shell: text, data: text.describe('base64') }), none),
  'ssh.shell.resize': method(
    z.object({ lease, shell: text, cols: z.number().int(), rows: z.number().int() }),
    none,
  ),
  'ssh.upload': method(
    z.object({
      lease,
      source: z.union([z.object({ path: text }), z.object({ data: text.describe('base64') })]),
      remotePath: text,
      mode: z.number().int().optional(),
    }),
    Transfer,
  ),
  'ssh.download': method(z.object({ lease, remotePath: text, localPath: text }), Transfer),

  /** Waits until what the kernel has logged so far has arrived, then gives the place. */
  'kernel.mark': method(z.object({ lease }), KernelMark),
  'kernel.since': method(
    z.object({ lease, mark: KernelMark }),
    z.object({ records: z.array(KernelRecord), lost: z.number().int() }),
  ),
  'kernel.waitFor': method(
    z.object({ lease, regex: text, flags: text, mark: KernelMark.optional(), timeoutMs }),
    KernelRecord,
  ),
  'module.load': method(z.object({ lease, module: text, parameters: z.record(text, text) }), none),
  'module.unload': method(z.object({ lease, module: text }), none),
  'module.loaded': method(z.object({ lease, module: text }), z.object({ loaded: z.boolean() })),
  'module.parameters': method(
    z.object({ lease, module: text }),
    z.object({ parameters: z.record(text, text) }),
  ),

  /**
   * The radios of virtual boards hear each other from now on, until the test or the lease ends. Partners are leased by the
   * same client; stations are then by default on the first of them.
   */
  'air.open': method(
    z.object({ lease, partners: z.array(LeaseRef).min(1), options: AirOptions.prefault({}) }),
    z.object({ radios: z.array(text) }),
  ),
  'air.set': method(z.object({ lease, change: HearingChange }), none),
  'air.jam': method(
    z.object({ lease, frequencyMhz: z.number().nullable(), powerDbm: z.number().nullable() }),
    none,
  ),
  'air.deauthenticate': method(z.object({ lease, from: text, to: text, reason: z.number().int() }), none),
  /** `left`: frames of the capture so far that were left out, its file being full. */
  'air.capture': method(z.object({ lease, path: text.nullable() }), z.object({ left: z.number().int() })),
  'air.counts': method(z.object({ lease }), z.object({ counts: z.array(AirCount) })),

  'ap.start': method(z.object({ lease, options: ApOptions }), z.object({ id: text, info: ApInfo })),
  'ap.stop': method(link, none),
  'ap.restart': method(link, z.object({ info: ApInfo })),
  'ap.stations': method(link, z.object({ stations: z.array(ApStation) })),
  'ap.command': method(link.extend({ command: text }), z.object({ output: text })),
  'ap.deauthenticate': method(link.extend({ station: text, reason: z.number().int() }), none),

  'station.start': method(
    z.object({ lease, options: StationOptions }),
    z.object({ id: text, info: StationInfo }),
  ),
  'station.stop': method(link, none),
  'station.reconnect': method(link, z.object({ info: StationInfo })),
  'station.reassociate': method(
    link.extend({ times: z.number().int().positive(), timeoutMs: ms }),
    z.object({ timesMs: z.array(ms) }),
  ),
  'station.powerSave': method(link.extend({ on: z.boolean() }), z.object({ supported: z.boolean() })),
  'station.status': method(link, StationStatus),
  'station.command': method(link.extend({ command: text }), z.object({ output: text })),
  'station.mark': method(link, z.object({ mark: z.number().int() })),
  'station.waitForEvent': method(
    link.extend({ event: text, mark: z.number().int().optional(), timeoutMs }),
    WpaEvent,
  ),
  'station.ping': method(
    link.extend({ host: text, count: z.number().int().positive() }),
    z.object({ sent: z.number().int(), received: z.number().int(), rttMs: z.array(z.number()) }),
  ),

  'iperf3.run': method(z.object({ lease, options: Iperf3Options }), Iperf3Result, Iperf3Interval),
  'soak.run': method(
    z.object({ lease, options: SoakOptions }),
    SoakResult,
    z.union([z.object({ interval: Iperf3Interval }), z.object({ breach: PAYLOADS['soak.breach'] })]),
  ),
  /** Ends the soaks of this lease before their time; each then gives what it has seen. */
  'soak.finish': method(z.object({ lease }), none),
} as const;

export type MethodName = keyof typeof METHODS;
export type Params<M extends MethodName> = z.input<(typeof METHODS)[M]['params']>;
/** Methods that act under a lease. */
export type LeasedMethod = {
  [M in MethodName]: Params<M> extends { lease: LeaseRef } ? M : never;
}[MethodName];
export type ParsedParams<M extends MethodName> = z.output<(typeof METHODS)[M]['params']>;
export type Result<M extends MethodName> = z.output<(typeof METHODS)[M]['result']>;
type EventSchema<M extends MethodName> = NonNullable<(typeof METHODS)[M]['event']>;
export type StreamEvent<M extends MethodName> =
  EventSchema<M> extends z.ZodType ? z.output<EventSchema<M>> : never;

/** A call, or the cancellation of one. */
export const Request = z.object({
  id: z.number().int(),
  method: text.optional(),
  params: z.unknown().optional(),
  cancel: z.literal(true).optional(),
});
/** Exactly one of event, error and result is there; a result or an error is the last word on a call. */
export const Reply = z.object({
  id: z.number().int(),
  event: z.unknown().optional(),
  error: WireError.optional(),
  result: z.unknown().optional(),
});
