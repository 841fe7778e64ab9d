/** The checks of a board, in their order: each builds on those before. */
import { sanitize } from '../../text.ts';
import { hasLoader, loaderOf } from '../boot/board-boot.ts';
import { reach } from '../boot/reach.ts';
import { quote } from '../remote.ts';
import { askUserland } from '../userland.ts';
import { type Check, good, skipped, warning, wrong } from './check.ts';
import { ASK_CLOCK, clockAnswer } from './clock.ts';
import { installCommand, missingTools } from './tools.ts';

const LEAST_FREE = 16 * 1024 * 1024;
const LOGIN_MS = 60_000;

const power: Check = {
  area: 'power',
  title: 'the switch switches it',
  needs: [],
  run: async ({ board, mayPower, signal }) => {
    if (board.hardware.alwaysOn) return skipped('nothing switches it: it is always on');
    const before = await board.hardware.state();
    if (!mayPower)
      return skipped(
        `it is ${before} and in use, so it was left as it is; hil doctor on a board that is off switches it`,
      );
    await board.power('on', { signal });
    const on = await board.hardware.state();
    await board.power('off', { signal });
    const off = await board.hardware.state();
    if (on !== 'on' || off !== 'off')
      return wrong(
        `after "on" it is ${on}, after "off" ${off}`,
        'check outlet and address in the lab file: it may be another outlet',
      );
    return good('on, and off again');
  },
};

const loader: Check = {
  area: 'loader',
  title: 'it stops in its boot loader, which answers',
  needs: ['power'],
  run: async ({ board, mayPower, signal, fresh }) => {
    if (!hasLoader(board)) return skipped('its profile names none that can be driven');
    if (!mayPower) return skipped('it is in use, so it was not stopped there');
    await reach(board, 'bootloader', { signal, fresh, progress: () => undefined });
    const { output } = await loaderOf(board).run('version', { signal });
    const place = board.hardware.bootPlace?.();
    return good(
      `${sanitize(output.split('\n')[0] ?? '')}${place ? `, fetches files by ${place.source.by}` : ''}`,
    );
  },
};

const boot: Check = {
  area: 'boot',
  title: 'it comes up: kernel, init, login prompt, SSH',
  needs: [],
  run: async ({ board, signal, fresh, mayPower }) => {
    const timeoutMs = board.profile.console.bootTimeoutMs;
    if (mayPower && board.hardware.console() !== null && !board.hardware.alwaysOn) {
      const started = performance.now();
      const trail = await reach(board, 'ready', { signal, fresh, progress: () => undefined });
      return good(`${trail.join(' -> ')} in ${((performance.now() - started) / 1000).toFixed(1)} s`);
    }
    const { bootMs } = await board.ready({ fresh, timeoutMs, signal, progress: () => undefined });
    return good(bootMs === null ? 'it was up' : `up in ${(bootMs / 1000).toFixed(1)} s`);
  },
};

const ssh: Check = {
  area: 'ssh',
  title: 'key and host key are right, and it answers quickly',
  needs: ['boot'],
  run: async (patient) => {
    const { board, signal } = patient;
    const started = performance.now();
    patient.bootId = (
      await board.remote.check('cat /proc/sys/kernel/random/boot_id', { signal, quiet: true })
    ).trim();
    const ms = performance.now() - started;
    const { host, port } = board.hardware.ssh();
    return good(`${board.profile.ssh.user}@${host}:${port}, a command takes ${ms.toFixed(0)} ms`);
  },
};

const console_: Check = {
  area: 'console',
  title: 'it talks, lets one in, and is that of this board',
  needs: ['boot'],
  run: async ({ board, signal, bootId }) => {
    if (board.hardware.console() === null) return skipped('it has none');
    await board.console.login({ timeoutMs: LOGIN_MS, signal });
    const { output } = await board.console.run('cat /proc/sys/kernel/random/boot_id', {
      timeoutMs: LOGIN_MS,
      signal,
    });
    if (bootId !== null && output.trim() !== bootId)
      return wrong(
        'another machine answers on its console than by SSH',
        'swap the cables, or the addresses in the lab file',
      );
    return good('login, and the same boot id as by SSH');
  },
};

const userland: Check = {
  area: 'system',
  title: 'it says what it is',
  needs: ['boot'],
  run: async (patient) => {
    const { board, signal } = patient;
    const found = await askUserland(board.remote, { signal, versions: true });
    patient.userland = found;
    const text = `${found.os}, ${found.arch}, ${found.init}, ${found.sshServer}${found.sftp ? '' : ' without SFTP'}`;
    const arch = ARCHES[board.profile.arch] ?? [board.profile.arch];
    if (!arch.includes(found.arch))
      return wrong(
        `${text}; its profile says ${board.profile.arch}`,
        'set arch, or another profile, in the lab file',
      );
    return good(text);
  },
};

/** What `uname -m` says on each. */
const ARCHES: Readonly<Record<string, readonly string[]>> = {
  x86_64: ['x86_64'],
  aarch64: ['aarch64'],
  arm: ['armv5tel', 'armv6l', 'armv7l', 'armv8l'],
};

const clock: Check = {
  area: 'clock',
  title: 'its clock is right',
  needs: ['system'],
  run: async ({ userland: found, board, signal, fix }) => {
    if (found === null) return skipped('not known');
    const { stdout } = await board.remote.run(ASK_CLOCK, { signal, quiet: true });
    const answer = clockAnswer(stdout, 'hil doctor --fix sets it; or run an NTP client there');
    if (answer.status === 'good' || !fix) return answer;
    await board.remote.check(`date -u -s @${Math.round(Date.now() / 1000)}`, { signal });
    return good(`was ${answer.detail}; set`);
  },
};

const tools: Check = {
  area: 'tools',
  title: 'the tools that its tests need are there',
  needs: ['system'],
  run: async ({ board, signal, userland: found, fix }) => {
    if (found === null) return skipped('not known');
    const versions = Object.entries(found.tools).map(([name, version]) =>
      `${name} ${/\d+\.\d+[\w.]*|\d+/.exec(version.replace(name, ''))?.[0] ?? ''}`.trim(),
    );
    const missing = missingTools(found, board.profile.capabilities);
    if (missing.length === 0) return good(versions.join(', '));
    const command = installCommand(found, missing);
    if (command === null)
      return wrong(
        `${missing.join(', ')} missing`,
        'put them on the board; it has no package manager that we know',
      );
    if (!fix) return wrong(`${missing.join(', ')} missing`, `hil doctor --fix, or on the board: ${command}`);
    await board.remote.check(command, { signal, timeoutMs: 600_000 });
    const left = missingTools(
      await askUserland(board.remote, { signal, versions: true }),
      board.profile.capabilities,
    );
    return left.length === 0
      ? good(`installed ${missing.join(', ')}`)
      : wrong(`${left.join(', ')} still missing`, `on the board: ${command}`);
  },
};

const radios: Check = {
  area: 'radios',
  title: 'its radios are there',
  needs: ['system'],
  run: async ({ board, signal }) => {
    const wanted = board.profile.radios;
    if (wanted.length === 0) return skipped('its profile names none');
    const { module } = board.profile.driver;
    const found: string[] = [];
    const missing: string[] = [];
    for (const { interface: name, namespace } of wanted) {
      const { exitCode } = await board.remote.run(
        `[ -e /sys/class/net/${quote(name)}/phy80211 ] || { ${namespace === null ? 'false' : `ip netns exec ${quote(namespace)} test -e /sys/class/net/${quote(name)}/phy80211`}; } 2>/dev/null`,
        { signal, quiet: true },
      );
      (exitCode === 0 ? found : missing).push(name);
    }
    if (missing.length === 0) return good(found.join(', '));
    const { stdout } = await board.remote.run(
      `grep -q "^${module.replaceAll('-', '_')} " /proc/modules && echo loaded`,
      { signal, quiet: true },
    );
    const loaded = stdout.includes('loaded');
    // A driver that a test loads brings its radios with it.
    if (!loaded)
      return warning(
        `${missing.join(', ')} not there, and ${module} is not loaded`,
        `tests load it; by hand: hil exec ${board.name} -- modprobe ${module}`,
      );
    return wrong(
      `${missing.join(', ')} not there, though ${module} is loaded`,
      `hil exec ${board.name} -- dmesg | hil classify`,
    );
  },
};

const modems: Check = {
  area: 'modems',
  title: 'its modems are there',
  needs: ['system'],
  run: async ({ board, modems: wanted, signal }) => {
    if (wanted.length === 0) return skipped('the lab file names none');
    const { stdout } = await board.remote.run(ASK_MODEMS, { signal, quiet: true });
    const there = new Set(stdout.split('\n').map((line) => sanitize(line).trim()));
    const missing = wanted.flatMap(({ name, usb, interface: link }) => [
      ...(usb === undefined || there.has(`usb ${usb.toLowerCase()}`) ? [] : [`${name} (USB ${usb})`]),
      ...(link === undefined || there.has(`net ${link}`) ? [] : [`${name} (interface ${link})`]),
    ]);
    if (missing.length === 0) return good(wanted.map(({ name }) => name).join(', '));
    const other = [...there].filter((line) => line.startsWith('usb ')).map((line) => line.slice(4));
    return wrong(
      `not there: ${missing.join(', ')}`,
      `plug it in, or look at its mode: on USB there are ${other.join(', ') || 'no devices'}`,
    );
  },
};

const ASK_MODEMS = [
  'for d in /sys/bus/usb/devices/*; do [ -r $d/idVendor ] && read -r v <$d/idVendor && read -r p <$d/idProduct && echo "usb $v:$p"; done',
  `for d in /sys/class/net/*; do echo "net \${d##*/}"; done`,
].join('\n');

const space: Check = {
  area: 'disk',
  title: 'there is room on its disks',
  needs: ['system'],
  run: async ({ userland: found }) => {
    if (found === null) return skipped('not known');
    const text = Object.entries(found.freeBytes).map(
      ([dir, bytes]) => `${dir} ${Math.round(bytes / 1024 / 1024)} MiB`,
    );
    const full = Object.entries(found.freeBytes).filter(([, bytes]) => bytes < LEAST_FREE);
    if (full.length === 0) return good(text.join(', '));
    return warning(text.join(', '), `make room in ${full.map(([dir]) => dir).join(', ')}`);
  },
};

export const CHECKS: readonly Check[] = [
  power,
  loader,
  boot,
  ssh,
  console_,
  userland,
  clock,
  tools,
  radios,
  modems,
  space,
];
