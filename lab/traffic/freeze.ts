/** What a driver developer asks for when a soak breaks, collected at once, while it is still warm: of each end of the traffic. */
import { quote, type Remote } from '../board/remote.ts';
import { messageOf } from '../errors.ts';
import { inNamespace } from '../links/namespace.ts';
import type { CaptureRing } from './capture-ring.ts';

export interface Frozen {
  /** Name of the machine and, where it is not the root one, the namespace. */
  where: string;
  /** Such as `stations`. */
  name: string;
  text: string;
  /** `text` is the base64 of a file of pcap. */
  packets?: boolean | undefined;
}

export interface FreezeEnd {
  remote: Remote;
  namespaces: readonly (string | null)[];
  /** Its kernel tells more of these for the rest of the soak. */
  modules: readonly string[];
  /** The last packets there, where they are kept. */
  rings: readonly { namespace: string | null; ring: CaptureRing }[];
}

const EACH_MS = 15_000;
/** Together: the traffic's end waits for it. */
const ALL_MS = 60_000;
const MOST_BYTES = 512 * 1024;
/** Control sockets of the programs of links. */
const SOCKETS = (program: string): string =>
  `find /run /var/run -type s -path "*/${program}*/*" 2>/dev/null | sort -u | while read -r s; do `;
const RADIOS =
  'for p in /sys/class/net/*/phy80211; do [ -e "$p" ] || continue; i=$(basename "$(dirname "$p")"); echo "== $i"';

/** Of the machine, whatever the namespace. Data: a name and a line of shell. */
const OF_MACHINE: Readonly<Record<string, string>> = {
  'kernel-log': 'dmesg | tail -n 2000',
  processes: 'ps -eo pid,ppid,stat,wchan:24,time,args 2>/dev/null || ps w',
  interrupts: 'cat /proc/interrupts /proc/softirqs',
  memory: 'cat /proc/meminfo; head -n 60 /proc/slabinfo 2>/dev/null',
  hostapd:
    `${SOCKETS('hostapd')}` +
    'for c in status all_sta; do echo "== $s $c"; hostapd_cli -p "$(dirname "$s")" -i "$(basename "$s")" $c; done; done',
  devcoredump: 'ls -l /sys/class/devcoredump/ 2>/dev/null',
  // A file of a driver may wait for a firmware that is dead, and some are megabytes.
  debugfs:
    'find /sys/kernel/debug/ieee80211 -type f -perm -0400 2>/dev/null | head -n 600 | while read -r f; do echo "== $f"; timeout 1 head -c 4096 "$f" 2>&1; echo; done',
};

/** Of the radios in a namespace. */
const OF_RADIOS: Readonly<Record<string, string>> = {
  interfaces: 'iw dev; iw reg get; ip -s -d link; ip route',
  phy: 'iw phy',
  stations: `${RADIOS}; iw dev "$i" station dump; iw dev "$i" link; done`,
  survey: `${RADIOS}; iw dev "$i" survey dump; done`,
  queues: 'tc -s -d qdisc; tc -s class show 2>/dev/null',
  ethtool: `${RADIOS}; ethtool -i "$i"; ethtool -S "$i"; done`,
};

/** Of all ends, begun at most once; when it is disposed of, their kernels tell as little as before. */
export class Freezing implements AsyncDisposable {
  readonly #ends: readonly FreezeEnd[];
  readonly #signal: AbortSignal;
  #begun: Promise<Frozen[][]> | null = null;

  constructor(ends: readonly FreezeEnd[], signal: AbortSignal) {
    this.#ends = ends;
    this.#signal = signal;
  }

  /** `tell` hears when it begins and when it has ended. */
  begin(tell: (ended: boolean) => void): void {
    if (this.#begun !== null) return;
    tell(false);
    this.#begun = Promise.all(this.#ends.map((end) => freeze(end, this.#signal))).finally(() => tell(true));
  }

  /** What was collected, in the end; nothing when it was never begun. */
  async collected(): Promise<Frozen[]> {
    return ((await this.#begun) ?? []).flat();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#begun === null) return;
    await this.#begun;
    await Promise.all(
      this.#ends.map(({ remote, modules }) => switchDebug(remote, modules, '-p', this.#signal)),
    );
  }
}

/** Never throws: what can't be had is told in its place. */
async function freeze(
  { remote, namespaces, modules, rings }: FreezeEnd,
  signal: AbortSignal,
): Promise<Frozen[]> {
  await switchDebug(remote, modules, '+p', signal);
  const limit = AbortSignal.any([signal, AbortSignal.timeout(ALL_MS)]);
  const frozen: Frozen[] = [];
  const take = async (where: string, name: string, command: string): Promise<boolean> => {
    try {
      const { stdout, stderr } = await remote.run(`{ ${command}\n} 2>&1 | head -c ${MOST_BYTES}`, {
        ...{ signal: limit, timeoutMs: EACH_MS, quiet: true },
      });
      frozen.push({ where, name, text: stdout + stderr });
      return true;
    } catch (error) {
      frozen.push({ where, name, text: `it could not be had: ${messageOf(error)}\n` });
      // Whoever does not answer would be awaited for each of them.
      return false;
    }
  };
  // What came last is overwritten soonest.
  for (const { namespace, ring } of rings)
    frozen.push(...(await packetsOf(ring, whereOf(remote, namespace))));
  for (const namespace of namespaces)
    for (const [name, command] of Object.entries(OF_RADIOS)) {
      if (!(await take(whereOf(remote, namespace), name, inNamespace(namespace, command)))) return frozen;
    }
  for (const [name, command] of Object.entries(OF_MACHINE))
    if (!(await take(remote.name, name, command))) return frozen;
  return frozen;
}

function whereOf({ name }: Remote, namespace: string | null): string {
  return namespace === null ? name : `${name}-${namespace}`;
}

async function packetsOf(ring: CaptureRing, where: string): Promise<Frozen[]> {
  try {
    const files = await ring.collect();
    return files.map((file, place) => ({
      ...{ where, name: `packets-${place + 1}`, text: file.toString('base64'), packets: true },
    }));
  } catch (error) {
    return [{ where, name: 'packets', text: `they could not be had: ${messageOf(error)}\n` }];
  }
}

/** What hostapd and wpa_supplicant tell with -dd, and what they tell without. */
const LEVEL = { '+p': 'MSGDUMP', '-p': 'INFO' } as const;

/**
 * Dynamic debug of the kernel (Documentation/admin-guide/dynamic-debug-howto.rst), and more of what hostapd and wpa_supplicant
 * tell; what is without it tells what it tells. Never throws.
 */
async function switchDebug(
  remote: Remote,
  modules: readonly string[],
  flag: '+p' | '-p',
  signal: AbortSignal,
): Promise<void> {
  const lines = modules.map(
    (module) =>
      `echo ${quote(`module ${module} ${flag}`)} >/sys/kernel/debug/dynamic_debug/control 2>/dev/null`,
  );
  const daemons = [
    `${SOCKETS('hostapd')} hostapd_cli -p "$(dirname "$s")" -i "$(basename "$s")" log_level ${LEVEL[flag]}; done`,
    `${SOCKETS('wpa_supplicant')} wpa_cli -p "$(dirname "$s")" -i "$(basename "$s")" log_level ${LEVEL[flag]}; done`,
  ];
  await remote
    .run([...lines, ...daemons, 'true'].join('; '), { signal, timeoutMs: EACH_MS, quiet: true })
    .catch(() => undefined);
}
