/** iperf3 through the harness and bare iperf3, in turn, over the same access point and station of one board. */
import type { LeasedBoard } from '../../lab/client/board.ts';
import { alternate, median, type Row } from './rows.ts';

const PAIRS = 3;
const SECONDS = 10;

export async function iperf3Rows(board: LeasedBoard): Promise<Row[]> {
  await board.call('module.load', { module: 'mac80211_hwsim', parameters: { radios: '2' } });
  const ap = await board.call('ap.start', { options: {} });
  const station = await board.call('station.start', { options: { frequencyMhz: ap.info.frequencyMhz } });
  const { namespace } = station.info;
  const { address } = ap.info;
  const harness = async (): Promise<number> => {
    const options = { durationS: SECONDS, server: { address }, client: { namespace } };
    return (await board.call('iperf3.run', { options })).bitsPerSecond / 1e6;
  };
  const bare = async (): Promise<number> => {
    const inNamespace = namespace === null ? '' : `ip netns exec ${namespace} `;
    const command = `iperf3 -s -1 -D -p 5999; sleep 1; ${inNamespace}iperf3 -c ${address} -p 5999 -t ${SECONDS} -J`;
    const { stdout } = await board.call('ssh.run', { command, timeoutMs: 60_000 });
    const match = /"sum_received":\s*\{[^}]*"bits_per_second":\s*([\d.e+]+)/.exec(stdout);
    return Number(match?.[1]) / 1e6;
  };
  const { a, b } = await alternate(PAIRS, harness, bare);
  await board.call('station.stop', { id: station.id });
  await board.call('ap.stop', { id: ap.id });
  return [
    {
      what: 'TCP through WPA2, Mbit/s',
      ours: median(a),
      peer: { name: 'bare iperf3', value: median(b) },
      target: '>= 40',
      runs: PAIRS,
    },
  ];
}
