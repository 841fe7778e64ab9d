/** From whatever a console shows (a login prompt, a shell, a half-typed line, nothing) to the prompt of a shell. */
import type { DeviceProfile } from '../../../devices/profile.ts';
import { LabError } from '../../errors.ts';
import { CTRL_C, type ShellStream } from './shell-stream.ts';
import { orLate, timeout, type WaitOptions } from './wait.ts';

const SHELL_PROMPT = /[#$>] $/;
const REFUSED = /incorrect/i;
/** Erases what may have been typed already; Enter then makes a getty or a shell show its prompt. */
const ENTER = '\x15\r';
const ENTER_MS = 1500;
/** Ends what may be running; a getty is then started anew, which takes a moment. */
const INTERRUPT = `${CTRL_C}\r`;
const INTERRUPT_MS = 5000;
const ANOTHER_PROMPT_MS = 700;
/** A slow board's `login` may think for long about a user name. */
const ANSWER_MS = 8000;

/**
 * Resolves when a shell answered (`answers` says whether one does). Throws LabError: code `login-refused`, or `timeout`
 * with the last lines seen.
 */
export async function login(
  stream: ShellStream,
  prompt: DeviceProfile['console'],
  answers: (options: WaitOptions) => Promise<boolean>,
  options: { timeoutMs: number; signal?: AbortSignal },
): Promise<void> {
  const deadline = performance.now() + options.timeoutMs;
  const within = (ms: number) => ({
    ...options,
    timeoutMs: Math.max(1, Math.min(ms, deadline - performance.now())),
  });
  for (let attempt = 1; performance.now() < deadline; attempt++) {
    const gently = attempt === 1;
    let from = stream.position;
    await stream.type(gently ? ENTER : INTERRUPT);
    const limits = within(gently ? ENTER_MS : INTERRUPT_MS);
    const seen = await orLate(stream.expect([prompt.loginPrompt, SHELL_PROMPT], { ...limits, from }));
    if (seen?.index === 0) {
      if (!gently) await orLate(stream.expect(prompt.loginPrompt, within(ANOTHER_PROMPT_MS)));
      from = stream.position;
      await stream.type(`${prompt.user}\r`);
      if (!(await admitted(stream, prompt, from, within))) continue;
    } else if (!seen) continue;
    if (await answers(within(INTERRUPT_MS))) return;
  }
  throw timeout(
    stream.view,
    `no shell was reached on the console within ${options.timeoutMs / 1000} s, as ${prompt.user}`,
  );
}

/** Whether a shell prompt came after the user name was typed; false when nothing was made of it. */
async function admitted(
  stream: ShellStream,
  { passwordPrompt, password, user }: DeviceProfile['console'],
  from: number,
  within: (ms: number) => WaitOptions,
): Promise<boolean> {
  const next = await orLate(
    stream.expect([passwordPrompt, SHELL_PROMPT, REFUSED], { ...within(ANSWER_MS), from }),
  );
  if (next?.index !== 0) return passed(next);
  await stream.type(`${password ?? ''}\r`);
  return passed(
    await orLate(
      stream.expect([passwordPrompt, SHELL_PROMPT, REFUSED], { ...within(ANSWER_MS), from: next.position }),
    ),
  );

  function passed(answer: { index: number } | null): boolean {
    if (answer?.index === 1) return true;
    if (answer === null) return false;
    throw new LabError(`${stream.view.board}: the login as ${user} on the console was refused`, {
      board: stream.view.board,
      code: 'login-refused',
      hint: "check the device profile's console user and password",
    });
  }
}
