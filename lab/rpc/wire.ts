/** Framing of the RPC: one JSON object a line over a stream, and errors as data. */
import { StringDecoder } from 'node:string_decoder';
import { asHilError, errorOf, HarnessError, type HilError } from '../errors.ts';
import type { WireError } from './schema.ts';

/** A single message may carry a few MiB of output; what is larger is a bug or an attack on memory. */
const MAX_MESSAGE = 64 * 1024 * 1024;

/** Cuts a byte stream into lines and parses each as JSON; throws HarnessError on what is none. */
export class MessageReader {
  readonly #decoder = new StringDecoder('utf8');
  #pieces: string[] = [];
  #size = 0;

  *push(chunk: Buffer): Generator<unknown> {
    let rest = this.#decoder.write(chunk);
    for (let end = rest.indexOf('\n'); end >= 0; end = rest.indexOf('\n')) {
      this.#pieces.push(rest.slice(0, end));
      const line = this.#pieces.join('');
      this.#pieces = [];
      this.#size = 0;
      rest = rest.slice(end + 1);
      yield parse(line);
    }
    this.#pieces.push(rest);
    this.#size += rest.length;
    if (this.#size > MAX_MESSAGE) throw new HarnessError(`an RPC message of over ${MAX_MESSAGE} characters`);
  }
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw new HarnessError(`an RPC message that is not JSON: ${line.slice(0, 80)}`, { cause });
  }
}

export function frame(message: object): string {
  return `${JSON.stringify(message)}\n`;
}

export function toWire(thrown: unknown): WireError {
  const error = asHilError(thrown);
  return {
    fault: error.fault,
    message: error.message,
    ...(error.board === undefined ? {} : { board: error.board }),
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    ...(error.code === undefined ? {} : { code: error.code }),
    // Only for our own bugs is the place of interest to the one who reads the message.
    ...(error.fault === 'harness' && thrown instanceof Error && thrown.stack !== undefined
      ? { stack: thrown.stack }
      : {}),
  };
}

export function fromWire(wire: WireError): HilError {
  const error = errorOf(wire.fault, wire.message, {
    ...(wire.board === undefined ? {} : { board: wire.board }),
    ...(wire.hint === undefined ? {} : { hint: wire.hint }),
    ...(wire.code === undefined ? {} : { code: wire.code }),
  });
  if (wire.stack !== undefined)
    error.stack = `${error.stack ?? error.message}\n    --- in the controller ---\n${wire.stack}`;
  return error;
}
