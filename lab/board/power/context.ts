/** What power backends use of the lab machine: its programs, and the people near it. */
import { ConfigError } from '../../errors.ts';
import { findTool, runTool } from '../../program.ts';
import type { PowerContext } from './backend.ts';

const LIMIT_MS = 15_000;

/** The Debian packages of the programs that backends call by themselves. */
const PACKAGES: Readonly<Record<string, string>> = { uhubctl: 'uhubctl', gpioset: 'gpiod' };

export function powerContext(board: string, own: Pick<PowerContext, 'ask' | 'onBoard'>): PowerContext {
  return {
    ...own,
    board,
    run: async (program, args, { signal, timeoutMs = LIMIT_MS, stdin }) => {
      if (!program.includes('/') && (await findTool(program)) === null) throw missing(program, board);
      const out = await runTool(program, args, {
        ...{ step: `switching ${board}`, signal, timeoutMs },
        ...(stdin === undefined ? {} : { stdin }),
      });
      return out.toString();
    },
  };
}

function missing(program: string, board: string): ConfigError {
  const name = PACKAGES[program];
  return new ConfigError(`the switch of ${board} needs ${program}, not found on this machine`, {
    board,
    code: 'missing-tool',
    hint: name === undefined ? 'give its whole path in the lab file' : `apt-get install -y ${name}`,
  });
}
