/** The thread of a shared air: it takes the frames of all boards, asks the medium, and gives them to those who hear them. */
import { parentPort, workerData } from 'node:worker_threads';
import { ConfigError, HarnessError, LabError } from '../../errors.ts';
import { toWire } from '../../rpc/wire.ts';
import { DueQueue } from './due.ts';
import { deauthentication } from './ieee80211.ts';
import { Medium, type Radio } from './medium.ts';
import {
  familyRequest,
  type KernelMessage,
  parseMessage,
  receivedFrame,
  registerRequest,
  type SentFrame,
  sentStatus,
} from './netlink.ts';
import { AirCapture } from './pcapng.ts';
import { AgentPort } from './port.ts';
import type { AirRequest, AirRequests, AirThread, FromAir, Joining, ToAir } from './protocol.ts';

interface Member {
  board: string;
  port: AgentPort;
  /** Of MAC80211_HWSIM in its kernel; 0 before it is known. */
  family: number;
  radios: Map<string, Radio>;
  /** Who waits for an answer of its kernel. */
  waiting: ((message: KernelMessage) => void) | null;
}

const ANSWER_MS = 15_000;
const CAPTURE_BYTES = 256 * 1024 * 1024;
const FAMILY_SEQUENCE = 1;
const REGISTER_SEQUENCE = 2;
const BUSY = -16;

if (!parentPort) throw new HarnessError('the air is a thread');
const parent = parentPort;
const { options }: AirThread = workerData;
const medium = new Medium(options);
const members = new Map<string, Member>();
const owners = new Map<Radio, Member>();
const due = new DueQueue<() => void>();
let timer: NodeJS.Timeout | null = null;
let capture: AirCapture | null = null;

const handlers: { [R in AirRequest]: (params: AirRequests[R]['params']) => Answer<R> | Promise<Answer<R>> } =
  {
    connect: join,
    register: ({ board }) => register(member(board)),
    leave: ({ board }) => {
      if (members.has(board)) leave(member(board));
      return null;
    },
    set: (change) => {
      for (const name of [change.from, change.to]) if (name !== undefined) radioOf(name);
      medium.set(change);
      return null;
    },
    jam: ({ frequencyMhz, powerDbm }) => {
      medium.jam(frequencyMhz, powerDbm ?? -Infinity);
      return null;
    },
    deauthenticate: ({ from, to, reason }) => {
      inject(radioOf(from), radioOf(to), reason);
      return null;
    },
    capture: ({ path }) => {
      const left = capture?.left ?? 0;
      capture?.close();
      capture = path === null ? null : new AirCapture(path, CAPTURE_BYTES);
      return { left };
    },
    counts: () => medium.counts(),
  };

type Answer<R extends AirRequest> = AirRequests[R]['result'];

parent.on('message', ({ id, request, params }: ToAir) => {
  void answer(request, params).then(
    (result) => tell({ id, result }),
    (error: unknown) => tell({ id, error: toWire(error) }),
  );
});

async function answer(request: AirRequest, params: ToAir['params']): Promise<Answer<AirRequest>> {
  // Who asks has typed each request with its parameters.
  const handler = handlers[request] as (
    given: ToAir['params'],
  ) => Answer<AirRequest> | Promise<Answer<AirRequest>>;
  return await handler(params);
}

function tell(message: FromAir): void {
  parent.postMessage(message);
}

async function join({ board, socket, radios }: Joining): Promise<null> {
  if (members.has(board)) throw new ConfigError(`${board} is in this air already`, { board });
  const port = await AgentPort.connect(board, socket, {
    onDatagram: (datagram) => receive(board, datagram),
    onEnd: (why) => {
      const lost = members.get(board);
      if (!lost) return;
      leave(lost);
      tell({ lost: { board, why } });
    },
  });
  const made: Member = { board, port, family: 0, radios: new Map(), waiting: null };
  for (const { name, key } of radios) {
    const radio = { name, key: Buffer.from(key, 'hex') };
    made.radios.set(key, radio);
    owners.set(radio, made);
    medium.add(radio);
  }
  members.set(board, made);
  return null;
}

async function register(joined: Member): Promise<null> {
  const { board, port } = joined;
  const asked = async (
    request: Buffer,
    wanted: (message: KernelMessage) => boolean,
  ): Promise<KernelMessage> => {
    const { promise, resolve, reject } = Promise.withResolvers<KernelMessage>();
    const late = setTimeout(
      () => reject(new LabError(`${board}: its radio driver does not answer`, { board, code: 'timeout' })),
      ANSWER_MS,
    );
    joined.waiting = (message) => {
      if (wanted(message)) resolve(message);
    };
    port.send(request);
    port.flush();
    return await promise.finally(() => {
      joined.waiting = null;
      clearTimeout(late);
    });
  };
  const family = await asked(
    familyRequest(FAMILY_SEQUENCE),
    (message) => message.kind === 'family' || (message.kind === 'answer' && message.errno !== 0),
  );
  if (family.kind !== 'family')
    throw new LabError(`${board} has no simulated radios: mac80211_hwsim is not loaded`, {
      board,
      code: 'no-radios',
    });
  joined.family = family.id;
  const taken = await asked(
    registerRequest(family.id, REGISTER_SEQUENCE),
    (message) => message.kind === 'answer' && message.sequence === REGISTER_SEQUENCE,
  );
  if (taken.kind === 'answer' && taken.errno !== 0)
    throw new LabError(
      taken.errno === BUSY
        ? `${board}: its radios are in another air`
        : `${board}: its radio driver gives no frames away (errno ${-taken.errno})`,
      { board, code: 'no-air' },
    );
  return null;
}

function leave({ board, port, radios }: Member): void {
  members.delete(board);
  for (const radio of radios.values()) {
    medium.remove(radio);
    owners.delete(radio);
  }
  port.close();
}

function receive(board: string, datagram: Buffer): void {
  const from = members.get(board);
  if (!from) return;
  const message = parseMessage(datagram, from.family);
  if (message.kind !== 'frame') from.waiting?.(message);
  else {
    const radio = from.radios.get(message.sent.radio);
    // A radio that was made after the board joined is not of this air.
    if (radio) carry(from, radio, message.sent);
  }
  soon();
}

function carry(from: Member, radio: Radio, sent: SentFrame): void {
  const nowMs = performance.now();
  const { status, deliveries } = medium.transmit(radio, sent, nowMs);
  capture?.add(
    radio.name,
    sent,
    status.signalDbm,
    BigInt(Math.round((performance.timeOrigin + nowMs) * 1e6)),
  );
  const { frequencyMhz } = sent;
  // What is kept for later must not lie in the buffer of the socket.
  const frame = deliveries.some(({ atMs }) => atMs > nowMs) ? Buffer.from(sent.frame) : sent.frame;
  for (const { to, atMs, signalDbm, rxRate } of deliveries)
    at(atMs, nowMs, () => deliver(to, { frame, rxRate, signalDbm, frequencyMhz }));
  const { cookie } = sent;
  at(status.atMs, nowMs, () => from.port.send(sentStatus(from.family, radio.key, { ...status, cookie })));
}

function deliver(
  to: Radio,
  frame: { frame: Buffer; rxRate: number; signalDbm: number; frequencyMhz: number },
): void {
  const owner = owners.get(to);
  // Its kernel takes nothing before it has given its own.
  if (owner && owner.family !== 0) owner.port.send(receivedFrame(owner.family, to.key, frame));
}

/** Does it now when it is due. */
function at(atMs: number, nowMs: number, work: () => void): void {
  if (atMs <= nowMs) work();
  else due.push(atMs, work);
}

let set = false;
let ranAtMs = 0;

/**
 * What was read at once is answered at once. Under load it is gathered for a millisecond: a board takes many frames with one
 * interrupt for little more than one.
 */
function soon(): void {
  if (set) return;
  set = true;
  if (performance.now() - ranAtMs < 1) setTimeout(run, 1);
  else setImmediate(run);
}

function run(): void {
  set = false;
  const nowMs = performance.now();
  ranAtMs = nowMs;
  for (let work = due.pop(nowMs); work !== null; work = due.pop(nowMs)) work();
  for (const { port } of members.values()) port.flush();
  const { firstMs } = due;
  if (timer) clearTimeout(timer);
  timer = firstMs === null ? null : setTimeout(run, Math.max(1, firstMs - nowMs));
}

function inject(from: Radio, to: Radio, reason: number): void {
  const sender = medium.lastUse(from);
  const receiver = medium.lastUse(to);
  if (!sender || !receiver) {
    const silent = sender ? to : from;
    throw new LabError(`${silent.name} has sent nothing yet: its address is not known`, {
      code: 'no-address',
    });
  }
  const frame = deauthentication(sender.address, receiver.address, sender.address, reason);
  deliver(to, { frame, rxRate: 0, signalDbm: -30, frequencyMhz: receiver.frequencyMhz });
  soon();
}

function member(board: string): Member {
  const found = members.get(board);
  if (found) return found;
  throw new LabError(`${board} is not in this air`, { board, code: 'no-air' });
}

function radioOf(name: string): Radio {
  const found = medium.radios.find((radio) => radio.name === name);
  if (found) return found;
  throw new ConfigError(`there is no radio "${name}" in this air`, {
    code: 'unknown-radio',
    hint: `there are: ${medium.radios.map((radio) => radio.name).join(', ') || 'none'}`,
  });
}
