/** Bytes for whoever looks on, without secrets. What could be the beginning of one is held back for a moment only. */
import { StreamRedactor } from '../redact.ts';

const HOLD_MS = 100;

export interface RedactedStream {
  push(bytes: Buffer): void;
  /** Nothing more comes: gives what was held back. */
  end(): void;
}

export function redacted(emit: (bytes: Buffer) => void): RedactedStream {
  const redactor = new StreamRedactor();
  let timer: NodeJS.Timeout | undefined;
  const give = (bytes: Buffer) => {
    if (bytes.length > 0) emit(bytes);
  };
  const end = () => {
    clearTimeout(timer);
    timer = undefined;
    give(redactor.flush());
  };
  return {
    push: (bytes) => {
      clearTimeout(timer);
      give(redactor.push(bytes));
      timer = redactor.holds ? setTimeout(end, HOLD_MS) : undefined;
    },
    end,
  };
}
