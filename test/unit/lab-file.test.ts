import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { boardsNamed } from '../../lab/cli/boards-known.ts';
import { exampleLab } from '../../lab/config/example.ts';
import { labId } from '../../lab/config/find.ts';
import { takeInventory } from '../../lab/config/inventory.ts';
import { checkLab, lineOf, loadLab, secretsOf } from '../../lab/config/lab.ts';
import { labJsonSchema } from '../../lab/config/schema.ts';
import { ConfigError } from '../../lab/errors.ts';
import { MISTAKES } from './lab-file-mistakes.ts';

const dir = mkdtempSync(join(tmpdir(), 'hil-lab-file-'));
let count = 0;

function file(yaml: string, name = `lab${count++}.yaml`): string {
  const path = join(dir, name);
  writeFileSync(path, yaml);
  return path;
}

for (const { title, yaml, line, says } of MISTAKES) {
  test(`a lab file with a mistake is told its line and what was expected: ${title}`, () => {
    const { config, problems } = checkLab(file(yaml));
    assert.equal(config, null);
    const told = problems.map((problem) => `${problem.line}: ${problem.message}`);
    assert.ok(
      problems.some((problem) => problem.line === line && says.test(problem.message)),
      `expected line ${line} and ${says}, got:\n${told.join('\n')}`,
    );
    assert.equal(problems.length, 1, told.join('\n'));
  });
}

test('all mistakes are told at once, in the order of their lines', () => {
  const path = file('boards:\n  a: {profile: x}\n  b: {profile: y}\nbords: 1\n');
  const { problems } = checkLab(path);
  assert.deepEqual(
    problems.map(({ line }) => line),
    [2, 3, 4],
  );
  assert.throws(
    () => loadLab(path),
    (error) =>
      error instanceof ConfigError &&
      error.code === 'lab-file' &&
      problems.every((each) => error.message.includes(lineOf(each))),
  );
});

test('a password that somebody wrote into the file is not repeated', () => {
  const { problems } = checkLab(
    file(
      'boards:\n  a:\n    profile: linux\n    login: {password: hunter2hunter2}\n    ssh: {host: a}\n    power: {type: manual}\n',
    ),
  );
  assert.equal(problems.length, 1);
  assert.doesNotMatch(problems.map(lineOf).join('\n'), /hunter2/);
});

test('anchors, merge keys and includes make one lab, and mistakes are told where they stand', () => {
  file('boards:\n  b2: {profile: linux, power: none, endState: on, ssh: {host: b, prot: 1}}\n', 'more.yaml');
  const main = file(
    'include: more.yaml\nx-common: &common\n  profile: linux\n  power: {type: manual}\nboards:\n  b1:\n    <<: *common\n    ssh: {host: a}\n',
  );
  const { problems } = checkLab(main);
  assert.deepEqual(
    problems.map(({ file: path, line, message }) => [path, line, message]),
    [[join(dir, 'more.yaml'), 2, 'boards.b2.ssh: there is no key "prot" here; did you mean port?']],
  );
  file('boards:\n  b2: {profile: linux, power: none, endState: on, ssh: {host: b}}\n', 'more.yaml');
  const { boards } = loadLab(main);
  assert.deepEqual(
    boards.map(({ name, endState, wiring }) => [name, endState, wiring?.ssh.host]),
    [
      ['b1', 'off', 'a'],
      ['b2', 'on', 'b'],
    ],
  );
});

test('a mistake in what an anchor holds is told at the anchor', () => {
  const { problems } = checkLab(
    file(
      'x-common: &common\n  profile: linux\n  power: {type: manul}\nboards:\n  b1: {<<: *common, ssh: {host: a}}\n',
    ),
  );
  assert.deepEqual(
    problems.map(({ line }) => line),
    [3],
  );
});

test('files that include each other are told', () => {
  file('include: ring-b.yaml\nboards: {}\n', 'ring-a.yaml');
  const { problems } = checkLab(file('include: [ring-a.yaml]\n', 'ring-b.yaml'));
  assert.match(problems[0]?.message ?? '', /the file includes itself: .*ring-b.*ring-a.*ring-b/);
});

test('a board in two files is told with both', () => {
  file('boards:\n  a: {profile: virtual, virtual: true}\n', 'twice.yaml');
  const { problems } = checkLab(
    file('include: twice.yaml\nboards:\n  a: {profile: virtual, virtual: true}\n'),
  );
  assert.match(
    problems.map(lineOf).join('\n'),
    /twice\.yaml:2:3: boards\.a is there twice: also in .*lab\d+\.yaml/,
  );
});

test('aliases that unfold without end are refused', () => {
  const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x]'];
  for (let level = 1; level < 9; level++)
    lines.push(
      `a${level}: &a${level} [${Array(9)
        .fill(`*a${level - 1}`)
        .join(', ')}]`,
    );
  const { problems } = checkLab(file(lines.map((line) => `x-${line}`).join('\n')));
  assert.match(problems[0]?.message ?? '', /alias/i);
});

test('what a board has otherwise than its profile is taken over', () => {
  const path = file(`boards:
  r:
    profile: linux
    description: a router
    arch: arm
    power: {type: manual}
    ssh: {host: a, user: admin}
    login: {user: admin, password: "env:HIL_TEST_PW"}
    capabilities: {add: [wifi-ap], remove: [modules]}
    radios: [{interface: wlan7, role: ap}]
    driver: {module: mt7921e, parameters: {disable_aspm: 1}}
    throughput: {tcpFloorMbit: 12.5}
    bootTimeout: 90s
`);
  const [board] = loadLab(path).boards;
  assert.ok(board);
  const { profile } = board;
  assert.deepEqual(profile.capabilities, ['power', 'ssh', 'wifi-ap']);
  assert.deepEqual(
    [profile.title, profile.arch, profile.ssh.user, profile.console.user, profile.console.bootTimeoutMs],
    ['a router', 'arm', 'admin', 'admin', 90_000],
  );
  assert.deepEqual(profile.radios, [{ interface: 'wlan7', role: 'ap', namespace: null }]);
  assert.deepEqual(profile.driver.parameters, { disable_aspm: '1' });
  assert.equal(profile.throughput.tcpFloorBps, 12.5e6);
  assert.deepEqual(secretsOf(loadLab(path).entry).map(String), ['secret env:HIL_TEST_PW']);
});

test('another lab file, or a changed one, is another lab', async () => {
  const path = file('boards:\n  a: {profile: virtual, virtual: true}\n');
  const before = await labId(path);
  assert.equal(await labId(path), before);
  writeFileSync(path, '# a remark changes nothing\nboards:\n  a: {profile: virtual, virtual: true}\n');
  assert.equal(await labId(path), before);
  writeFileSync(path, 'boards:\n  b: {profile: virtual, virtual: true}\n');
  assert.notEqual(await labId(path), before);
  assert.equal(await labId(null), 'virtual');
});

test('the example is a lab that works, and names what is plugged in', () => {
  const root = mkdtempSync(join(tmpdir(), 'hil-inventory-'));
  const usb = join(root, 'sys/devices/usb1/1-1/1-1.2');
  mkdirSync(join(usb, '1-1.2:1.0/ttyUSB0/tty/ttyUSB0'), { recursive: true });
  writeFileSync(join(usb, 'manufacturer'), 'FTDI\n');
  writeFileSync(join(usb, 'product'), 'TTL232R\n');
  mkdirSync(join(root, 'sys/class/tty/ttyUSB0'), { recursive: true });
  symlinkSync(join(usb, '1-1.2:1.0/ttyUSB0'), join(root, 'sys/class/tty/ttyUSB0/device'));
  mkdirSync(join(root, 'dev/serial/by-path'), { recursive: true });
  writeFileSync(join(root, 'dev/ttyUSB0'), '');
  symlinkSync('../../ttyUSB0', join(root, 'dev/serial/by-path/pci-0-usb-0:1.2:1.0-port0'));
  mkdirSync(join(root, 'sys/bus/usb/devices/1-1'), { recursive: true });
  for (const [name, text] of [
    ['bDeviceClass', '09'],
    ['product', 'USB2.0 Hub'],
    ['maxchild', '4'],
  ] as const)
    writeFileSync(join(root, 'sys/bus/usb/devices/1-1', name), `${text}\n`);
  const found = takeInventory(root);
  assert.deepEqual(found, {
    serialPorts: [
      {
        path: '/dev/serial/by-path/pci-0-usb-0:1.2:1.0-port0',
        device: '/dev/ttyUSB0',
        product: 'FTDI TTL232R',
      },
    ],
    hubs: [{ location: '1-1', product: 'USB2.0 Hub', ports: 4 }],
  });
  const text = exampleLab(found, './lab.schema.json');
  assert.match(text, /by-path\/pci-0-usb-0:1\.2:1\.0-port0/);
  assert.deepEqual(
    loadLab(file(text)).boards.map(({ name }) => name),
    ['vb1', 'vb2'],
  );
  // With the marks taken off, the board described there is right too.
  const real = text
    .replace(/^ {2}# ( *(?:board1|profile|power|console|ssh|login|radios|- \{inter|driver)\b.*)$/gm, '  $1')
    .replace(/^ {2}# {5}- /m, '      - ');
  assert.deepEqual(
    loadLab(file(real)).boards.map(({ name }) => name),
    ['vb1', 'vb2', 'board1'],
  );
});

test('the JSON Schema for editors names sections, switches and cables', () => {
  const text = JSON.stringify(labJsonSchema());
  for (const word of ['boards', 'peers', 'include', '"const":"tasmota"', '"const":"serial"', 'endState'])
    assert.ok(text.includes(word), word);
});

test('the lab file that README shows is right', () => {
  const readme = readFileSync(join(import.meta.dirname, '../../README.md'), 'utf8');
  const [, yaml = ''] = /```yaml\n(# yaml-language-server[\s\S]*?)```/.exec(readme) ?? [];
  file('boards: {}\n', 'peers.yaml');
  assert.deepEqual(
    loadLab(file(yaml)).boards.map(({ name, endState }) => [name, endState]),
    [
      ['bpi1', 'off'],
      ['router1', 'off'],
      ['laptop', 'on'],
    ],
  );
});

test('a group stands for its boards, and what is neither board nor group is told with what there is', () => {
  const path = file(
    'boards:\n  a: {profile: virtual, virtual: true}\n  b: {profile: virtual, virtual: true}\ngroups:\n  both: [a, b]\n',
  );
  process.env.HIL_LAB = path;
  try {
    assert.deepEqual(boardsNamed(['b', 'both']), ['b', 'a']);
    assert.throws(
      () => boardsNamed(['c']),
      (error) =>
        error instanceof ConfigError && error.code === 'unknown-board' && /a, b/.test(error.hint ?? ''),
    );
  } finally {
    delete process.env.HIL_LAB;
  }
});
