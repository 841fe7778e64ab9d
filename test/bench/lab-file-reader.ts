/** In a process of its own: validates the lab file that is named, and prints the milliseconds; ends with 1 when it has mistakes. */
import { checkLab } from '../../lab/config/lab.ts';

const [file = ''] = process.argv.slice(2);
const began = performance.now();
const { problems } = checkLab(file);
process.stdout.write(`${performance.now() - began}\n`);
process.exitCode = problems.length === 0 ? 0 : 1;
