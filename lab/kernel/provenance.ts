/** What exactly runs on a board: kernel, modules, firmware and tools, by version and hash. */
import type { DeviceProfile } from '../../devices/profile.ts';
import { CURRENT } from '../board/deploy/kept.ts';
import { quote, type Remote } from '../board/remote.ts';
import { LabError } from '../errors.ts';
import type { Payload } from '../journal/event.ts';
import { sanitize } from '../text.ts';

export type Provenance = Payload<'board.provenance'>;

const PROVENANCE_MS = 30_000;

/** What each prints its version with; its first line is kept. */
const TOOLS: Readonly<Record<string, string>> = {
  hostapd: 'hostapd -v',
  wpa_supplicant: 'wpa_supplicant -v',
  iw: 'iw --version',
  iperf3: 'iperf3 -v',
};

/**
 * Asks the board in one round trip. What it does not have - a module for this kernel, a firmware file, a tool - gets an
 * empty text, so that its absence is recorded too. Throws LabError when the board gives no sensible answer.
 */
export async function provenance(
  remote: Remote,
  profile: DeviceProfile,
  options: { signal?: AbortSignal } = {},
): Promise<Provenance> {
  const names = [profile.driver.module, ...profile.driver.related];
  const { firmware } = profile.driver;
  const stdout = await remote.check(provenanceScript(names, firmware), {
    timeoutMs: PROVENANCE_MS,
    quiet: true,
    ...options,
  });
  return parseProvenance(stdout, names, firmware, remote.name);
}

/**
 * Of a loaded module the kernel says what it is; of another, modinfo says what its file is. Shell built-ins wherever they do: on a slow board each program started costs some ten milliseconds.
 */
export function provenanceScript(modules: readonly string[], firmware: readonly string[]): string {
  const files = modules.map((name) => name.replaceAll(/[-_]/g, '[-_]')).join('|');
  const tools = Object.entries(TOOLS).map(
    ([name, command]) => `v=$(${command} 2>&1);[ $? = 127 ]||echo "tool ${name} \${v%%"$nl"*}"`,
  );
  return [
    "nl='\n'",
    'read -r k </proc/sys/kernel/osrelease;read -r v </proc/sys/kernel/version;echo "kernel $k $v"',
    'read -r i </proc/sys/kernel/random/boot_id;echo "boot $i"',
    'echo "notes $(od -An -v -tx1 /sys/kernel/notes 2>/dev/null|tr -d " \\n")"',
    // Loaded firmware is known to its driver alone.
    `command -v ethtool >/dev/null&&for d in /sys/class/net/*/phy80211;do [ -e $d ]||continue;d=\${d%/*};d=\${d##*/};v=$(ethtool -i $d 2>/dev/null|sed -n "s/^firmware-version: //p");echo "loaded $d $v";done`,
    `[ -r ${CURRENT} ]&&{ read -r b <${CURRENT};echo "bundle $b"; }`,
    `n=;for m in ${modules.map((name) => quote(name.replaceAll('-', '_'))).join(' ')};do s=;v=;d=/sys/module/$m`,
    'if [ -e $d ];then [ -e $d/srcversion ]&&read -r s <$d/srcversion;[ -e $d/version ]&&read -r v <$d/version',
    'echo "module $m $s;$v";else n="$n $m";fi;done',
    '[ -z "$n" ]||modinfo $n 2>/dev/null|grep -E "^(filename|srcversion|version):"',
    `l=$(grep -E ${quote(`(^|/)(${files})\\.ko[^/:]*:`)} /lib/modules/$k/modules.dep)`,
    `f=;IFS="$nl";for p in $l;do p=\${p%%:*};case $p in /*);;*)p=/lib/modules/$k/$p;;esac;f="$f$nl$p";done`,
    `set -f;sha256sum $f ${firmware.map(quote).join(' ')} </dev/null 2>/dev/null`,
    ...tools,
    ':',
  ].join('\n');
}

/** Reads what provenanceScript printed. */
export function parseProvenance(
  stdout: string,
  modules: readonly string[],
  firmware: readonly string[],
  board: string,
): Provenance {
  const found: Provenance = {
    ...{ kernel: '', buildId: '', bootId: '', bundle: '' },
    ...{ modules: {}, firmware: {}, loadedFirmware: {}, tools: {} },
  };
  const versions = new Map<string, { srcversion: string; version: string }>();
  const hashes = new Map<string, string>();
  let described = '';
  for (const name of Object.keys(TOOLS)) found.tools[name] = '';
  for (const raw of stdout.split('\n')) {
    const line = sanitize(raw);
    const hash = /^\\?([0-9a-f]{64}) [ *](.+)$/.exec(line);
    if (hash !== null) hashes.set(hash[2] ?? '', hash[1] ?? '');
    const [kind, name = '', ...rest] = line.split(' ');
    if (kind === 'kernel') found.kernel = [name, ...rest].join(' ');
    else if (kind === 'boot') found.bootId = name;
    else if (kind === 'notes') found.buildId = buildIdOf(name);
    else if (kind === 'loaded' && name !== '')
      found.loadedFirmware[name] = rest.join(' ').replace(/^N\/A$/, '');
    else if (kind === 'bundle') found.bundle = [name, ...rest].join(' ');
    else if (kind === 'tool') found.tools[name] = rest.join(' ');
    else if (kind === 'module') {
      const [srcversion = '', version = ''] = rest.join(' ').split(';');
      versions.set(name, { srcversion, version });
    }
    const [, key, value = ''] = /^(filename|srcversion|version):\s+(.*)$/.exec(line) ?? [];
    if (key === 'filename') described = moduleOfFile(value) ?? value;
    else if (key !== undefined) {
      const known = versions.get(described) ?? { srcversion: '', version: '' };
      versions.set(described, { ...known, [key]: value });
    }
  }
  if (found.kernel === '' || found.bootId === '') {
    throw new LabError(`${board} did not say what it runs: ${JSON.stringify(stdout.slice(0, 300))}`, {
      board,
    });
  }
  for (const name of modules) {
    const file = [...hashes.keys()].find((path) => moduleOfFile(path) === name.replaceAll('-', '_'));
    const facts = versions.get(name.replaceAll('-', '_')) ?? { srcversion: '', version: '' };
    found.modules[name] = { ...facts, sha256: file === undefined ? '' : (hashes.get(file) ?? '') };
  }
  for (const path of firmware) found.firmware[path] = hashes.get(path) ?? '';
  return found;
}

/** NT_GNU_BUILD_ID among ELF notes given in hex, of either byte order (elf.h); empty where there is none. */
function buildIdOf(hex: string): string {
  return /(?:040000001400000003000000|000000040000001400000003)474e5500([0-9a-f]{40})/.exec(hex)?.[1] ?? '';
}

function moduleOfFile(path: string): string | undefined {
  return /([^/]+)\.ko[^/]*$/.exec(path)?.[1]?.replaceAll('-', '_');
}
