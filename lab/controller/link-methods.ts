/** Methods of links, of the air that boards share, and of the traffic through them: one handler each. */
import type { Remote } from '../board/remote.ts';
import { startAp } from '../links/ap.ts';
import { startStation } from '../links/station.ts';
import type { MethodName } from '../rpc/schema.ts';
import { runIperf3 } from '../traffic/iperf3.ts';
import { runSoak } from '../traffic/soak.ts';
import type { Controller } from './controller.ts';
import { EXPECT_MS, leasedMethods } from './leased.ts';
import type { Handlers } from './server.ts';
import type { Session } from './session.ts';

type LinkMethod = Extract<
  MethodName,
  `air.${string}` | `ap.${string}` | `station.${string}` | `iperf3.${string}` | `soak.${string}`
>;

export function linkMethods(lab: Controller): Pick<Handlers, LinkMethod> {
  const { held, onBoard } = leasedMethods(lab);
  return {
    'air.open': held(async (session, { params, connection }) => {
      const partners = params.partners.map((each) => lab.session(each, connection));
      return { radios: await session.openAir(partners, params.options) };
    }),
    'air.set': held(async (session, { params }) => {
      await session.air.set(params.change);
      return {};
    }),
    'air.jam': held(async (session, { params }) => {
      await session.air.jam(params.frequencyMhz, params.powerDbm);
      return {};
    }),
    'air.deauthenticate': held(async (session, { params }) => {
      await session.air.deauthenticate(params.from, params.to, params.reason);
      return {};
    }),
    'air.capture': held(async (session, { params }) => ({ left: await session.air.capture(params.path) })),
    'air.counts': held(async (session) => ({ counts: await session.air.counts() })),

    'ap.start': onBoard((session, { options: wanted }, signal) =>
      session.addLink('ap', { named: wanted.interface, on: wanted.on, signal }, (ctx) =>
        startAp(ctx, wanted),
      ),
    ),
    'ap.stop': onBoard(async (session, params) => {
      await session.stopLink(params.id);
      return {};
    }),
    'ap.restart': onBoard(async (session, params) => {
      const ap = session.ap(params.id);
      await ap.restart();
      return { info: ap.info };
    }),
    'ap.stations': onBoard(async (session, params) => ({ stations: await session.ap(params.id).stations() })),
    'ap.command': onBoard(async (session, params) => ({
      output: await session.ap(params.id).command(params.command),
    })),
    'ap.deauthenticate': onBoard(async (session, params) => {
      await session.ap(params.id).deauthenticate(params.station, params.reason);
      return {};
    }),

    'station.start': onBoard((session, { options: wanted }, signal) =>
      session.addLink('station', { named: wanted.interface, on: wanted.on, signal }, (ctx) =>
        startStation(ctx, wanted),
      ),
    ),
    'station.stop': onBoard(async (session, params) => {
      await session.stopLink(params.id);
      return {};
    }),
    'station.reconnect': onBoard(async (session, params) => {
      const station = session.station(params.id);
      await station.reconnect();
      return { info: station.info };
    }),
    'station.reassociate': onBoard((session, { id, times, timeoutMs }, signal) =>
      session.station(id).reassociate({ times, timeoutMs, signal }),
    ),
    'station.powerSave': onBoard(async (session, params) => ({
      supported: await session.station(params.id).powerSave(params.on),
    })),
    'station.status': onBoard((session, params) => session.station(params.id).status()),
    'station.command': onBoard(async (session, params) => ({
      output: await session.station(params.id).command(params.command),
    })),
    'station.mark': held((session, { params }) => ({ mark: session.station(params.id).mark() })),
    'station.waitForEvent': onBoard((session, params, signal) => {
      const since = params.mark === undefined ? {} : { since: params.mark };
      const timeoutMs = params.timeoutMs ?? EXPECT_MS;
      return session.station(params.id).waitForEvent(params.event, { timeoutMs, signal, ...since });
    }),
    'station.ping': onBoard((session, params) =>
      session.station(params.id).ping(params.host, { count: params.count }),
    ),

    'iperf3.run': onBoard((session, params, signal, emit) =>
      runIperf3(session.board.context(signal), params.options, {
        ...{ onInterval: emit, signal, ends: endsOf(session, params.options) },
        emulators: session.partners.emulators,
      }),
    ),
    'soak.run': onBoard((session, params, signal, emit) =>
      runSoak(session.board.context(signal), params.options, {
        onInterval: (interval) => emit({ interval }),
        onBreach: (breach) => emit({ breach }),
        ...{ signal, finish: session.finish, ends: endsOf(session, params.options) },
        emulators: session.partners.emulators,
      }),
    ),
    'soak.finish': held((session) => {
      session.finishTraffic();
      return {};
    }),
  };
}

/** The machines at the two ends of traffic. */
function endsOf(
  { partners }: Session,
  { server, client }: { server: { peer: string | null }; client: { peer: string | null } },
): { server: Remote; client: Remote } {
  return { server: partners.remote(server.peer), client: partners.remote(client.peer) };
}
