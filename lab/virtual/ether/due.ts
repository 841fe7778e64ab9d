/** Work that is due at a time: a binary heap, the earliest first, and first come first served among equals. */

interface Entry<T> {
  atMs: number;
  order: number;
  value: T;
}

export class DueQueue<T> {
  readonly #heap: Entry<T>[] = [];
  #order = 0;

  get size(): number {
    return this.#heap.length;
  }

  /** When the first is due; null when there is none. */
  get firstMs(): number | null {
    return this.#heap[0]?.atMs ?? null;
  }

  push(atMs: number, value: T): void {
    const entry = { atMs, order: this.#order++, value };
    let place = this.#heap.push(entry) - 1;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      const above = this.#heap[parent];
      if (above === undefined || before(above, entry)) break;
      this.#heap[place] = above;
      place = parent;
    }
    this.#heap[place] = entry;
  }

  /** The first that is due by a time; null when there is none. */
  pop(nowMs: number): T | null {
    const [first] = this.#heap;
    if (first === undefined || first.atMs > nowMs) return null;
    const last = this.#heap.pop();
    if (last !== undefined && last !== first) this.#sink(last);
    return first.value;
  }

  #sink(entry: Entry<T>): void {
    let place = 0;
    for (;;) {
      let child = 2 * place + 1;
      const right = this.#heap[child + 1];
      let lower = this.#heap[child];
      if (lower === undefined) break;
      if (right !== undefined && before(right, lower)) {
        child++;
        lower = right;
      }
      if (before(entry, lower)) break;
      this.#heap[place] = lower;
      place = child;
    }
    this.#heap[place] = entry;
  }
}

function before(a: Entry<unknown>, b: Entry<unknown>): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
