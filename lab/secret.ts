/** A value that nobody may see: the lab file holds only a reference to it, and it is read when it is needed. */
import { readFileSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { ConfigError, messageOf } from './errors.ts';
import { hide } from './redact.ts';

/** `env:NAME`, or `file:/absolute/path` (without its last line end). */
const REFERENCE = /^(?:env:(?<variable>[A-Za-z_]\w*)|file:(?<path>.+))$/;

export class Secret {
  readonly reference: string;

  /** Throws ConfigError when it is no reference: a password in the lab file itself is refused. */
  constructor(reference: string) {
    if (!isReference(reference))
      throw new ConfigError('a secret is given by reference, never itself: env:NAME or file:/path');
    this.reference = reference;
  }

  /** The value itself. Throws ConfigError when there is none. */
  reveal(): string {
    const value = this.#read();
    if (value === '') throw new ConfigError(`the secret ${this.reference} is empty`, { code: 'no-secret' });
    hide(value);
    return value;
  }

  /** Hides the value from now on, whoever else shows it; what can't be read can't be shown either. */
  hideIfThere(): void {
    try {
      this.reveal();
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
    }
  }

  toString(): string {
    return `secret ${this.reference}`;
  }

  toJSON(): string {
    return this.reference;
  }

  #read(): string {
    const { variable, path } = REFERENCE.exec(this.reference)?.groups ?? {};
    if (variable !== undefined) {
      const value = process.env[variable];
      if (value !== undefined) return value;
      throw new ConfigError(`the secret ${this.reference} is not set`, {
        code: 'no-secret',
        hint: `export ${variable}=... before the lab controller starts (hil lab stop ends one that runs)`,
      });
    }
    try {
      return readFileSync(path ?? '', 'utf8').replace(/\r?\n$/, '');
    } catch (cause) {
      throw new ConfigError(`the secret ${this.reference} can't be read: ${messageOf(cause)}`, {
        code: 'no-secret',
        cause,
      });
    }
  }
}

/** Whether the text refers to a secret, and is not one itself. */
export function isReference(text: string): boolean {
  const match = REFERENCE.exec(text);
  return match !== null && (match.groups?.path === undefined || isAbsolute(match.groups.path));
}
