/** The shared air of a lease: its boards in it, and what is asked of it on record. */
import type { Board } from '../board/board.ts';
import { ConfigError } from '../errors.ts';
import { acting } from '../journal/acting.ts';
import type { ObservableSink } from '../journal/event.ts';
import { Ether } from '../virtual/ether/ether.ts';
import type { AirCount, AirOptions, HearingChange } from '../virtual/ether/options.ts';

export class BoardAir implements AsyncDisposable {
  readonly #boards: readonly Board[];
  readonly #sink: ObservableSink;
  readonly #ether: Ether;

  constructor(boards: readonly Board[], options: AirOptions, sink: ObservableSink, signal: AbortSignal) {
    this.#boards = boards;
    this.#sink = sink;
    this.#ether = new Ether(options, {
      signal,
      onLost: (board, why) => this.#tell(`${board} is not in the shared air any more: ${why}`),
    });
  }

  /** All boards join; gives the names of their radios. Throws ConfigError for a board that is not virtual. */
  async open(): Promise<string[]> {
    const radios: string[] = [];
    for (const { name, hardware, remote } of this.#boards) {
      const air = hardware.air?.();
      if (!air)
        throw new ConfigError(`${name} is not virtual: it has an air of its own`, {
          board: name,
          code: 'no-air',
          hint: 'a real board is linked with peers, in the lab file',
        });
      radios.push(...(await this.#ether.join({ name, remote, ...air })));
    }
    this.#tell(`one air for ${radios.join(', ')}`);
    return radios;
  }

  async set(change: HearingChange): Promise<void> {
    const { from = 'all', to = 'all', ...rest } = change;
    const what = Object.entries(rest)
      .map(([name, value]) => `${name} ${String(value)}`)
      .join(', ');
    await this.#change(`${from} to ${to}: ${what}`, () => this.#ether.set(change));
  }

  async jam(frequencyMhz: number | null, powerDbm: number | null): Promise<void> {
    const where = frequencyMhz === null ? 'on all channels' : `at ${frequencyMhz} MHz`;
    const what = powerDbm === null ? `no jammer ${where}` : `a jammer of ${powerDbm} dBm ${where}`;
    await this.#change(what, () => this.#ether.jam(frequencyMhz, powerDbm));
  }

  async deauthenticate(from: string, to: string, reason: number): Promise<void> {
    await this.#change(`a deauthentication of ${to} as if by ${from}, reason ${reason}`, () =>
      this.#ether.deauthenticate(from, to, reason),
    );
  }

  async capture(path: string | null): Promise<number> {
    return await this.#ether.capture(path);
  }

  async counts(): Promise<AirCount[]> {
    return await this.#ether.counts();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#ether[Symbol.asyncDispose]();
  }

  /** On record before it is done, and as the cause of what follows. */
  async #change(what: string, work: () => Promise<void>): Promise<void> {
    this.#tell(what);
    await acting(this.#sink, 'link-down', what, work);
  }

  #tell(what: string): void {
    this.#sink.append('air.change', { what });
  }
}
