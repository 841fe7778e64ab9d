/** Faults of the link: its ends, their programs, and the air between them. */
import { type Fault, type FaultBench, there } from './fault.ts';

/** Both directions of the air. */
const onBoth = (bench: FaultBench, verb: 'add' | 'del', what = '') =>
  [
    `tc qdisc ${verb} dev ${bench.ap.interface} root ${what}`,
    there(bench, `tc qdisc ${verb} dev ${bench.station.interface} root ${what}`),
  ].join(' && ');

/** Packets that a queueing discipline kept from the air, by its line `(dropped N,`. */
async function droppedAtStation(bench: FaultBench): Promise<number> {
  const told = await bench.run(there(bench, `tc -s qdisc show dev ${bench.station.interface}`));
  return Number(/netem[\s\S]*?\(dropped (\d+),/.exec(told)?.[1] ?? 0);
}

function netem(name: string, title: string, what: string, expected: Fault['expected']): Fault {
  return {
    ...{ name, title, expected },
    inject: async (bench) => void (await bench.run(onBoth(bench, 'add', `netem ${what}`))),
    undo: async (bench) => void (await bench.run(onBoth(bench, 'del'))),
  };
}

/** A program, by its name, in the process table. */
const killed = (name: string, program: string, title: string, expected: Fault['expected']): Fault => ({
  ...{ name, title, expected, lasting: true },
  inject: async ({ run }) => void (await run(`pkill -KILL -x ${program}`)),
  fired: async ({ run }) => (await run(`pgrep -cx ${program} || true`)).trim() === '0',
});

export const link: readonly Fault[] = [
  {
    ...{ name: 'deauth', title: 'the access point throws the station out' },
    inject: (bench) => bench.deauthenticate(5),
    expected: { verdict: 'fail', first: ['disconnect'], blames: /by the access point, reason 5/ },
  },
  {
    ...{ name: 'radio-off', title: 'the radio of the station is switched off', lasting: true },
    inject: async (bench) =>
      void (await bench.run(there(bench, `ip link set ${bench.station.interface} down`))),
    fired: async (bench) =>
      /state DOWN/.test(await bench.run(there(bench, `ip link show ${bench.station.interface}`))),
    expected: { verdict: 'fail', first: ['disconnect', 'stall'], blames: /disconnected by itself/ },
  },
  {
    ...netem('loss', 'half of the frames are lost, both ways', 'loss 50%', {
      ...{ verdict: 'fail', first: ['floor', 'loss'], blames: /under the floor/ },
    }),
    fired: async (bench) => (await droppedAtStation(bench)) > 100,
  },
  {
    ...netem('delay', 'frames take 300 ms longer, both ways', 'delay 300ms limit 100000', {
      // For 300 ms nothing arrives, which a floor of three quarters may just bear.
      ...{
        verdict: 'fail',
        first: ['latency', 'floor'],
        blames: /round trips took up to [67]\d\d|under the floor/,
      },
    }),
    fired: async (bench) =>
      /netem .*delay 300/.test(await bench.run(there(bench, `tc qdisc show dev ${bench.station.interface}`))),
  },
  {
    ...{ name: 'queue-stop', title: 'the transmit queue of the station stands still, and fills' },
    inject: async (bench) =>
      void (await bench.run(
        there(bench, `tc qdisc add dev ${bench.station.interface} root netem delay 250s limit 1000000`),
      )),
    fired: async (bench) =>
      /netem[\s\S]*backlog [1-9]/.test(
        await bench.run(there(bench, `tc -s qdisc show dev ${bench.station.interface}`)),
      ),
    undo: async (bench) =>
      void (await bench.run(there(bench, `tc qdisc del dev ${bench.station.interface} root`))),
    expected: { verdict: 'fail', first: ['stall', 'floor'], blames: /nothing arrived|under the floor/ },
  },
  {
    ...{ name: 'beacon-loss', title: 'the station hears nobody any more', lasting: true },
    // Radios of mac80211_hwsim hear those with whom they share a group (drivers/net/wireless/mac80211_hwsim.c).
    inject: async (bench) =>
      void (await bench.run(
        `phy=$(${there(bench, `cat /sys/class/net/${bench.station.interface}/phy80211/name`)}) && ` +
          'echo 2 >/sys/kernel/debug/ieee80211/$phy/hwsim/group',
      )),
    expected: {
      verdict: 'fail',
      first: ['stall', 'floor', 'disconnect'],
      blames: /nothing arrived|no longer heard/,
    },
  },
  killed('hostapd-killed', 'hostapd', 'hostapd is killed', {
    ...{
      verdict: 'fail',
      first: ['disconnect', 'stall', 'floor'],
      blames: /hostapd|by the access point|no longer heard/,
    },
  }),
  killed('supplicant-killed', 'wpa_supplicant', 'wpa_supplicant is killed', {
    ...{
      verdict: 'fail',
      first: ['disconnect', 'stall', 'floor'],
      blames: /wpa_supplicant|access point lost/,
    },
  }),
];
