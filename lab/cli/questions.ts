/** What the lab asks of people, shown while a command waits for it; on a terminal Enter says that it is done. */
import type { LabClient } from '../client/client.ts';
import { sanitize } from '../text.ts';
import type { Invocation } from './invocation.ts';

/** Shows what is asked of people for one of the boards until it is disposed of. */
export function showQuestions(
  lab: LabClient,
  boards: readonly string[],
  invocation: Invocation,
): AsyncDisposable {
  const stop = new AbortController();
  const told = new Set<string>();
  const open = new Set<string>();
  const onEnter = () => {
    for (const id of open) lab.call('lab.done', { id }).catch(() => undefined); // somebody else was quicker
  };
  // A command that takes keys for itself has raw mode on, and then Enter is the board's.
  const answers = process.stdin.isTTY === true;
  const following = lab
    .call(
      'lab.questions',
      { follow: true },
      {
        signal: stop.signal,
        onEvent: ({ questions }) => {
          open.clear();
          for (const { id, request } of questions.filter((each) => boards.includes(each.board))) {
            open.add(id);
            if (told.has(id)) continue;
            told.add(id);
            const how = answers ? 'then press Enter' : `then: hil lab done ${id}`;
            invocation.say(`>>> ${sanitize(request)}, ${how}`);
            if (answers) process.stdin.once('data', onEnter).resume();
          }
        },
      },
    )
    .catch(() => undefined); // the command itself tells what became of the controller
  return {
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      if (told.size > 0 && answers) process.stdin.off('data', onEnter).pause();
      await following;
    },
  };
}
