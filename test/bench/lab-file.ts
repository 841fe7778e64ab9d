/** A lab file of five hundred boards: how long its validation takes, in a process that has just begun, and the whole command. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PROJECT_ROOT } from '../../lab/paths.ts';
import { median, type Row } from './rows.ts';

const BOARDS = 500;
const RUNS = 5;

export async function labFileRows(): Promise<Row[]> {
  const dir = mkdtempSync(join(tmpdir(), 'hil-bench-'));
  try {
    const file = join(dir, 'lab.yaml');
    writeFileSync(file, labFile());
    const validated: number[] = [];
    const commands: number[] = [];
    for (let run = 0; run < RUNS; run++) {
      validated.push(Number(output([join(import.meta.dirname, 'lab-file-reader.ts'), file])));
      const began = performance.now();
      output([join(PROJECT_ROOT, 'lab/cli/main.ts'), 'lab', 'check', file]);
      commands.push(performance.now() - began);
    }
    const what = `lab file of ${BOARDS} boards`;
    return [
      { what: `${what}: validated in a new process, ms`, ours: median(validated), target: '300', runs: RUNS },
      { what: `${what}: hil lab check as a whole, ms`, ours: median(commands), runs: RUNS },
    ];
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

function output(argv: readonly string[]): string {
  return execFileSync(join(PROJECT_ROOT, 'lab/cli/node'), argv, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
}

function labFile(): string {
  const boards = Array.from({ length: BOARDS }, (_, index) =>
    [
      `  b${index}:`,
      '    profile: linux',
      `    power: {type: pdudaemon, hostname: pdu${index}, port: 1}`,
      `    console: {type: tcp, host: terminals${index % 10}, port: ${2000 + index}}`,
      `    ssh: {host: 10.0.${index >> 8}.${index & 255}}`,
    ].join('\n'),
  );
  return `boards:\n${boards.join('\n')}\n`;
}
