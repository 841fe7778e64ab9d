/** What the kernel tells of the radios at an end beside its traffic: scans, connections, deauthentications, channels (`iw event`). */
import type { BoardContext } from '../../board/context.ts';
import type { Remote, RemoteProcess } from '../../board/remote.ts';
import { inNamespace } from '../../links/namespace.ts';

/** A line of it, stamped by the board, whose clock may be any, and with the radio that it is of. */
const LINE = /^(?:\d+\.\d+: )?(\S+)(?: \(phy #\d+\))?: (.+)$/;
const SHOWN = 300;

/** Null for a line that is none; what follows from an event stands indented below it, and is left out. */
export function radioEventOf(line: string): { interface: string; text: string } | null {
  const [, name, text] = LINE.exec(line) ?? [];
  return name === undefined || text === undefined ? null : { interface: name, text: text.slice(0, SHOWN) };
}

export class RadioEvents implements AsyncDisposable {
  readonly #process: RemoteProcess;

  private constructor(process: RemoteProcess) {
    this.#process = process;
  }

  /** Tells until it is disposed of; where there is no iw, nothing. Rejects when the machine is lost. */
  static async start(
    { journal }: BoardContext,
    { remote, namespace }: { remote: Remote; namespace: string | null },
    signal: AbortSignal,
  ): Promise<RadioEvents> {
    const process = await remote.stream(inNamespace(namespace, 'exec iw event -t 2>/dev/null'), {
      ...{ signal, quiet: true },
      onLine: (line) => {
        const event = radioEventOf(line);
        if (event) journal.append('iw.event', event);
      },
    });
    // How it ends is no matter; a machine that is lost is told by its traffic.
    process.exited.catch(() => undefined);
    return new RadioEvents(process);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process.stop().catch(() => undefined);
  }
}
