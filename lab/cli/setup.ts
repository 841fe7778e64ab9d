/** `hil setup`: installs what this machine lacks. */
import type { Command } from 'commander';
import { setUp } from '../setup/setup.ts';
import type { Invocation } from './invocation.ts';

export function define(command: Command, invocation: Invocation): void {
  command
    .option('--tests', 'also what the tests of the harness itself need, such as PDUDaemon and ser2net')
    .option('--no-image', 'leave the board image for when a board is first switched on')
    .addHelpText(
      'after',
      `
Installs the missing Debian packages (as root, or by a sudo that does not ask) and builds the board image. What is
there already is taken; when it may not install, it prints the command to type and ends with 3.
The npm packages must be there for this to run: 'npm start', 'npm test' and lab/setup/bootstrap.sh see to that too.`,
    )
    .action(({ image, tests }: { image: boolean; tests?: true }) =>
      setUp({ signal: invocation.signal, image, tests: tests ?? false }),
    );
}
