/** The classifier over a million lines of kernel log with its whole catalogue; `grep -E -f` with the same patterns beside it. */
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { SIGNATURES } from '../../lab/verdict/signatures/index.ts';
import type { Signature } from '../../lab/verdict/signatures/signature.ts';
import { median, type Row } from './rows.ts';

const LINES = 1_000_000;
/** grep takes minutes for as many. It reads its patterns for as long as thousands of lines: the second run takes that off. */
const GREP_LINES = [30_000, 5000] as const;
const RUNS = 5;
/** Of the lines so many are of a signature; so many look like one, or are of one that means no harm. */
const BAD = 0.02;
const NEAR = 0.05;
const GOLDEN = join(import.meta.dirname, '../unit/signatures');

const RESULT = z.object({ cpuS: z.number(), wallS: z.number(), maxRssMiB: z.number() });

export async function classifyRows(): Promise<Row[]> {
  const dir = mkdtempSync(join(tmpdir(), 'hil-bench-'));
  try {
    const log = join(dir, 'kernel.log');
    writeLog(log, LINES);
    const runs = Array.from({ length: RUNS }, () => classified(log));
    const grep = grepLinesPerSecond(dir);
    const perSecond = (key: 'cpuS' | 'wallS'): number => LINES / 1e6 / median(runs.map((run) => run[key]));
    return [
      { what: 'classify: million lines/s of CPU', ours: perSecond('cpuS'), target: '>= 2', runs: RUNS },
      {
        what: 'classify: million lines/s',
        ours: perSecond('wallS'),
        peer: { name: 'grep -E -f', value: grep / 1e6 },
        target: '>= 3 times grep',
        runs: RUNS,
      },
      {
        what: 'classify: largest RSS, MiB',
        ours: Math.max(...runs.map(({ maxRssMiB }) => maxRssMiB)),
        target: '<= 300',
        runs: RUNS,
      },
    ];
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** In a process of its own: its memory is to be that of the classifier alone. */
function classified(log: string): z.output<typeof RESULT> {
  const script = join(import.meta.dirname, 'classify-run.ts');
  const { stdout, stderr, status } = spawnSync(process.execPath, [script, log], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${script} ended with ${status}: ${stderr}`);
  return RESULT.parse(JSON.parse(stdout));
}

function grepLinesPerSecond(dir: string): number {
  const patterns = join(dir, 'patterns');
  writeFileSync(patterns, `${SIGNATURES.flatMap(extended).join('\n')}\n`);
  const [many, few] = GREP_LINES;
  return ((many - few) / (grepMs(dir, patterns, many) - grepMs(dir, patterns, few))) * 1000;
}

function grepMs(dir: string, patterns: string, lines: number): number {
  const log = join(dir, `${lines}.log`);
  writeLog(log, lines);
  const started = performance.now();
  const { status, stderr } = spawnSync('grep', ['-E', '-c', '-f', patterns, log], {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C' },
  });
  if (status !== 0) throw new Error(`grep ended with ${status}: ${stderr}`);
  return performance.now() - started;
}

/** As grep has it; what it has no word for is left out, which makes it faster. */
function extended({ literals, pattern }: Signature): string[] {
  if (pattern === null || /\(\?<?[=!]|\\b/.test(pattern.source))
    return literals.map((literal) => literal.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  const source = pattern.source
    .replaceAll(/\(\?(?:<\w+>|:)/g, '(')
    .replaceAll('[^\\s', '[^[:space:]')
    .replaceAll(/\\([dws])(?=[^[]*\])/g, (_, letter: string) => CLASSES[letter]?.slice(1, -1) ?? '')
    .replaceAll(/\\([dwsS])/g, (_, letter: string) => CLASSES[letter] ?? '')
    .replaceAll(/([*+?}])\?/g, '$1');
  return [source];
}

const CLASSES: Readonly<Record<string, string>> = {
  d: '[0-9]',
  w: '[[:alnum:]_]',
  s: '[[:space:]]',
  S: '[^[:space:]]',
};

/** What a kernel says all day, and no signature is of; `#` is a number. */
const ORDINARY = [
  'usb #-#: new high-speed USB device number # using xhci_hcd',
  'usb #-#: New USB device strings: Mfr=1, Product=2, SerialNumber=3',
  'usb #-#: Product: 802.11ac NIC',
  'pci 0000:00:1c.#: PCI bridge to [bus #]',
  'pci 0000:00:1f.#: [8086:a3a#] type 00 class 0x0c0330',
  'pci 0000:02:00.0: reg 0x10: [mem 0xf710#000-0xf710ffff 64bit]',
  'ACPI: PM: (supports S0 S3 S4 S5)',
  'ACPI: SSDT 0x00000000# 000#AE (v02 PmRef  Cpu#Cst  00003001 INTL 20160422)',
  'audit: type=1400 audit(17#.#:#): apparmor="STATUS" operation="profile_load" profile="unconfined" name="man_filter"',
  'systemd[1]: Started Journal Service.',
  'systemd[1]: Mounting sys-kernel-debug.mount - Kernel Debug File System...',
  'wlan0: associate with 02:00:00:00:#:00 (try 1/3)',
  'wlan0: RX AssocResp from 02:00:00:00:#:00 (capab=0x411 status=0 aid=#)',
  'IPv6: ADDRCONF(NETDEV_CHANGE): wlan0: link becomes ready',
  'br-lan: port #(wlan#) entered forwarding state',
  'br-lan: port #(eth#) entered blocking state',
  'mt7915e 0000:01:00.0: WM Firmware Version: ____000000, Build Time: 202#0929143201',
  'EXT4-fs (mmcblk#p#): mounted filesystem with ordered data mode. Quota mode: none.',
  'random: crng init done',
  'cfg80211: Loaded X.509 cert',
  'clocksource: Switched to clocksource arch_sys_counter',
  'printk: console [ttyS#] enabled',
  'hub #-0:1.0: # ports detected',
  'input: Power Button as /devices/LNXSYSTM:00/LNXPWRBN:00/input/input#',
  'scsi host#: usb-storage #-#:1.0',
  'sd #:0:0:0: [sda] # 512-byte logical blocks: (16.0 GB/14.9 GiB)',
  'e1000e 0000:00:19.0 eth#: NIC Link is Up 1000 Mbps Full Duplex, Flow Control: Rx/Tx',
  'perf: interrupt took too long (# > #), lowering kernel.perf_event_max_sample_rate to #000',
  'hostapd: wlan0: STA 02:00:00:00:#:01 WPA: group key handshake completed (RSN)',
  'dnsmasq-dhcp[#]: DHCPACK(wlan0) 192.168.7.# 02:00:00:00:#:01',
];

/** The same lines each time. */
function writeLog(path: string, count: number): void {
  const rows = (files: readonly string[]): string[] =>
    files
      .flatMap((name) => readFileSync(join(GOLDEN, name), 'utf8').split('\n'))
      .filter((row) => /^[^#]/.test(row));
  const names = readdirSync(GOLDEN);
  const bad = rows(names.filter((name) => !name.startsWith('healthy-'))).map(
    (row) => row.split('\t')[1] ?? '',
  );
  const near = rows(names.filter((name) => name.startsWith('healthy-')));
  let seed = 1;
  const random = (): number => {
    seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
    return seed / 0x80000000;
  };
  const pick = (list: readonly string[]): string => list[Math.floor(random() * list.length)] ?? '';
  const file = openSync(path, 'w');
  let block: string[] = [];
  for (let line = 1; line <= count; line++) {
    const kind = random();
    const stamp = `[${(line / 1000).toFixed(6).padStart(12)}] `;
    // Lines of the catalogue may have a stamp of their own.
    if (kind < BAD) block.push(pick(bad));
    else if (kind < BAD + NEAR) block.push(pick(near));
    else block.push(stamp + pick(ORDINARY).replaceAll('#', () => String(Math.floor(random() * 100))));
    if (block.length < 10_000 && line < count) continue;
    writeSync(file, `${block.join('\n')}\n`);
    block = [];
  }
  closeSync(file);
}
