/** Shows work step by step: one live line a step on a terminal, plain lines elsewhere. */

export interface StepUpdate {
  detail?: string | undefined;
  /** 0 to 1 where the end is known. */
  fraction?: number | undefined;
}

export interface StepOutput {
  write(text: string): unknown;
  isTTY?: boolean;
  columns?: number;
}

/** On a terminal the line is drawn anew at most this often; elsewhere a long step says so each NUDGE_MS. */
const REDRAW_MS = 100;
const NUDGE_MS = 10_000;

/** A step under way. It ends by `done` or `failed`. */
export class Step implements Disposable {
  readonly #out: StepOutput;
  readonly #title: string;
  readonly #since = performance.now();
  readonly #timer: NodeJS.Timeout;
  #update: StepUpdate = {};
  #drawnAt = 0;
  #saidAt = this.#since;
  #ended = false;

  constructor(title: string, out: StepOutput = process.stderr) {
    this.#out = out;
    this.#title = title;
    this.#timer = setInterval(() => this.#tick(), 1000);
    this.#timer.unref();
  }

  update(update: StepUpdate): void {
    if (this.#ended) return;
    this.#update = update;
    if (this.#out.isTTY === true && performance.now() - this.#drawnAt >= REDRAW_MS) this.#draw();
  }

  done(result: string): void {
    this.#end(`${this.#title}: ${result}`);
  }

  failed(): void {
    this.#end(`${this.#title}: failed after ${this.#elapsed()}`);
  }

  /** A step that was left without a word has failed. */
  [Symbol.dispose](): void {
    this.failed();
  }

  #tick(): void {
    if (this.#out.isTTY === true) this.#draw();
    else if (performance.now() - this.#saidAt >= NUDGE_MS) {
      this.#saidAt = performance.now();
      this.#out.write(`${this.#line()}\n`);
    }
  }

  #draw(): void {
    this.#drawnAt = performance.now();
    const width = Math.max(20, (this.#out.columns || 80) - 1);
    this.#out.write(`\r\x1b[K${this.#line().slice(0, width)}`);
  }

  #line(): string {
    const { detail, fraction } = this.#update;
    const parts = [
      ...(detail === undefined ? [] : [detail]),
      ...(fraction === undefined ? [] : [`${Math.floor(Math.min(1, Math.max(0, fraction)) * 100)} %`]),
      this.#elapsed(),
    ];
    return `${this.#title}: ${parts.join(', ')}`;
  }

  #elapsed(): string {
    return `${((performance.now() - this.#since) / 1000).toFixed(1)} s`;
  }

  #end(line: string): void {
    if (this.#ended) return;
    this.#ended = true;
    clearInterval(this.#timer);
    this.#out.write(this.#out.isTTY === true ? `\r\x1b[K${line}\n` : `${line}\n`);
  }
}
