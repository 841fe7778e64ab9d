/** Set-up of a machine that lacks something, with programs that stand for apt-get, sudo and npm. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { PROJECT_ROOT } from '../../lab/paths.ts';
import { installPackages } from '../../lab/setup/apt.ts';
import { TO_DRIVE } from '../../lab/setup/setup.ts';
import type { StepUpdate } from '../../lab/setup/steps.ts';

const PACKAGES = ['qemu-system-x86', 'squashfs-tools'];
const INSTALL = 'apt-get install -y --no-install-recommends qemu-system-x86 squashfs-tools';
const { getuid } = process;
const { PATH } = process.env;

let dir: string;
let log: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'hil-setup-'));
  log = join(dir, 'log');
  writeFileSync(log, '');
  mkdirSync(join(dir, 'bin'));
});

afterEach(() => {
  process.env.PATH = PATH;
  if (getuid) process.getuid = getuid;
  rmSync(dir, { recursive: true });
});

/** A program in a PATH of its own; what it is called with is in the log. */
function fake(name: string, script: string): void {
  const path = join(dir, 'bin', name);
  writeFileSync(path, `#!/bin/sh\necho "${name} $*" >>${log}\n${script}\n`);
  chmodSync(path, 0o755);
}

/** Nothing of the real PATH but these. */
function real(...names: string[]): void {
  for (const name of names) symlinkSync(join('/usr/bin', name), join(dir, 'bin', name));
}

function calls(): string[] {
  return readFileSync(log, 'utf8').split('\n').slice(0, -1);
}

describe('Debian packages', () => {
  const install = async (): Promise<StepUpdate[]> => {
    process.env.PATH = join(dir, 'bin');
    const updates: StepUpdate[] = [];
    const progress = (update: StepUpdate) => updates.push(update);
    await installPackages(PACKAGES, { progress, signal: AbortSignal.timeout(30_000) });
    return updates;
  };

  it('are installed by root, with the progress that apt tells; lists are fetched when apt does not know them', async () => {
    process.getuid = () => 0;
    real('env', 'touch');
    fake(
      'apt-get',
      `case "$*" in
      *update) touch ${dir}/updated ;;
      *) [ -e ${dir}/updated ] || { echo 'E: Unable to locate package' >&2; exit 100; }
         echo 'dlstatus:1:12.5:Retrieving file 1 of 2'; echo 'pmstatus:qemu-system-x86:75.0:Unpacking' ;;
      esac`,
    );
    const updates = await install();
    assert.deepEqual(
      calls().map((call) => call.replace(/^apt-get .*-qq /, '')),
      [INSTALL.slice(8), 'update', INSTALL.slice(8)],
    );
    assert.deepEqual(updates, [
      { detail: 'fetching package lists' },
      { detail: 'downloading', fraction: 0.125 },
      { detail: 'qemu-system-x86', fraction: 0.75 },
    ]);
  });

  it('that apt cannot install are told with what apt said and the command that mends it', async () => {
    process.getuid = () => 0;
    real('env');
    fake('apt-get', `echo 'E: Could not resolve deb.example' >&2; exit 100`);
    await assert.rejects(install(), {
      fault: 'lab',
      code: 'install-failed',
      message: /Could not resolve deb\.example/,
      hint: `see that the network is up and /var has space, then: apt-get update && ${INSTALL}`,
    });
  });

  it('are installed by sudo where it asks for nothing', async () => {
    process.getuid = () => 1000;
    real('env', 'true');
    fake('sudo', 'shift; exec "$@"');
    fake('apt-get', '');
    await install();
    assert.match(
      calls().join('\n'),
      /^sudo -n true\nsudo -n env .*\napt-get .* install -y .*squashfs-tools$/,
    );
  });

  for (const [title, sudo] of [
    ['without sudo', null],
    ['where sudo asks for a password', 'exit 1'],
  ] as const) {
    it(`are not installed by an ordinary user ${title}; the exact command is told`, async () => {
      process.getuid = () => 1000;
      if (sudo !== null) fake('sudo', sudo);
      fake('apt-get', '');
      await assert.rejects(install(), { fault: 'lab', code: 'may-not-install', hint: `sudo ${INSTALL}` });
      assert.deepEqual(
        calls().filter((call) => call.startsWith('apt-get')),
        [],
      );
    });
  }
});

describe('npm packages', () => {
  /** A checkout of which only the set-up is real; its pinned Node.js says what it was told to run. */
  function bootstrap(): { status: number | null; stderr: string; stdout: string } {
    mkdirSync(join(dir, 'lab/cli'), { recursive: true });
    mkdirSync(join(dir, 'lab/setup'));
    copyFileSync(join(PROJECT_ROOT, 'lab/setup/bootstrap.sh'), join(dir, 'lab/setup/bootstrap.sh'));
    writeFileSync(join(dir, 'lab/cli/node'), '#!/bin/sh\necho "node $*"\n', { mode: 0o755 });
    writeFileSync(join(dir, 'package-lock.json'), '{}');
    real('readlink', 'dirname', 'id', 'cmp', 'find', 'date', 'cp');
    return spawnSync('/bin/sh', [join(dir, 'lab/setup/bootstrap.sh'), '--no-image'], {
      encoding: 'utf8',
      env: { PATH: join(dir, 'bin') },
    });
  }

  it('need npm: without it the exact command is told', () => {
    const { status, stderr, stdout } = bootstrap();
    assert.equal(status, 3);
    assert.match(stderr, /npm is needed/);
    assert.match(stderr, /^ {2}hint: (?:sudo )?apt-get install -y --no-install-recommends npm$/m);
    assert.equal(stdout, '');
  });

  it('that cannot be installed are told, with npm’s own words and the command', () => {
    fake('npm', "echo 'npm error network' >&2; exit 1");
    const { status, stderr, stdout } = bootstrap();
    assert.equal(status, 3);
    assert.match(stderr, /npm error network[\s\S]*hint: \(cd \S+ && npm ci --ignore-scripts\)/);
    assert.equal(stdout, '');
  });

  it('are installed once, without running their scripts, and then taken as they are', () => {
    fake('npm', `/usr/bin/mkdir -p ${'$'}PWD/node_modules && echo {} >node_modules/.package-lock.json`);
    const first = bootstrap();
    assert.equal(first.status, 0, first.stderr);
    assert.match(calls().join('\n'), /^npm ci .*--ignore-scripts/);
    assert.match(first.stdout, /^node \S+\/lab\/setup\/main\.ts --no-image$/m);
    rmSync(join(dir, 'bin'), { recursive: true });
    mkdirSync(join(dir, 'bin'));
    rmSync(join(dir, 'lab'), { recursive: true });
    const second = bootstrap();
    assert.equal(second.status, 0, second.stderr);
    assert.match(second.stderr, /npm packages: already there/);
  });
});

it('driving boards needs none of the servers that the tests are made against', () => {
  const programs = TO_DRIVE.map(({ program }) => program);
  for (const server of ['pdudaemon', 'snmpd', 'mosquitto', 'ser2net'])
    assert.ok(!programs.includes(server), server);
  assert.ok(programs.includes('qemu-system-x86_64'));
});
