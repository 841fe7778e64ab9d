/** Two boards in a shared air, each with a kernel of its own, beside one board whose kernel carries the frames itself. */
import { LeasedBoard } from '../../lab/client/board.ts';
import type { LabClient } from '../../lab/client/client.ts';
import type { Params, Result } from '../../lab/rpc/schema.ts';
import type { Row } from './rows.ts';

const SECONDS = 10;
const UDP_SECONDS = 60;
const UDP_RATE_BPS = 20e6;

type Load = Omit<Params<'iperf3.run'>['options'], 'server' | 'client'>;

export async function airRows(lab: LabClient): Promise<Row[]> {
  const lease = (name: string) => LeasedBoard.acquire(lab, { owner: 'bench', boards: [name], fresh: true });
  await using partner = await lease('vb2');
  await using board = await lease('vb1');
  for (const each of [board, partner]) {
    await each.ready();
    await each.call('module.load', { module: 'mac80211_hwsim', parameters: { radios: '2' } });
  }
  const alone = await linked(board, (run) => bothWays(run));
  await board.call('air.open', { partners: [partner.ref] });
  const { shared, udp } = await linked(board, async (run) => ({
    shared: await bothWays(run),
    udp: await run({ protocol: 'udp', rateBps: UDP_RATE_BPS, durationS: UDP_SECONDS }),
  }));
  const peer = (value: number) => ({ name: 'one board', value });
  return [
    {
      ...{ what: 'TCP up, two boards in a shared air, Mbit/s', ours: shared.up, peer: peer(alone.up) },
      ...{ target: '>= 40', runs: 1 },
    },
    {
      ...{ what: 'TCP down, two boards in a shared air, Mbit/s', ours: shared.down, peer: peer(alone.down) },
      ...{ target: '>= 40', runs: 1 },
    },
    {
      what: `UDP at 20 Mbit/s for ${UDP_SECONDS} s, datagrams lost of ${udp.packets ?? 0}`,
      ...{ ours: udp.lostPackets ?? Number.NaN, target: '0', runs: 1 },
    },
  ];
}

type Run = (load: Load) => Promise<Result<'iperf3.run'>>;

/** Does it with a link up: traffic goes from its station to its access point, or the other way. */
async function linked<T>(board: LeasedBoard, work: (run: Run) => Promise<T>): Promise<T> {
  const ap = await board.call('ap.start', { options: {} });
  const station = await board.call('station.start', { options: { frequencyMhz: ap.info.frequencyMhz } });
  const { namespace, peer } = station.info;
  const ends = { server: { address: ap.info.address }, client: { namespace, peer } };
  const result = await work((load) => board.call('iperf3.run', { options: { ...ends, ...load } }));
  await board.call('station.stop', { id: station.id });
  await board.call('ap.stop', { id: ap.id });
  return result;
}

async function bothWays(run: Run): Promise<{ up: number; down: number }> {
  const rate = async (direction: 'up' | 'down') =>
    (await run({ direction, durationS: SECONDS })).bitsPerSecond / 1e6;
  return { up: await rate('up'), down: await rate('down') };
}
