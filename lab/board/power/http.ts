/** Requests to switches that speak HTTP: with a deadline, and errors that never show a password. */
import { LabError, messageOf } from '../../errors.ts';

const ANSWER_MS = 30_000;
const MAX_ANSWER = 64 * 1024;

export interface HttpRequest {
  signal: AbortSignal;
  headers?: Readonly<Record<string, string>>;
}

/** The body of a GET; `what` names the switch. Throws LabError `switch-unreachable` or `switch-refused`. */
export async function httpGet(what: string, url: URL, { signal, headers }: HttpRequest): Promise<string> {
  const response = await request(what, url, { signal, ...(headers ? { headers } : {}) });
  const body = (await response.text()).slice(0, MAX_ANSWER);
  if (response.ok) return body;
  throw refused(what, `HTTP ${response.status} ${body.slice(0, 200).trim()}`.trim());
}

/** The response whatever its status, for schemes that answer a challenge. */
export async function request(what: string, url: URL, { signal, headers }: HttpRequest): Promise<Response> {
  const deadline = AbortSignal.timeout(ANSWER_MS);
  try {
    return await fetch(url, {
      signal: AbortSignal.any([signal, deadline]),
      ...(headers ? { headers } : {}),
      redirect: 'error',
    });
  } catch (cause) {
    if (signal.aborted) throw cause;
    const why = cause instanceof Error && cause.cause ? messageOf(cause.cause) : messageOf(cause);
    throw new LabError(
      `${what} can't be reached at ${url.origin}: ${deadline.aborted ? `no answer within ${ANSWER_MS / 1000} s` : why}`,
      {
        code: 'switch-unreachable',
        hint: 'check its power, its network and the address in the lab file',
        cause,
      },
    );
  }
}

export function refused(what: string, answer: string): LabError {
  return new LabError(`${what} refused: ${answer}`, {
    code: 'switch-refused',
    hint: 'check outlet, user and password in the lab file',
  });
}

/** JSON of a switch; what is none is a refusal. */
export function jsonOf(what: string, body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    throw refused(what, `no JSON: ${body.slice(0, 200)}`);
  }
}
