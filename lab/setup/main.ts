/** `lab/setup/bootstrap.sh` ends here once the npm packages are there: the rest of the set-up. */

import { exitCodeOf, explain } from '../cli/failure.ts';
import { Invocation } from '../cli/invocation.ts';
import { asHilError } from '../errors.ts';
import { setUp } from './setup.ts';

const invocation = new Invocation(process.argv.slice(2));
invocation.catchSignals();
try {
  await setUp({ signal: invocation.signal, tests: invocation.argv.includes('--tests') });
} catch (thrown) {
  invocation.say(explain(asHilError(thrown)));
  process.exitCode = exitCodeOf(thrown);
}
