/** `hil classify --run`: the tests of a run, judged again from its journal by the catalogue of today. */
import { readJournal } from '../journal/reader.ts';
import { sanitize } from '../text.ts';
import { classifyEvidence, evidenceOf } from '../verdict/scope.ts';
import { type JournalScope, JournalScopes } from '../verdict/scopes.ts';
import { SIGNATURES } from '../verdict/signatures/index.ts';
import { classificationText, linesShown } from './classify-text.ts';
import { colours, type Invocation } from './invocation.ts';
import { runFolder, unreadPlaces } from './runs.ts';

/** As JSON an object for each test; as text those that are not healthy. Throws ConfigError where there is no such run. */
export async function classifyRun(name: string, json: boolean, invocation: Invocation): Promise<void> {
  const results: object[] = [];
  let unhealthy = 0;
  const judge = async (scope: JournalScope): Promise<void> => {
    const { result, text } = judged(scope);
    const { board, test } = scope;
    results.push({ test, board, ...result });
    if (result.findings.length === 0) return;
    unhealthy++;
    if (!json) await invocation.write(`${text}\n`);
  };
  const scopes = new JournalScopes();
  let problems = 0;
  const onProblem = () => {
    problems++;
  };
  for await (const event of readJournal(runFolder(name), { onProblem })) {
    invocation.signal.throwIfAborted();
    const ended = scopes.take(event);
    if (ended) await judge(ended);
  }
  for (const scope of scopes.rest()) await judge(scope);
  if (problems > 0) invocation.say(unreadPlaces(problems));
  if (json) await invocation.json(results);
  else await invocation.write(`${results.length} tests on boards, ${unhealthy} of them with findings\n`);
}

function judged({ board, test, events }: JournalScope) {
  const evidence = evidenceOf(events.events, events.fromS);
  const result = classifyEvidence(evidence, SIGNATURES);
  const lines = new Map<number, string>();
  for (const number of linesShown(result)) {
    const record = evidence.records[number - 1];
    if (record) lines.set(number, sanitize(record.text));
  }
  return {
    result,
    text: classificationText(sanitize(`${test} (${board})`), result, lines, colours(process.stdout)),
  };
}
