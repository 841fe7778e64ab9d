/** What a shell needs of its console. */
import type { ExpectOptions, ExpectResult, Pattern } from './expect.ts';
import type { ConsoleView } from './wait.ts';

export interface ShellStream {
  readonly view: ConsoleView;
  readonly position: number;
  /** Types without recording it: it may be a password. */
  type(text: string): Promise<void>;
  expect(patterns: Pattern | readonly Pattern[], options: ExpectOptions): Promise<ExpectResult>;
  onRaw(listener: (bytes: Buffer) => void): () => void;
}

/** Interrupts what runs in the foreground. */
export const CTRL_C = '\x03';
