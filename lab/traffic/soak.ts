/** Sustained traffic with probes beside it, watched while it runs and judged as a time series at its end. */
import { randomUUID } from 'node:crypto';
import type { z } from 'zod';
import type { BoardContext } from '../board/context.ts';
import { asHilError, ConfigError } from '../errors.ts';
import type { Payload } from '../journal/event.ts';
import { Recent } from '../verdict/soak/before.ts';
import { mbps, type SoakBreach } from '../verdict/soak/criteria.ts';
import { judgeSoak } from '../verdict/soak/judge.ts';
import { SoakRecord } from '../verdict/soak/record.ts';
import { SoakWatch } from '../verdict/soak/watch.ts';
import { verdictOfFault } from '../verdict/verdict.ts';
import { CaptureRing } from './capture-ring.ts';
import { type FreezeEnd, Freezing } from './freeze.ts';
import { type Iperf3Hooks, runIperf3 } from './iperf3.ts';
import { BoardProbe, type ProbedEnd } from './probes/board.ts';
import { LatencyProbe } from './probes/latency.ts';
import { RadioEvents } from './probes/radio-events.ts';
import { SoakOptions, type SoakResult } from './soak-options.ts';

export interface SoakHooks extends Iperf3Hooks {
  /** Told of each breach when it begins. */
  onBreach?: (breach: Payload<'soak.breach'>) => void;
}

/** Its rings are begun one after the other. */
type KeepingEnd = FreezeEnd & { rings: { namespace: string | null; ring: CaptureRing }[] };

/** The floor when none is given, as a part of the rate. */
const FLOOR = 0.75;

/**
 * Runs traffic and judges it. Disconnects are those that wpa_supplicant and hostapd on the board tell of meanwhile.
 * Throws ConfigError when the floor lies above the rate, and as runIperf3 does.
 */
export async function runSoak(
  ctx: BoardContext,
  input: z.input<typeof SoakOptions>,
  hooks: SoakHooks,
): Promise<SoakResult> {
  const options = SoakOptions.parse(input);
  const { rateBps, durationS } = options;
  const floorBps = options.floorBps ?? rateBps * FLOOR;
  if (floorBps > rateBps) {
    throw new ConfigError(`a floor of ${mbps(floorBps)} cannot hold at a rate of ${mbps(rateBps)}`, {
      board: ctx.name,
      code: 'floor-above-rate',
    });
  }
  const soak = randomUUID();
  const criteria = { ...options, floorBps };
  const watch = new SoakWatch(criteria);
  const record = new SoakRecord();
  const recent = new Recent();
  const { maxDisconnects = 0 } = options;
  let disconnects = 0;
  const remotes = { server: hooks.ends?.server ?? ctx.remote, client: hooks.ends?.client ?? ctx.remote };
  const ends = endsOf(ctx, options, remotes);
  await using freezing = new Freezing(ends, hooks.signal);
  await using rings = new AsyncDisposableStack();
  let latency: LatencyProbe | null = null;
  const now = () => performance.now() / 1000;
  const collecting = (ended: boolean) => ctx.journal.append('soak.collecting', { soak, ended });
  const breach = ({ criterion, atS, message }: SoakBreach): void => {
    const event = { soak, criterion, atS, message };
    recent.mark(now() - (record.atS(now()) - atS));
    if (options.freeze) freezing.begin(collecting);
    ctx.journal.append('soak.breach', event);
    hooks.onBreach?.(event);
  };
  const stopObserving = ctx.journal.observe((kind, data) => {
    const at = now();
    if (kind === 'iperf3.start') latency?.load();
    recent.see(kind, data, at);
    const begun = record.see(kind, data, at);
    if (begun && ++disconnects > maxDisconnects)
      breach({ criterion: 'disconnect', atS: record.atS(at), message: begun.message });
  });
  if (options.capture) await keepPackets(ctx, ends, { rings, address: options.server.address });
  ctx.journal.append('soak.start', { soak, rateBps, floorBps, durationS });
  try {
    await using probes = new AsyncDisposableStack();
    if (options.probes) {
      for (const end of ends) {
        probes.use(new BoardProbe(ctx, end));
        for (const namespace of end.namespaces)
          probes.use(await RadioEvents.start(ctx, { remote: end.remote, namespace }, hooks.signal));
      }
      const { client, server } = options;
      const target = { remote: remotes.client, namespace: client.namespace, address: server.address };
      latency = await LatencyProbe.start(ctx, target, hooks.signal);
      if (latency) probes.use(latency);
    }
    const iperf3 = await runIperf3(ctx, options, {
      ...hooks,
      onInterval: (interval) => {
        hooks.onInterval?.(interval);
        for (const found of watch.see(interval)) breach(found);
      },
    });
    const { intervals: _intervals, ...series } = record.series(iperf3.error ?? null);
    const judgement = judgeSoak({ ...series, intervals: iperf3.intervals }, criteria);
    ctx.journal.append('soak.end', { soak, verdict: judgement.verdict, message: judgement.message });
    // What only the whole run shows is as warm now as it gets.
    if (options.freeze && judgement.breaches.length > 0) freezing.begin(collecting);
    return {
      ...judgement,
      criteria,
      rateBps,
      floorBps,
      durationS,
      before: recent.before((at) => record.atS(at)),
      frozen: await freezing.collected(),
      series,
      iperf3,
    };
  } catch (thrown) {
    const { fault, message } = asHilError(thrown);
    ctx.journal.append('soak.end', { soak, verdict: verdictOfFault(fault), message });
    throw thrown;
  } finally {
    stopObserving();
  }
}

/** From now on the last packets of each end are kept, where it has tcpdump; where not, that is told. */
async function keepPackets(
  { journal, signal }: BoardContext,
  ends: readonly KeepingEnd[],
  { rings, address }: { rings: AsyncDisposableStack; address: string },
): Promise<void> {
  for (const { remote, namespaces, rings: kept } of ends)
    for (const namespace of namespaces) {
      const ring = await CaptureRing.start({ remote, namespace, address }, signal);
      if (ring) kept.push({ namespace, ring: rings.use(ring) });
      else
        journal.append('journal.note', {
          message: `no packets are kept on ${remote.name}: no tcpdump works there`,
        });
    }
}

/** The machines at the ends; a board with both is asked once. */
function endsOf(
  ctx: BoardContext,
  { server, client }: z.output<typeof SoakOptions>,
  remotes: { server: ProbedEnd['remote']; client: ProbedEnd['remote'] },
): (ProbedEnd & KeepingEnd)[] {
  const { driver } = ctx.profile;
  const modules = [driver.module, 'mac80211', 'cfg80211'];
  const interrupts = [driver.module, ...ctx.profile.radios.map((radio) => radio.interface)];
  if (remotes.server === remotes.client) {
    const namespaces = [...new Set([server.namespace, client.namespace])];
    return [{ end: 'both', remote: remotes.server, namespaces, interrupts, modules, rings: [] }];
  }
  return [
    { end: 'server', remote: remotes.server, namespaces: [server.namespace], interrupts, modules, rings: [] },
    { end: 'client', remote: remotes.client, namespaces: [client.namespace], interrupts, modules, rings: [] },
  ];
}
