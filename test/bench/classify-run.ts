/** Classifies one file a few times and prints what the last time took, as JSON: by then all code is compiled. */
import { LogFile } from '../../lab/cli/log-file.ts';
import { LogClassifier } from '../../lab/verdict/classify/log.ts';
import { cpuSeconds, timed } from './rows.ts';

const WARM = 3;

const [path = ''] = process.argv.slice(2);
const never = new AbortController().signal;
using file = await LogFile.open(path, never);

async function classify(): Promise<void> {
  const classifier = new LogClassifier();
  for await (const chunk of file.chunks(never)) classifier.push(chunk);
  classifier.end();
}

await classify();
// As of a process that classifies once; what more runs leave behind is garbage.
const maxRssMiB = process.resourceUsage().maxRSS / 1024;
for (let run = 1; run < WARM; run++) await classify();
let wallMs = 0;
const cpuS = await cpuSeconds(async () => {
  wallMs = await timed(classify);
});
process.stdout.write(JSON.stringify({ cpuS, wallS: wallMs / 1000, maxRssMiB }));
