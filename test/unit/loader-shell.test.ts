import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type LoaderConsole, LoaderShell } from '../../lab/board/boot/loader-shell.ts';
import { LOADERS } from '../../lab/board/boot/loaders.ts';
import { Matcher } from '../../lab/board/console/expect.ts';
import { TextHistory } from '../../lab/board/console/history.ts';
import { ConfigError, LabError } from '../../lab/errors.ts';

/** A console whose other side answers what is typed, as a boot loader documents it. */
class Scripted implements LoaderConsole {
  readonly #history = new TextHistory();
  readonly typed: string[] = [];
  answer: (text: string) => void = () => undefined;

  get position(): number {
    return this.#history.position;
  }

  say(text: string): void {
    this.#history.append(text);
  }

  write(text: string): Promise<void> {
    this.typed.push(text);
    this.answer(text);
    return Promise.resolve();
  }

  expect: LoaderConsole['expect'] = (patterns, { from = this.position, timeoutMs = 1000 }) => {
    const matcher = new Matcher([patterns].flat() as readonly (string | RegExp)[]);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => {
          end();
          reject(new LabError('late', { code: 'timeout' }));
        },
        Math.min(timeoutMs, 200),
      );
      const end = this.#history.read(from, (text, position) => {
        const found = matcher.feed(text, position);
        if (!found) return;
        clearTimeout(timer);
        queueMicrotask(() => end());
        resolve({
          index: found.index,
          match: found.match,
          before: this.#history.slice(from, found.start),
          position: found.end,
        });
      });
    });
  };
}

const PROMPT = '=> ';

/** U-Boot at its prompt, with one good and one bad command. */
function uBoot(): { port: Scripted; shell: LoaderShell } {
  const port = new Scripted();
  port.answer = (text) => {
    const line = text.replace(/\r$/, '');
    const [, command = '', mark = ''] = /^(.*); echo (HIL\w+=)\$\?$/.exec(line) ?? [];
    const [output, code] =
      command === 'true'
        ? ['', 0]
        : command === 'printenv bootargs'
          ? ['bootargs=console=ttyS0 #1\n', 0]
          : command.startsWith('tftp')
            ? ["TFTP error: 'File not found' (1)\n", 1]
            : [`ran ${command}\n`, 0];
    port.say(`${line}\n${output}${mark}${code}\n${PROMPT}`);
  };
  return { port, shell: new LoaderShell('b', port, LOADERS['u-boot']) };
}

test('autoboot is stopped when it is seen, and the key is pressed again until the prompt comes', async () => {
  const port = new Scripted();
  let pressed = 0;
  port.answer = () => {
    pressed++;
    if (pressed === 2) port.say(`\n${PROMPT}`);
  };
  const from = port.position;
  port.say('U-Boot 2023.01\nHit any key to stop autoboot:  1 ');
  await new LoaderShell('b', port, LOADERS['u-boot']).stop({ from, timeoutMs: 5000 });
  assert.deepEqual(port.typed, [' ', ' ']);
});

test('keys that came too late to stop anything stand at the prompt, and are taken away where they matter', async () => {
  for (const [name, line, cleared] of [
    ['u-boot', '=>   ', []],
    ['grub', 'grub> cc', ['\x15']],
  ] as const) {
    const port = new Scripted();
    port.say(`\n${line}`);
    await new LoaderShell('b', port, LOADERS[name]).stop({ from: 0, timeoutMs: 5000 });
    assert.deepEqual(port.typed, cleared, name);
  }
});

test('a long variable is set in parts, and one that comes back otherwise is told', async () => {
  const port = new Scripted();
  const variables = new Map<string, string>();
  let lose = false;
  port.answer = (text) => {
    const line = text.replace(/\r$/, '');
    assert.ok(line.length <= LOADERS['u-boot'].maxLine, line);
    const [, command = '', mark = ''] = /^(.*); echo (HIL\w+=)\$\?$/.exec(line) ?? [];
    const [, name = '', add, value = ''] = /^setenv (\w+) ("[^"]*")?'([^']*)'$/.exec(command) ?? [];
    if (name !== '')
      variables.set(
        name,
        (add === undefined ? '' : (variables.get(name) ?? '')) + (lose ? value.slice(1) : value),
      );
    const shown = /^printenv (\w+)$/.exec(command)?.[1];
    const output = shown === undefined ? '' : `${shown}=${variables.get(shown) ?? ''}\n`;
    port.say(`${line}\n${output}${mark}0\n${PROMPT}`);
  };
  const shell = new LoaderShell('b', port, LOADERS['u-boot']);
  const value = Array.from({ length: 200 }, (_, index) => `k${index}=v`).join(' ');
  await shell.set({ bootargs: value });
  assert.equal(variables.get('bootargs'), value);
  lose = true;
  await assert.rejects(
    shell.set({ bootargs: value }),
    (error) => error instanceof LabError && error.code === 'loader-disturbed',
  );
});

test('a kernel that has started is too late, and told so', async () => {
  const port = new Scripted();
  port.say('U-Boot 2023.01\n');
  port.say('Starting kernel ...\n');
  await assert.rejects(
    new LoaderShell('b', port, LOADERS['u-boot']).stop({ from: 0, timeoutMs: 5000 }),
    (error) =>
      error instanceof LabError && error.code === 'no-loader' && /its kernel has started/.test(error.message),
  );
  assert.deepEqual(port.typed, []);
});

test('a command gives its output and exit code', async () => {
  const { shell } = uBoot();
  assert.deepEqual(await shell.run('printenv x'), { exitCode: 0, output: 'ran printenv x\n' });
  assert.deepEqual(await shell.run('true'), { exitCode: 0, output: '' });
});

test('a command that fails is told with what it means', async () => {
  const { shell } = uBoot();
  await assert.rejects(shell.check('tftpboot 0x40000000 Image'), (error) => {
    assert.ok(error instanceof ConfigError);
    assert.equal(error.message, 'b is stuck in U-Boot: the TFTP server has no such file');
    assert.match(error.hint ?? '', /File not found/);
    return true;
  });
});

test('a line that lost characters on its way is told, not believed', async () => {
  const { port, shell } = uBoot();
  const answer = port.answer;
  port.answer = (text) => answer(text.replace('printenv', 'prntenv'));
  await assert.rejects(
    shell.run('printenv x'),
    (error) => error instanceof LabError && error.code === 'loader-disturbed',
  );
});

test('nothing is saved to flash unless that is said, and no line is typed that would lose its end', async () => {
  const { port, shell } = uBoot();
  for (const command of ['saveenv', 'setenv a b; saveenv', 'env save'])
    await assert.rejects(shell.run(command), /would write to the flash/);
  await assert.rejects(shell.run(`echo ${'x'.repeat(300)}`), /longer than 250/);
  await assert.rejects(shell.run('a\nb'), /several lines/);
  await assert.rejects(shell.set({ bootargs: "it's" }), /can't hold "'"/);
  assert.deepEqual(port.typed, []);
  await shell.set({ bootargs: 'console=ttyS0 #1' });
  assert.match(port.typed[0] ?? '', /^setenv bootargs 'console=ttyS0 #1'; echo HIL\w+=\$\?\r$/);
});

for (const [name, prompt, autoboot] of [
  ['u-boot', '=> ', 'Hit any key to stop autoboot:  3 '],
  ['barebox', 'barebox@Board:/ ', 'Hit m for menu or any key to stop autoboot:    3'],
  ['grub', 'grub> ', 'The highlighted entry will be executed automatically in 5s.'],
] as const) {
  test(`${name} is known by its prompt and by what it says before it boots`, () => {
    assert.match(prompt, LOADERS[name].prompt);
    assert.match(autoboot, LOADERS[name].autoboot);
    assert.doesNotMatch('[    0.000000] Linux version 6.1 ', LOADERS[name].prompt);
  });
}
