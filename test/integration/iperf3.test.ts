/** The real iperf3 at both ends, in the version of Debian 12 and in one that streams JSON, on loopback. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, globSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { virtual } from '../../devices/virtual.ts';
import { LocalRemote } from '../../lab/board/local.ts';
import { quote, type Remote } from '../../lab/board/remote.ts';
import { ConfigError } from '../../lab/errors.ts';
import { cacheDir } from '../../lab/paths.ts';
import { type Iperf3Hooks, runIperf3 } from '../../lab/traffic/iperf3.ts';
import type { Iperf3Interval, Iperf3Options } from '../../lab/traffic/iperf3-options.ts';
import { privateApt } from '../../lab/virtual/apt.ts';

const ARCH = process.arch === 'arm64' ? 'arm64' : 'amd64';
const VERSIONS = { bookworm: '3.12', trixie: '3.18' } as const;
type Release = keyof typeof VERSIONS;
const dir = mkdtempSync(join(tmpdir(), 'hil-i-'));
const here = new LocalRemote('here');
const live = new AbortController().signal;
after(() => here.reap());

/** Folder with the iperf3 of a release of Debian, and the libraries it was built with. */
async function fetched(release: Release): Promise<string> {
  const apt = await privateApt(join(cacheDir(), 'apt', `${release}-${ARCH}`), release, ARCH);
  await apt.update();
  const wanted = new Set(['iperf3', 'libiperf0', 'libsctp1', 'libc6', 'libssl3', 'libssl3t64']);
  const files = (await apt.resolve(['iperf3'])).filter(({ name }) => wanted.has(name));
  const debs = join(cacheDir(), 'debs');
  await apt.download(files, debs, () => undefined);
  const root = join(dir, release);
  for (const { file } of files) execFileSync('dpkg-deb', ['-x', join(debs, file), root]);
  const [loader = ''] = globSync('{lib64,lib,usr/lib64,usr/lib}/{,*/}ld-linux-*.so.*', { cwd: root });
  const libraries = globSync('{lib,usr/lib}/*-linux-gnu', { cwd: root }).map((each) => join(root, each));
  mkdirSync(join(root, 'bin'), { recursive: true });
  const words = [join(root, loader), '--library-path', libraries.join(':'), join(root, 'usr/bin/iperf3')];
  program(join(root, 'bin'), 'iperf3', `exec ${words.map(quote).join(' ')} "$@"`);
  return join(root, 'bin');
}

function program(folder: string, name: string, text: string): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, name), `#!/bin/sh\n${text}\n`);
  chmodSync(join(folder, name), 0o755);
}

/** This machine, with the programs of a folder alone, or before all others. */
function machine(name: string, folder: string, path = '/usr/bin:/bin'): Remote {
  const inside = (command: string) => `PATH=${quote(`${folder}:${path}`)}; ${command}`;
  return {
    name,
    run: (command, options) => here.run(inside(command), options),
    check: (command, options) => here.check(inside(command), options),
    stream: (command, options) => here.stream(inside(command), options),
    upload: here.upload.bind(here),
    download: here.download.bind(here),
  };
}

const folders: Partial<Record<Release, string>> = {};
before(
  async () => {
    for (const release of ['bookworm', 'trixie'] as const) folders[release] = await fetched(release);
  },
  { timeout: 180_000 },
);

async function run(
  ends: { server: Remote; client: Remote },
  options: Partial<Iperf3Options>,
  hooks: Partial<Iperf3Hooks> = {},
) {
  const ctx = {
    ...{ name: 'here', profile: virtual, remote: ends.server, signal: live },
    journal: { append: () => undefined, observe: () => () => undefined },
  };
  return await runIperf3(
    ctx,
    { durationS: 2, server: { address: '127.0.0.1' }, ...options },
    { signal: live, ends, ...hooks },
  );
}

const at = (release: Release): Remote => machine(release, folders[release] ?? '');

describe('versions of iperf3', { concurrency: true }, () => {
  for (const server of ['bookworm', 'trixie'] as const)
    for (const client of ['bookworm', 'trixie'] as const)
      test(`the client ${VERSIONS[client]} and the server ${VERSIONS[server]} understand each other, and we both`, async () => {
        const ends = { server: at(server), client: at(client) };
        const seen: Iperf3Interval[] = [];
        const onInterval = (interval: Iperf3Interval) => void seen.push(interval);
        const up = await run(ends, { rateBps: 20e6, intervalS: 0.5 }, { onInterval });
        assert.equal(up.error, undefined, up.error?.message);
        assert.deepEqual(up.versions, { client: VERSIONS[client], server: VERSIONS[server] });
        assert.equal(seen.length, 4);
        assert.deepEqual(up.intervals, seen);
        assert.ok(Math.abs(up.bitsPerSecond - 20e6) < 3e6, String(up.bitsPerSecond));
        // On a busy machine TCP probes for a tail that was only late.
        assert.ok(up.retransmits !== undefined && up.retransmits < 10, String(up.retransmits));

        const both = await run(ends, { protocol: 'udp', direction: 'both', rateBps: 4e6, dscp: 46 });
        assert.equal(both.error, undefined, both.error?.message);
        for (const direction of ['up', 'down'] as const) {
          const total = both[direction];
          assert.ok(
            total && Math.abs(total.bitsPerSecond - 4e6) < 1e6,
            `${direction}: ${total?.bitsPerSecond}`,
          );
          assert.equal(total.lostPackets, 0);
          assert.ok((total.packets ?? 0) > 10);
          assert.equal(both.intervals.filter((each) => each.direction === direction).length, 2);
        }
        assert.ok(Math.abs(both.bitsPerSecond - 8e6) < 2e6);

        const parallel = await run(ends, {
          ...{ direction: 'down', parallel: 3, rateBps: 5e6, windowBytes: 65_536, mssBytes: 1000, omitS: 1 },
        });
        assert.equal(parallel.error, undefined, parallel.error?.message);
        assert.ok(Math.abs(parallel.bitsPerSecond - 15e6) < 4e6, String(parallel.bitsPerSecond));
        assert.equal(parallel.intervals.length, 2, 'the time that is omitted does not count');
      });
});

test('a server that is killed is the lab’s fault, in either form of output', async () => {
  for (const release of ['bookworm', 'trixie'] as const) {
    const ends = { server: at(release), client: at(release) };
    const killed = run(
      ends,
      { durationS: 10, rateBps: 5e6, intervalS: 0.5, stallTimeoutS: 3 },
      { onInterval: ({ endS }) => endS > 0.9 && void here.run(`pkill -9 -f 'iperf3 -s -1 -p' || :`) },
    );
    const { error, intervals } = await killed;
    assert.deepEqual([error?.fault, error?.code], ['lab', 'server-died'], `${release}: ${error?.message}`);
    assert.ok(intervals.length >= 1);
  }
});

test('a machine without iperf3, or with one from before, is told by its name and with what to do', async () => {
  const good = at('bookworm');
  const none = machine('bare', join(dir, 'nothing'), '/nowhere');
  await assert.rejects(run({ server: good, client: none }, {}), (error) => {
    assert.ok(error instanceof ConfigError);
    assert.deepEqual([error.code, error.board], ['iperf3-missing', 'bare']);
    assert.match(error.hint ?? '', /package iperf3/);
    return true;
  });
  program(join(dir, 'old'), 'iperf3', 'echo "iperf 3.0.11"');
  const old = machine('old', join(dir, 'old'));
  await assert.rejects(
    run({ server: old, client: good }, {}),
    (error) => error instanceof ConfigError && error.code === 'iperf3-too-old' && error.board === 'old',
  );
  program(join(dir, 'older'), 'iperf3', 'echo "iperf 3.6"');
  await assert.rejects(
    run({ server: machine('older', join(dir, 'older')), client: good }, { direction: 'both' }),
    (error) => error instanceof ConfigError && /3\.7 or later/.test(error.hint ?? ''),
  );
});
