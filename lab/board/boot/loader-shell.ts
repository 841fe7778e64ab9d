/** The shell of a boot loader on a console: stopped on its way, and given commands whose results are known. */
import { randomBytes } from 'node:crypto';
import { ConfigError, LabError, ProductError } from '../../errors.ts';
import type { ExpectOptions, ExpectResult, Pattern } from '../console/expect.ts';
import type { Loader } from './loaders.ts';
import { BootProgress } from './progress.ts';

/** What it needs of a console. */
export interface LoaderConsole {
  readonly position: number;
  write(text: string): Promise<void>;
  expect(patterns: Pattern | readonly Pattern[], options: ExpectOptions): Promise<ExpectResult>;
}

export interface LoaderResult {
  exitCode: number;
  output: string;
}

const COMMAND_MS = 10_000;
/** A loader reads keys again this soon after it has asked for one. */
const PRESS_MS = 300;
/** Of a typed line: what asks for the exit code. */
const MARK_ROOM = 24;
/** U-Boot prints no more of a variable than this. */
const SHOWN = 500;
/** Commands that write to flash. */
const SAVES = /(?:^|[;&|]\s*)(?:saveenv|env save)\b/;

export class LoaderShell {
  readonly #board: string;
  readonly #console: LoaderConsole;
  readonly #loader: Loader;

  constructor(board: string, port: LoaderConsole, loader: Loader) {
    this.#board = board;
    this.#console = port;
    this.#loader = loader;
  }

  /**
   * From before the loader starts, or while it counts down, to its prompt. `from`: where on the console this boot began. Throws
   * LabError, code `no-loader`, with where the boot was instead.
   */
  async stop(options: { from: number; timeoutMs: number; signal?: AbortSignal }): Promise<void> {
    const { prompt, autoboot, stopKeys, clearKeys, name } = this.#loader;
    const deadline = performance.now() + options.timeoutMs;
    let { from } = options;
    let pressed = false;
    for (;;) {
      const left = deadline - performance.now();
      const limits = { ...options, from, timeoutMs: Math.max(1, pressed ? Math.min(PRESS_MS, left) : left) };
      const seen = await this.#expect([prompt, autoboot, ...TOO_LATE], limits);
      if (seen?.index === 0) return clearKeys === '' ? undefined : await this.#console.write(clearKeys);
      if (seen !== null && seen.index > 1)
        throw new LabError(`${this.#board} was not stopped in ${name}: its kernel has started`, {
          board: this.#board,
          code: 'no-loader',
          hint: 'a longer bootdelay gives more time; was the console read from power on?',
        });
      if (performance.now() >= deadline) throw this.#notThere(options.timeoutMs);
      if (seen) from = seen.position;
      // One key may be lost while it still starts; a space too many at its prompt does no harm.
      await this.#console.write(stopKeys);
      pressed = true;
    }
  }

  /**
   * Runs a command at the prompt. Throws ConfigError for one that it can't take or that would save its environment, LabError
   * (code `loader-disturbed`) where what it echoed is not what was typed, or when it does not end.
   */
  async run(
    command: string,
    options: { timeoutMs?: number; signal?: AbortSignal; maySave?: boolean } = {},
  ): Promise<LoaderResult> {
    const { status, maxLine, name, prompt } = this.#loader;
    const mark = `HIL${randomBytes(4).toString('hex')}=`;
    const typed = `${command}; ${status(mark)}`;
    if (/[\n\r]/.test(command) || typed.length > maxLine)
      throw new ConfigError(
        `${name} can't take this command: ${command.length > maxLine ? `it is longer than ${maxLine} characters` : 'it has several lines'}`,
        { board: this.#board },
      );
    if (SAVES.test(command) && options.maySave !== true)
      throw new ConfigError(`"${command}" would write to the flash of ${this.#board}`, {
        board: this.#board,
        hint: 'set variables for this boot alone, or say that it may save',
      });
    const from = this.#console.position;
    const timeoutMs = options.timeoutMs ?? COMMAND_MS;
    const limits = { timeoutMs, from, ...(options.signal ? { signal: options.signal } : {}) };
    await this.#console.write(`${typed}\r`);
    const ended = await this.#expect([new RegExp(`${mark}(\\d+)\\s*$`)], limits);
    if (!ended) throw this.#late(command, timeoutMs);
    const [, code = ''] = ended.match;
    const echo = ended.before.indexOf(typed);
    if (echo < 0)
      throw new LabError(`${this.#board}: what ${name} echoed of "${command}" is not what was typed`, {
        board: this.#board,
        code: 'loader-disturbed',
        hint: 'other lines came in between, or the line lost characters: try again, or a lower baud rate',
      });
    await this.#expect([prompt], { ...limits, from: ended.position });
    return {
      exitCode: Number(code),
      output: ended.before.slice(echo + typed.length).replace(/^[\r\n]+/, ''),
    };
  }

  /** As run, but a command that fails throws, with what the loader said of it and what that means. */
  async check(command: string, options: { timeoutMs?: number; signal?: AbortSignal } = {}): Promise<string> {
    const { exitCode, output } = await this.run(command, options);
    if (exitCode === 0) return output;
    throw this.failure(command, output);
  }

  /**
   * Sets variables for this boot, long ones in parts, and reads them back. Throws ConfigError for what its shell would change,
   * LabError `loader-disturbed` where a variable is not what was typed.
   */
  async set(variables: Readonly<Record<string, string>>, signal?: AbortSignal): Promise<void> {
    const options = signal ? { signal } : {};
    const { name: loader, set, append, maxLine } = this.#loader;
    for (const [name, value] of Object.entries(variables)) {
      const odd = /['\\\p{Cc}]/u.exec(value)?.[0];
      if (odd !== undefined)
        throw new ConfigError(`a value of ${loader} can't hold ${JSON.stringify(odd)}: ${name}`, {
          board: this.#board,
        });
      const room = maxLine - append(name, '').length - MARK_ROOM;
      await this.check(set(name, value.slice(0, room)), options);
      for (let at = room; at < value.length; at += room)
        await this.check(append(name, value.slice(at, at + room)), options);
      const kept = await this.get(name, signal);
      if (kept?.slice(0, SHOWN) !== value.slice(0, SHOWN))
        throw new LabError(`${this.#board}: ${name} in ${loader} is not what was typed: ${kept ?? ''}`, {
          board: this.#board,
          code: 'loader-disturbed',
          hint: 'characters were lost on the console: try again, or a lower baud rate',
        });
    }
  }

  /** A variable; null where it is not set. Of a long one only the first 500 characters are sure. */
  async get(name: string, signal?: AbortSignal): Promise<string | null> {
    const { command, before } = this.#loader.show;
    const { exitCode, output } = await this.run(command(name), signal ? { signal } : {});
    const value = output.replace(/[\r\n]+$/, '').slice(before(name).length);
    return exitCode !== 0 || value === '' ? null : value;
  }

  /** Goes on with what it boots by itself; resolves when that was typed. */
  async go(): Promise<void> {
    await this.#console.write(`${this.#loader.go}\r`);
  }

  /** Why a command failed, by what it printed. */
  failure(command: string, output: string): LabError | ProductError | ConfigError {
    const progress = new BootProgress();
    progress.push(`U-Boot 2000.01`);
    for (const line of output.split('\n')) progress.push(line);
    const { fault, what, why, next } = progress.stopped();
    const known = !what.endsWith(')');
    const said = output.trim().split('\n').slice(-3).join(' / ');
    const message = `${this.#board} is stuck in ${this.#loader.name}: ${known ? why : `"${command}" failed: ${said}`}`;
    const details = {
      board: this.#board,
      code: 'boot-stuck',
      hint: known ? `${next}; it said: ${said}` : 'see its console',
    };
    if (!known || fault === 'lab') return new LabError(message, details);
    return fault === 'config' ? new ConfigError(message, details) : new ProductError(message, details);
  }

  #late(command: string, timeoutMs: number): LabError {
    return new LabError(
      `${this.#board}: "${command}" did not end in ${this.#loader.name} within ${timeoutMs / 1000} s`,
      {
        board: this.#board,
        code: 'timeout',
        hint: 'see its console',
      },
    );
  }

  #notThere(timeoutMs: number): LabError {
    return new LabError(
      `${this.#board} showed no prompt of ${this.#loader.name} within ${timeoutMs / 1000} s`,
      {
        board: this.#board,
        code: 'no-loader',
        hint: 'check its console, and which boot loader its profile names',
      },
    );
  }

  /** Null when it is late. */
  async #expect(patterns: readonly Pattern[], options: ExpectOptions): Promise<ExpectResult | null> {
    try {
      return await this.#console.expect(patterns, options);
    } catch (error) {
      if (error instanceof LabError && error.code === 'timeout') return null;
      throw error;
    }
  }
}

const TOO_LATE: readonly string[] = ['Starting kernel ...', '] Linux version '];
