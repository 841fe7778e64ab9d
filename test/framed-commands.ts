/** Commands on the shell of a console, while kernel lines fall into what it prints: for the test and the benchmark of it. */
import { closeSync, openSync, writeSync } from 'node:fs';
import { shellOnPty } from './unit/console-bench.ts';

export interface FramedCount {
  right: number;
  /** Told as such by the harness. */
  disturbed: number;
  /** Given as right, and were not. */
  wrong: number;
  /** Kernel lines that fell in between. */
  lines: number;
  seconds: number;
}

/** Runs so many commands, each with an output and exit code of its own, at so many kernel lines a second. */
export async function framedCommands(
  folder: string,
  commands: number,
  linesASecond: number,
): Promise<FramedCount> {
  await using board = await shellOnPty(folder, 'dash -i');
  const tty = (await board.console.run('readlink /proc/$PPID/fd/0')).output.trim();
  const fd = openSync(tty, 'w');
  const count: FramedCount = { right: 0, disturbed: 0, wrong: 0, lines: 0, seconds: 0 };
  const began = performance.now();
  const timer = setInterval(() => {
    const due = ((performance.now() - began) / 1000) * linesASecond;
    while (count.lines < due) writeSync(fd, kernelLine(++count.lines));
  }, 1000 / linesASecond);
  try {
    for (let index = 0; index < commands; index++) {
      const text = `line ${index} of [ 1.5] text\n`.repeat(1 + (index % 20));
      const code = index % 7;
      const command = `i=0; while [ $i -lt ${1 + (index % 20)} ]; do echo 'line ${index} of [ 1.5] text'; i=$((i+1)); done; exit ${code}`;
      const result = await board.console.run(command, { timeoutMs: 60_000 });
      if (result.disturbed) count.disturbed++;
      else if (result.output === text && result.exitCode === code) count.right++;
      else count.wrong++;
    }
  } finally {
    clearInterval(timer);
    closeSync(fd);
  }
  count.seconds = (performance.now() - began) / 1000;
  return count;
}

function kernelLine(number: number): string {
  const seconds = (number / 100).toFixed(6).padStart(12);
  return `[${seconds}] wlan0: authenticate with 02:00:00:00:01:00, try ${number}\r\n`;
}
