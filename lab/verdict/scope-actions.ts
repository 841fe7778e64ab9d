/** What the harness itself did to a board during a test, of the events that tell so. */
import type { HarnessAction } from './classify/finding.ts';
import type { ScopeEvent } from './scope-events.ts';

/** Actions in the order of their ends. What was begun and not ended lasts to the last event. */
export function actionsOf(events: readonly ScopeEvent[]): HarnessAction[] {
  const windows = new Windows();
  for (const event of events) read(event, windows);
  return windows.end(events.at(-1)?.atS ?? 0);
}

class Windows {
  readonly #actions: HarnessAction[] = [];
  readonly #open = new Map<string, { kind: HarnessAction['kind']; fromS: number }>();

  add(action: HarnessAction): void {
    this.#actions.push(action);
  }

  /** Something is gone until it is given back; `what` is its name. */
  begin(what: string, kind: HarnessAction['kind'], fromS: number): void {
    if (!this.#open.has(what)) this.#open.set(what, { kind, fromS });
  }

  finish(what: string, toS: number): void {
    const open = this.#open.get(what);
    if (open) this.#actions.push({ ...open, toS });
    this.#open.delete(what);
  }

  /** After a boot nothing is as it was, but for the network outside of the board. */
  finishAll(toS: number): void {
    for (const what of [...this.#open.keys()]) if (what !== NETWORK) this.finish(what, toS);
  }

  end(toS: number): HarnessAction[] {
    for (const what of [...this.#open.keys()]) this.finish(what, toS);
    return this.#actions;
  }
}

const NETWORK = 'network';
const RUNNING = 'running';

function read({ kind, data, atS }: ScopeEvent, windows: Windows): void {
  if (kind === 'power.action') readPower(data.action, atS - data.durationMs / 1000, atS, windows);
  else if (kind === 'power.event') readPowerEvent(data.event, data.detail, atS, windows);
  else if (kind === 'link.state' && data.kind === 'ap') {
    // Stations miss an access point for as long as it is away.
    if (data.state === 'stopped') windows.begin(`ap ${data.link}`, 'link-down', atS);
    if (data.state === 'up') windows.finish(`ap ${data.link}`, atS);
  } else if (kind === 'harness.action') {
    const { action, durationMs, ok, detail = '', signatures } = data;
    const expected = signatures === undefined ? {} : { signatures };
    const fromS = atS - durationMs / 1000;
    // Programs miss an interface for as long as its driver is away.
    if (action === 'load' && ok) windows.finish(`module ${detail}`, atS);
    if (action === 'unload' && ok) windows.begin(`module ${detail}`, 'unload', fromS);
    else windows.add({ kind: action, fromS, toS: atS, ...expected });
  }
}

function readPower(action: string, fromS: number, toS: number, windows: Windows): void {
  if (action === 'freeze' || action === 'thaw') {
    windows.begin(RUNNING, 'freeze', fromS);
    if (action === 'thaw') windows.finish(RUNNING, toS);
    return;
  }
  windows.finishAll(fromS);
  windows.add({ kind: action === 'reset' ? 'reset' : 'power', fromS, toS });
}

function readPowerEvent(event: string, detail: string | undefined, atS: number, windows: Windows): void {
  if (event === 'network link cut') windows.begin(NETWORK, 'network-cut', atS);
  if (event === 'network link up') windows.finish(NETWORK, atS);
  if (event !== 'snapshot') return;
  const tookS = Number.parseFloat(detail ?? '') / 1000;
  windows.add({ kind: 'snapshot', fromS: atS - (Number.isFinite(tookS) ? tookS : 0), toS: atS });
}
