/** Small facts about commands: what they may contain, how they are named in messages, how a shell tells signals. */
import { ConfigError, LabError } from '../../errors.ts';
import { quote } from '../remote.ts';

export function busy(board: string, timeoutMs: number): LabError {
  return new LabError(`no shell on ${board} came free in ${timeoutMs / 1000} s`, {
    board,
    code: 'busy',
    hint: 'long-running commands belong into stream()',
  });
}

export function refuseNul(command: string): void {
  if (command.includes('\0')) throw new ConfigError(`a command cannot contain NUL: ${quote(short(command))}`);
}

export function short(command: string): string {
  return command.length <= 200 ? command : `${command.slice(0, 200)}...`;
}

const SIGNALS: Readonly<Record<number, string>> = {
  1: 'HUP',
  2: 'INT',
  3: 'QUIT',
  4: 'ILL',
  6: 'ABRT',
  7: 'BUS',
  8: 'FPE',
  9: 'KILL',
  11: 'SEGV',
  13: 'PIPE',
  14: 'ALRM',
  15: 'TERM',
};

/** A shell reports a signal as 128 and its number; it cannot be told from a program that exits with that code. */
export function signalOf(exitCode: number | null): string | null {
  return exitCode === null ? null : (SIGNALS[exitCode - 128] ?? null);
}
