import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Lease, LeaseManager, type LeaseRequest, type QueuePlace } from '../../lab/controller/leases.ts';
import { HilError } from '../../lab/errors.ts';

interface Bench {
  leases: LeaseManager;
  ended: string[];
  quarantined: Set<string>;
  parked: Map<string, string>;
}

function bench(
  names: string[],
  leaseMs = 60_000,
  capabilities: Record<string, string[]> = {},
  onlyByName: readonly string[] = [],
): Bench {
  const ended: string[] = [];
  const quarantined = new Set<string>();
  const parked = new Map<string, string>();
  const leases: LeaseManager = new LeaseManager({
    leaseMs,
    boards: names.map((name) => ({
      name,
      capabilities: capabilities[name] ?? [],
      onlyByName: onlyByName.includes(name),
      unfit: () => (quarantined.has(name) ? 'quarantined' : null),
      parkedFor: () => parked.get(name) ?? null,
    })),
    onGranted: () => undefined,
    onEnded: (lease, reason) => {
      ended.push(`${lease.board}: ${reason}`);
      leases.settled(lease.board);
    },
    onChange: () => undefined,
  });
  return { leases, ended, quarantined, parked };
}

const defaults: LeaseRequest = {
  ...{ owner: 'somebody', run: null, boards: [], needs: [], prefer: undefined, waitMs: 5000, fresh: false },
  endState: 'off',
};
const never = new AbortController().signal;
const ignore = () => undefined;

function acquire(
  leases: LeaseManager,
  request: Partial<LeaseRequest> = {},
  onPlace: (place: QueuePlace) => void = ignore,
) {
  return leases.acquire({ ...defaults, ...request }, never, onPlace);
}

async function rejection(promise: Promise<unknown>): Promise<HilError> {
  const error: unknown = await promise.then(
    () => assert.fail('it was granted'),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof HilError, String(error));
  return error;
}

test('a free board is granted at once, with a token that grows with each lease', async () => {
  const { leases } = bench(['a']);
  const first = await acquire(leases);
  leases.end(first, 'done');
  const second = await acquire(leases);
  assert.equal(first.board, 'a');
  assert.ok(second.token > first.token);
  leases.close();
});

test('those who wait are served in order, and told their place as it changes', async () => {
  const { leases } = bench(['a']);
  const held = await acquire(leases, { owner: 'holder' });
  const places: string[] = [];
  const order: string[] = [];
  const waiting = ['second', 'third'].map((owner) =>
    acquire(leases, { owner }, ({ position, of }) => places.push(`${owner} ${position}/${of}`)).then(
      (lease) => {
        order.push(owner);
        leases.end(lease, 'done');
      },
    ),
  );
  leases.end(held, 'done');
  await Promise.all(waiting);
  assert.deepEqual(order, ['second', 'third']);
  assert.deepEqual(places, ['second 1/1', 'second 1/2', 'third 2/2', 'third 1/1']);
  leases.close();
});

test('a stale token is refused after the board has passed to another', async () => {
  const { leases } = bench(['a']);
  const first = await acquire(leases);
  leases.end(first, 'done');
  await acquire(leases);
  assert.throws(() => leases.get(first), { code: 'lease-lost' });
  leases.close();
});

test('a lease whose holder is not heard of ends and the board goes to the next in line', async () => {
  const { leases, ended } = bench(['a'], 50);
  await acquire(leases, { owner: 'silent' });
  const next = await acquire(leases, { owner: 'next' });
  assert.equal(next.owner, 'next');
  assert.match(ended[0] ?? '', /not heard of/);
  leases.close();
});

test('heartbeats keep a lease alive beyond its time', async () => {
  const { leases, ended } = bench(['a'], 200);
  const lease = await acquire(leases);
  const before = lease.expiresAt;
  leases.renew(lease, 10_000);
  assert.ok(lease.expiresAt >= before + 9000);
  leases.shorten(lease, 5000);
  assert.ok(lease.expiresAt <= Date.now() + 5001);
  assert.deepEqual(ended, []);
  leases.close();
});

test('waiting ends at the deadline with who holds the board', async () => {
  const { leases } = bench(['a']);
  await acquire(leases, { owner: 'nightly' });
  const error = await rejection(acquire(leases, { waitMs: 20 }));
  assert.equal(error.code, 'busy');
  assert.match(error.hint ?? '', /a: nightly since/);
  leases.close();
});

test('who leaves the line no longer holds up those behind', async () => {
  const { leases } = bench(['a']);
  const held = await acquire(leases);
  const impatient = new AbortController();
  const gone = rejection(leases.acquire({ ...defaults, owner: 'impatient' }, impatient.signal, ignore));
  const behind = acquire(leases, { owner: 'behind' });
  impatient.abort();
  await gone;
  leases.end(held, 'done');
  assert.equal((await behind).owner, 'behind');
  leases.close();
});

test('a worker gets its own board again, then one parked for its run, before any other', async () => {
  const { leases, parked } = bench(['a', 'b', 'c']);
  parked.set('a', 'other-run').set('c', 'my-run');
  assert.equal((await acquire(leases, { run: 'my-run', prefer: 'b' })).board, 'b');
  assert.equal((await acquire(leases, { run: 'my-run' })).board, 'c');
  assert.equal((await acquire(leases, { run: 'my-run' })).board, 'a');
  leases.close();
});

test('a quarantined board is handed out only by name', async () => {
  const { leases, quarantined } = bench(['a', 'b']);
  quarantined.add('a');
  assert.equal((await acquire(leases)).board, 'b');
  assert.equal((await acquire(leases, { boards: ['a'] })).board, 'a');
  leases.close();
});

test('an unknown board and an unmet need are configuration errors that say what there is', async () => {
  const { leases } = bench(['a', 'b'], 60_000, { a: ['wifi-ap'], b: [] });
  const unknown = await rejection(acquire(leases, { boards: ['z'] }));
  assert.equal(unknown.fault, 'config');
  assert.match(unknown.hint ?? '', /a, b/);
  const unmet = await rejection(acquire(leases, { needs: ['wwan'] }));
  assert.equal(unmet.code, 'no-capability');
  assert.match(unmet.hint ?? '', /a has wifi-ap/);
  assert.equal((await acquire(leases, { needs: ['wifi-ap'] })).board, 'a');
  leases.close();
});

test('a board is not handed on before it has been put in order', async () => {
  const settled: (() => void)[] = [];
  const leases: LeaseManager = new LeaseManager({
    leaseMs: 60_000,
    boards: [{ name: 'a', capabilities: [], onlyByName: false, unfit: () => null, parkedFor: () => null }],
    onGranted: () => undefined,
    onEnded: (lease) => settled.push(() => leases.settled(lease.board)),
    onChange: () => undefined,
  });
  const first = await acquire(leases);
  leases.end(first, 'done');
  let granted: Lease | null = null;
  const second = acquire(leases).then((lease) => {
    granted = lease;
  });
  await new Promise(setImmediate);
  assert.equal(granted, null);
  settled[0]?.();
  await second;
  assert.notEqual(granted, null);
  leases.close();
});

test('leases of a controller that was killed go on, with their tokens', async () => {
  const before = bench(['a', 'b']);
  const lease = await acquire(before.leases, { boards: ['a'] });
  const { leases } = bench(['a', 'b']);
  const snapshot = before.leases.snapshot();
  leases.restore(snapshot.leases, snapshot.tokens);
  assert.equal(leases.get(lease).board, 'a');
  assert.equal((await acquire(leases)).board, 'b');
  leases.end(leases.get(lease), 'done');
  assert.ok((await acquire(leases, { boards: ['a'] })).token > lease.token);
  before.leases.close();
  leases.close();
});

test('once the lab ends, who waits is told so and nobody gets a board', async () => {
  const { leases } = bench(['a']);
  const held = await acquire(leases);
  const waiting = rejection(acquire(leases));
  leases.refuse('told to stop');
  assert.equal((await waiting).code, 'lab-ending');
  leases.end(held, 'told to stop');
  assert.deepEqual(leases.all(), []);
  assert.equal((await rejection(acquire(leases))).code, 'lab-ending');
  leases.close();
});

test('a board that is only used by name is no one of any', async () => {
  const { leases } = bench(['odd', 'a'], undefined, { odd: ['u-boot'] }, ['odd']);
  assert.equal((await acquire(leases)).board, 'a');
  const busy = await rejection(acquire(leases, { waitMs: 20 }));
  assert.equal(busy.code, 'busy', 'though odd is free');
  assert.equal((await rejection(acquire(leases, { needs: ['u-boot'] }))).code, 'no-capability');
  assert.equal((await acquire(leases, { boards: ['odd'] })).board, 'odd');
  leases.close();
});
