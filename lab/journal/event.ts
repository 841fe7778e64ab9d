/** The events of a journal: one schema, from which both the types and the reader's checks come. */
import { z } from 'zod';

const text = z.string();
const fault = z.enum(['product', 'config', 'lab', 'harness']);
/** At which end of the traffic; `both`: a board with both. */
const probed = z.enum(['server', 'client', 'both']);

/** As lab/verdict/classify/finding.ts has it; classes are text, for a journal may be older than its reader. */
export const FINDING = z.object({
  class: text,
  role: z.enum(['cause', 'root', 'symptom', 'consequence']),
  verdict: z.enum(['product', 'lab', 'config']),
  lines: z.tuple([z.number().int(), z.number().int()]),
  count: z.number().int(),
  signature: text,
  text,
  meaning: text,
  next: text,
  device: text.nullable(),
  atS: z.number().nullable(),
  crash: z
    .object({
      kind: text,
      fingerprint: text,
      comm: text.nullable(),
      taint: text.nullable(),
      module: text.nullable(),
      frames: z.array(text).readonly(),
    })
    .optional(),
});

/**
 * Payload by kind. A kind belongs to one source (see KIND_SOURCE). Times in payloads are milliseconds unless named
 * otherwise; rates are bits a second.
 */
export const PAYLOADS = {
  /** First event of a journal: which run, which harness, which host. */
  'run.start': z.object({
    run: text,
    command: text,
    harness: text,
    host: text,
    node: text,
    startedAt: text,
  }),
  'run.end': z.object({ reason: text }),
  /** The writer dropped or repaired something: torn tail, size limit reached, dropped console bytes. */
  'journal.note': z.object({ message: text, lostEvents: z.number().int().nonnegative().default(0) }),

  'lease.acquired': z.object({ lease: text, owner: text, token: z.number().int(), waitedMs: z.number() }),
  'lease.released': z.object({ lease: text, reason: text }),
  'board.state': z.object({ state: text, reason: text.optional() }),
  /** A file that a server of the lab's gave to a board's boot loader. */
  'boot.file': z.object({ name: text, what: text, bytes: z.number(), client: text }),
  /** The machine at the other end of links, as it was found when the run began; `wrong`: what is wrong with it. */
  'peer.checked': z.object({ peer: text, clock: text, wrong: z.array(text) }),
  /** Whether it can be trusted: see lab/controller/health.ts. */
  'board.health': z.object({ health: text, why: text.optional() }),
  /** What runs around its kernel: see lab/board/userland.ts. */
  'board.userland': z.object({
    ...{
      os: text,
      arch: text,
      init: text,
      packageManager: text,
      sshServer: text,
      log: text,
      containers: text,
    },
    ...{ sftp: z.boolean(), bash: z.boolean(), busybox: z.boolean(), uci: z.boolean() },
    ...{ freeBytes: z.record(text, z.number()), clockS: z.number(), tools: z.record(text, text) },
  }),
  /** What exactly runs on the board: the evidence behind each result. */
  'board.provenance': z.object({
    kernel: text,
    /** GNU build id of the kernel, in hex; empty where it does not tell. */
    buildId: text.default(''),
    bootId: text,
    modules: z.record(text, z.object({ srcversion: text, sha256: text, version: text })),
    firmware: z.record(text, text),
    /** By interface: the version of the firmware that its driver has loaded, as ethtool tells. */
    loadedFirmware: z.record(text, text).default({}),
    tools: z.record(text, text),
    /** What was last deployed: name, version and hash of its manifest; empty where nothing was. */
    bundle: text.default(''),
  }),
  /** A bundle was put on the board and read back, or taken back. */
  'board.deployed': z.object({
    bundle: text,
    sha256: text,
    files: z.number().int(),
    bytes: z.number().int(),
  }),
  'power.action': z.object({ action: text, ok: z.boolean(), durationMs: z.number(), error: text.optional() }),
  'power.event': z.object({ event: text, detail: text.optional() }),

  /** One console line, sanitised; `partial` when the end of the line had not come (prompt, or longer than the limit). */
  'console.line': z.object({
    text,
    partial: z.boolean().default(false),
    truncatedBytes: z.number().int().default(0),
  }),
  'console.event': z.object({ event: text, detail: text.optional() }),
  'console.sent': z.object({ text }),

  /**
   * `seq` as in /dev/kmsg; `us` the kernel's time in microseconds since boot; `subsystem` and `device` as the record names
   * them (Documentation/ABI/testing/dev-kmsg). One that only the console told has `via: 'console'` and seq -1, and level
   * -1 where the console does not show it.
   */
  'kernel.record': z.object({
    seq: z.number().int(),
    level: z.number().int(),
    us: z.number(),
    text,
    subsystem: text.optional(),
    device: text.optional(),
    via: z.enum(['ssh', 'console']).optional(),
  }),
  'kernel.lost': z.object({ records: z.number().int() }),
  'kernel.boot': z.object({ bootId: text }),
  /** Another clock on the controller's (journal/clock-mapping.ts): `console` maps when a line came to when it was logged. */
  'clock.mapping': z.object({
    clock: z.enum(['kernel', 'wall', 'console']),
    bootId: text,
    offsetNs: z.number(),
    boundNs: z.number(),
    atNs: z.number(),
    samples: z.number().int(),
  }),

  /** A crash of the kernel (or of a device's firmware), read whole; as CrashReport in lab/verdict/crash/report.ts. */
  'crash.report': z.object({
    kind: text,
    class: text,
    title: text,
    fingerprint: text,
    comm: text.nullable(),
    taint: text.nullable(),
    module: text.nullable(),
    frames: z.array(text),
    panicked: z.boolean(),
    complete: z.boolean(),
    via: z.enum(['kernel', 'console', 'pstore', 'devcoredump']),
    /** Of the files of its test. */
    file: text.optional(),
  }),

  'ssh.event': z.object({ event: text, detail: text.optional() }),
  'command.start': z.object({ id: text, via: z.enum(['ssh', 'console']), command: text }),
  'command.end': z.object({
    id: text,
    exitCode: z.number().int().nullable(),
    durationMs: z.number(),
    /** First 4 kB of each, sanitised. */
    stdout: text,
    stderr: text,
    error: text.optional(),
  }),
  'file.transfer': z.object({
    direction: z.enum(['push', 'pull']),
    path: text,
    bytes: z.number().int(),
    sha256: text,
    via: z.enum(['sftp', 'channel']),
  }),

  'hostapd.line': z.object({ interface: text, text }),
  'hostapd.event': z.object({
    interface: text,
    event: text,
    station: text.optional(),
    detail: text.optional(),
  }),
  /** What the DHCP server on the board says. */
  /** What the kernel tells of a radio, as `iw event` words it. */
  'iw.event': z.object({ interface: text, text }),
  'dhcp.line': z.object({ interface: text, text }),
  'wpa_supplicant.line': z.object({ interface: text, text }),
  'wpa_supplicant.event': z.object({
    interface: text,
    event: text,
    bssid: text.optional(),
    reason: z.number().int().optional(),
    locallyGenerated: z.boolean().optional(),
    detail: text.optional(),
  }),
  'link.state': z.object({
    link: text,
    kind: z.enum(['ap', 'station']),
    state: text,
    detail: text.optional(),
  }),

  'iperf3.start': z.object({ test: text, command: text, protocol: z.enum(['tcp', 'udp']), direction: text }),
  'iperf3.interval': z.object({
    test: text,
    startS: z.number(),
    endS: z.number(),
    bitsPerSecond: z.number(),
    bytes: z.number(),
    retransmits: z.number().int().optional(),
    lostPackets: z.number().int().optional(),
    packets: z.number().int().optional(),
    jitterMs: z.number().optional(),
    direction: z.enum(['up', 'down']).optional(),
  }),
  'iperf3.end': z.object({
    test: text,
    ok: z.boolean(),
    bitsPerSecond: z.number(),
    error: text.optional(),
    fault: fault.optional(),
  }),
  /** How busy the lab machine is while traffic runs: see lab/traffic/probes/host.ts. */
  'probe.host': z.object({
    busy: z.number(),
    steal: z.number(),
    lagMs: z.number(),
    emulator: z.number().default(0),
  }),
  /** Round trips across a link, told once a second: `idle` before its traffic began; `expected` is how many were sent. */
  'probe.latency': z.object({
    ...{ target: text, idle: z.boolean(), expected: z.number().int(), timesMs: z.array(z.number()) },
  }),
  /** The board (or peer) at an end of traffic; parts are of all its processors. `cost`: of the asking itself. */
  'probe.board': z.object({
    ...{ end: probed, busy: z.number(), softirq: z.number(), periodS: z.number() },
    ...{ totalKb: z.number().optional(), availableKb: z.number().optional(), slabKb: z.number().optional() },
    ...{
      temperatureC: z.number().optional(),
      interrupts: z.number().optional(),
      cost: z.number().optional(),
    },
  }),
  /** Counters of a radio's interface since it is there, and of its queues (tc -s). */
  'probe.interface': z.object({
    ...{ end: probed, interface: text, rxBytes: z.number(), txBytes: z.number() },
    ...{ rxErrors: z.number(), rxDropped: z.number(), txErrors: z.number(), txDropped: z.number() },
    ...{ backlogBytes: z.number().optional(), backlogPackets: z.number().optional() },
    ...{ dropped: z.number().optional(), requeues: z.number().optional() },
  }),
  /** The other end as a radio knows it (iw station dump). */
  'probe.radio': z.object({
    ...{ end: probed, interface: text, station: text, signalDbm: z.number().optional() },
    ...{ txBitrateBps: z.number().optional(), rxBitrateBps: z.number().optional() },
    ...{ txRetries: z.number().optional(), txFailed: z.number().optional() },
    ...{ beaconLoss: z.number().optional(), inactiveMs: z.number().optional() },
  }),
  'soak.start': z.object({ soak: text, rateBps: z.number(), floorBps: z.number(), durationS: z.number() }),
  'soak.breach': z.object({ soak: text, criterion: text, atS: z.number(), message: text }),
  /** Whether the harness is collecting what is known of the ends, which takes their processors. */
  'soak.collecting': z.object({ soak: text, ended: z.boolean() }),
  'soak.end': z.object({ soak: text, verdict: text, message: text }),

  /**
   * What the harness itself did to the board, told when it is done: what failed during that time, and shortly after,
   * followed from it. `provoked`: a test said that failures (of these signatures or classes; none named: any) are wanted.
   */
  'harness.action': z.object({
    action: z.enum(['unload', 'load', 'link-down', 'provoked']),
    ok: z.boolean(),
    durationMs: z.number(),
    detail: text.optional(),
    signatures: z.array(text).optional(),
  }),
  /** Who is in a shared air with the board, and what was asked of it. */
  'air.change': z.object({ what: text }),
  /** A failure that the board's log shows, found at the end of a test. */
  'verdict.finding': FINDING,

  'test.start': z.object({ id: text, title: text, file: text, suite: text }),
  'test.step': z.object({ id: text, title: text, durationMs: z.number(), error: text.optional() }),
  'test.end': z.object({
    id: text,
    title: text,
    status: text,
    verdict: text,
    durationMs: z.number(),
    error: text.optional(),
  }),
} as const;

export type EventKind = keyof typeof PAYLOADS;
export type Payload<K extends EventKind> = z.output<(typeof PAYLOADS)[K]>;
export type PayloadInput<K extends EventKind> = z.input<(typeof PAYLOADS)[K]>;

/** The part of a kind before its dot: who observed it. */
export type EventSource = EventKind extends infer K ? (K extends `${infer S}.${string}` ? S : never) : never;

export interface JournalEvent<K extends EventKind = EventKind> {
  /** 1, 2, 3 ... within a run; a gap means lost events. */
  seq: number;
  /** The controller's CLOCK_MONOTONIC in nanoseconds. */
  mono: number;
  /** The controller's wall time, RFC 3339 with milliseconds. */
  wall: string;
  board: string | null;
  source: EventSource;
  kind: K;
  data: Payload<K>;
}

/** A union over kinds, so that `event.kind` narrows `event.data`. */
export type AnyEvent = { [K in EventKind]: JournalEvent<K> }[EventKind];

export const ENVELOPE = z.object({
  seq: z.number().int().positive(),
  mono: z.number(),
  wall: text,
  board: text.nullable(),
  source: text,
  kind: text,
  data: z.record(text, z.unknown()),
});

/** Where the parts of the harness put what they observe. Never throws; never blocks. */
export interface JournalSink {
  append<K extends EventKind>(kind: K, data: PayloadInput<K>, board?: string | null): void;
}

/** A sink that others can listen to. */
export interface ObservableSink extends JournalSink {
  /** Calls with each event as it is appended. Gives what ends it. */
  observe(listener: <K extends EventKind>(kind: K, data: PayloadInput<K>) => void): () => void;
}

export function sourceOf(kind: EventKind): EventSource {
  return kind.slice(0, kind.indexOf('.')) as EventSource;
}

export function isEventKind(kind: string): kind is EventKind {
  return Object.hasOwn(PAYLOADS, kind);
}
