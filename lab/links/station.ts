/** A station on a board: wpa_supplicant, in a network namespace of its own, up only when the gateway answers. */

import type { z } from 'zod';
import type { BoardContext } from '../board/context.ts';
import { quote } from '../board/remote.ts';
import { defined } from '../defined.ts';
import { abortReason, ConfigError, HarnessError, LabError, messageOf, ProductError } from '../errors.ts';
import { acting } from '../journal/acting.ts';
import { withoutPrefix } from './address.ts';
import { AssociationAttempt, type AssociationFailure } from './association.ts';
import { useCountry } from './country.ts';
import { Daemon } from './daemon.ts';
import { dhcpLease } from './dhcp-client.ts';
import { keyValues, withoutStamp, wpaSupplicantEvent } from './events.ts';
import { enterNamespace, inNamespace, reclaimNamespace } from './namespace.ts';
import { type StationInfo, StationOptions, type StationStatus, type WpaEvent } from './station-options.ts';
import { UndoStack } from './undo.ts';
import { askWireless, missingTool, releaseInterface, usable, words } from './wireless.ts';
import { type ResolvedStationOptions, wpaSupplicantConfig } from './wpa-config.ts';

const RUN_DIR = '/run/hil';
/** Events kept for waitForEvent. */
const KEPT = 1000;

export interface PingResult {
  sent: number;
  received: number;
  rttMs: number[];
}

/**
 * Brings a station up: associated, with an address, its gateway answering. Throws ProductError with code
 * `wrong-passphrase`, `network-not-found`, `security-mismatch`, `association-rejected`, `association-timeout`, `no-dhcp`
 * or `no-ping`, LabError when something else is in the way. Whatever was begun is undone then.
 */
export async function startStation(
  ctx: BoardContext,
  input: z.input<typeof StationOptions>,
): Promise<Station> {
  const options = StationOptions.parse(input);
  const radio = ctx.profile.radios.find((each) =>
    options.interface === undefined ? each.role === 'station' : each.interface === options.interface,
  );
  const name = options.interface ?? radio?.interface;
  if (name === undefined)
    throw new ConfigError(`${ctx.name} (${ctx.profile.name}) has no radio for a station`, {
      board: ctx.name,
    });
  const station = new Station(ctx, { ...options, interface: name }, radio?.namespace ?? null);
  try {
    await station.up();
  } catch (error) {
    await station.stop().catch((undoing: unknown) =>
      ctx.journal.append('link.state', {
        link: name,
        kind: 'station',
        state: 'undo failed',
        detail: messageOf(undoing),
      }),
    );
    throw error;
  }
  return station;
}

export class Station {
  readonly #ctx: BoardContext;
  readonly #options: ResolvedStationOptions;
  readonly #namespace: string | null;
  readonly #undo = new UndoStack();
  readonly #listeners = new Set<(event: WpaEvent) => void>();
  #events: WpaEvent[] = [];
  #count = 0;
  #supplicant: Daemon | null = null;
  #info: StationInfo | null = null;

  constructor(ctx: BoardContext, options: ResolvedStationOptions, namespace: string | null) {
    this.#ctx = ctx;
    this.#options = options;
    this.#namespace = namespace;
  }

  /** Throws HarnessError before it is up. */
  get info(): StationInfo {
    if (!this.#info) throw new HarnessError('the station is not up yet');
    return this.#info;
  }

  async up(): Promise<void> {
    const { remote, name: board } = this.#ctx;
    const link = this.#options.interface;
    this.#state('starting');
    if (this.#namespace !== null) await reclaimNamespace(remote, this.#namespace);
    if (this.#options.country !== undefined) await useCountry(remote, this.#options.country, this.#undo);
    const phy = usable(board, await askWireless(remote, link), link, 'managed');
    if (this.#namespace !== null) await enterNamespace(remote, phy.name, this.#namespace, this.#undo);
    await remote.upload(Buffer.from(wpaSupplicantConfig(this.#options, this.#controlDir)), this.#configPath, {
      mode: 0o600,
    });
    this.#undo.push('configuration', () => remote.check(`rm -rf ${this.#configPath} ${this.#controlDir}`));
    this.#undo.push('interface', () => this.#release());
    const started = performance.now();
    await this.#startSupplicant();
    const connected = await this.#connected();
    await this.#complete(started, connected - started);
  }

  /** wpa_supplicant's status and what the driver says of the link. */
  async status(): Promise<StationStatus> {
    const fields = keyValues(await this.command('status'));
    const link = await this.#ctx.remote.check(this.#inside(`iw dev ${quote(this.#options.interface)} link`));
    const signal = /signal: (-?\d+)/.exec(link)?.[1];
    const rate = /tx bitrate: ([\d.]+)/.exec(link)?.[1];
    return {
      state: fields.wpa_state ?? 'UNKNOWN',
      fields,
      ...(signal === undefined ? {} : { signalDbm: Number(signal) }),
      ...(rate === undefined ? {} : { txBitrateMbps: Number(rate) }),
    };
  }

  /** What wpa_cli prints for a command, such as `status` or `scan_results`. */
  async command(command: string): Promise<string> {
    const { stdout, stderr, exitCode } = await this.#ctx.remote.run(
      this.#inside(`wpa_cli -p ${this.#controlDir} -i ${quote(this.#options.interface)} ${words(command)}`),
    );
    if (exitCode === 0 && !/^(?:FAIL|UNKNOWN COMMAND)/m.test(stdout)) return stdout;
    throw new ProductError(`${this.#ctx.name}: wpa_cli ${command}: ${(stdout + stderr).trim()}`, {
      board: this.#ctx.name,
      code: 'wpa-refused',
    });
  }

  /** Drops the association and makes it anew, address included. */
  async reconnect(): Promise<void> {
    const started = performance.now();
    const mark = this.mark();
    await this.#acting('disconnects', async () => {
      await this.command('disconnect');
      await this.waitForEvent('CTRL-EVENT-DISCONNECTED', { since: mark });
    });
    const again = this.mark();
    await this.command('reconnect');
    await this.waitForEvent('CTRL-EVENT-CONNECTED', { since: again, timeoutMs: this.#options.timeoutMs });
    await this.#complete(started, performance.now() - started);
  }

  /** Leaves and joins anew so many times, its address staying. Gives how long each took, in milliseconds. */
  async reassociate(options: {
    times: number;
    timeoutMs: number;
    signal: AbortSignal;
  }): Promise<{ timesMs: number[] }> {
    const { times, timeoutMs, signal } = options;
    const timesMs: number[] = [];
    while (timesMs.length < times) {
      try {
        timesMs.push(await this.#again({ timeoutMs, signal }));
      } catch (error) {
        if (!(error instanceof ProductError)) throw error;
        const { message, board, code, hint } = error;
        const which = `association ${timesMs.length + 1} of ${times}`;
        throw new ProductError(`${message} (${which})`, { ...defined({ board, code, hint }), cause: error });
      }
    }
    return { timesMs };
  }

  /** Leaves, and gives how long joining takes. */
  async #again(options: { timeoutMs: number; signal: AbortSignal }): Promise<number> {
    const mark = this.mark();
    await this.#acting('disconnects', async () => {
      await this.command('disconnect');
      await this.waitForEvent('CTRL-EVENT-DISCONNECTED', { since: mark, ...options });
    });
    const started = performance.now();
    await this.command('reconnect');
    await this.waitForEvent('CTRL-EVENT-CONNECTED', { since: mark, ...options });
    return performance.now() - started;
  }

  /** Whether the radio sleeps between beacons from now on; false: its driver can't. */
  async powerSave(on: boolean): Promise<boolean> {
    const { remote, name: board } = this.#ctx;
    const command = `iw dev ${quote(this.#options.interface)} set power_save ${on ? 'on' : 'off'}`;
    const { exitCode, stderr } = await remote.run(this.#inside(command));
    if (exitCode === 0) return true;
    if (/not supported/i.test(stderr)) return false;
    throw new ProductError(`${board}: ${command}: ${stderr.trim()}`, { board, code: 'power-save' });
  }

  /** The number of events so far: pass it as `since` to see only what comes later. */
  mark(): number {
    return this.#count;
  }

  /** Waits for an event by its name. Throws ProductError (code `timeout`) with the events seen. */
  async waitForEvent(
    name: string,
    options: { timeoutMs?: number; since?: number; signal?: AbortSignal } = {},
  ): Promise<WpaEvent> {
    const { timeoutMs = 30_000, since = this.mark() } = options;
    const known = this.#events.find((event) => event.index > since && event.event === name);
    if (known) return known;
    const signal = options.signal ? AbortSignal.any([options.signal, this.#ctx.signal]) : this.#ctx.signal;
    if (signal.aborted) throw abortReason(signal);
    const { promise, resolve, reject } = Promise.withResolvers<WpaEvent>();
    const listener = (event: WpaEvent) => {
      if (event.event === name) resolve(event);
    };
    const late = () => {
      const seen = this.#events.filter((event) => event.index > since).map((event) => event.event);
      const hint = `events seen: ${seen.length === 0 ? 'none' : seen.join(', ')}`;
      reject(
        new ProductError(`${this.#ctx.name}: no ${name} within ${timeoutMs / 1000} s`, {
          board: this.#ctx.name,
          code: 'timeout',
          hint,
        }),
      );
    };
    const timer = setTimeout(late, timeoutMs);
    const onAbort = () => reject(abortReason(signal));
    signal.addEventListener('abort', onAbort, { once: true });
    this.#listeners.add(listener);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      this.#listeners.delete(listener);
    }
  }

  async ping(host: string, { count }: { count: number }): Promise<PingResult> {
    const ask = (interval: string) =>
      this.#ctx.remote.run(this.#inside(`ping -c ${count}${interval} -W 2 ${quote(host)}`), {
        timeoutMs: (count + 5) * 3000,
      });
    let { stdout } = await ask(' -i 0.2');
    // A small BusyBox knows whole seconds only, and then sends nothing.
    if (!stdout.includes('transmitted')) ({ stdout } = await ask(''));
    const [, sent = '0', received = '0'] =
      /(\d+) packets transmitted, (\d+) (?:packets )?received/.exec(stdout) ?? [];
    const rttMs = [...stdout.matchAll(/time=([\d.]+) ms/g)].map((match) => Number(match[1]));
    return { sent: Number(sent), received: Number(received), rttMs };
  }

  /** Undoes everything; harmless when called again. */
  async stop(): Promise<void> {
    await this.#acting('stops', () => this.#undo.undo());
    this.#state('stopped');
  }

  #acting<T>(what: string, work: () => Promise<T>): Promise<T> {
    return acting(this.#ctx.journal, 'link-down', `station on ${this.#options.interface} ${what}`, work);
  }

  get #configPath(): string {
    return `${RUN_DIR}/wpa_supplicant-${this.#options.interface}.conf`;
  }

  get #controlDir(): string {
    return `${RUN_DIR}/wpa_supplicant-${this.#options.interface}`;
  }

  #inside(command: string): string {
    return inNamespace(this.#namespace, command);
  }

  /** After a reboot the namespace is gone, and all that was in it. */
  async #release(): Promise<void> {
    const name = this.#namespace;
    const release = this.#inside(releaseInterface(this.#options.interface));
    const there = name === null ? release : `if [ -e /run/netns/${quote(name)} ]; then ${release}; fi`;
    await this.#ctx.remote.check(there);
  }

  #state(state: string, detail?: string): void {
    this.#ctx.journal.append('link.state', {
      link: this.#options.interface,
      kind: 'station',
      state,
      ...(detail === undefined ? {} : { detail }),
    });
  }

  async #startSupplicant(): Promise<void> {
    const { remote, journal, signal, name: board } = this.#ctx;
    const link = this.#options.interface;
    const command = this.#inside(
      `exec wpa_supplicant -t -D nl80211 -i ${quote(link)} -c ${this.#configPath}`,
    );
    const supplicant = await Daemon.start({
      ...{ remote, signal, name: 'wpa_supplicant', command },
      onLine: (line) => {
        journal.append('wpa_supplicant.line', { interface: link, text: line });
        const event = wpaSupplicantEvent(line);
        if (event) this.#event(event, journal);
      },
      onLost: (how) => this.#state('lost', `wpa_supplicant ended by itself, ${how}`),
    });
    this.#supplicant = supplicant;
    this.#undo.push('wpa_supplicant', () => supplicant.stop());
    try {
      await supplicant.waitFor(
        (line) => (/Successfully initialized wpa_supplicant/.test(line) ? true : null),
        15_000,
        'it was initialised',
      );
    } catch (error) {
      if (supplicant.lines.some((line) => /not found/.test(line)))
        throw missingTool(board, 'wpa_supplicant', 'wpasupplicant');
      const mistake = supplicant.lines.map(withoutStamp).find((line) => /^Line \d+: /.test(line));
      if (mistake !== undefined)
        throw new ConfigError(`${board}: wpa_supplicant does not take its configuration: ${mistake}`, {
          board,
          code: 'wpa-config',
        });
      throw error;
    }
  }

  #event(event: NonNullable<ReturnType<typeof wpaSupplicantEvent>>, journal: BoardContext['journal']): void {
    journal.append('wpa_supplicant.event', event);
    const { interface: name, ...rest } = event;
    // wpa_supplicant also speaks of a P2P device of its own.
    if (name !== this.#options.interface) return;
    const numbered: WpaEvent = { ...rest, index: ++this.#count };
    this.#events.push(numbered);
    if (this.#events.length > KEPT) this.#events.shift();
    for (const listener of [...this.#listeners]) listener(numbered);
  }

  /** Resolves with the time of the association; rejects as soon as it is clear that there will be none. */
  async #connected(): Promise<number> {
    const { ssid, timeoutMs } = this.#options;
    const supplicant = this.#supplicant;
    if (!supplicant) throw new HarnessError('no wpa_supplicant');
    const attempt = new AssociationAttempt(ssid);
    try {
      const outcome = await supplicant.waitFor((line) => attempt.see(line), timeoutMs, 'it was associated');
      if (outcome === 'associated') return performance.now();
      throw this.#failed(outcome);
    } catch (error) {
      if (!(error instanceof LabError) || error.code !== 'timeout') throw error;
      const scan = await this.command('scan_results').catch(() => null);
      throw this.#failed(attempt.atDeadline(scan, timeoutMs / 1000));
    }
  }

  #failed({ code, message, hint }: AssociationFailure): ProductError {
    const { name: board } = this.#ctx;
    return new ProductError(`${board}: ${message}`, { board, code, hint });
  }

  /** Address, proof and info, once associated. */
  async #complete(started: number, associationMs: number): Promise<void> {
    const { address, gateway } = await this.#address();
    const { name: board } = this.#ctx;
    if (!(await this.#answers(gateway)))
      throw new ProductError(`${board}: associated, address ${address}, but ${gateway} does not answer`, {
        board,
        code: 'no-ping',
      });
    const { fields } = await this.status();
    this.#info = {
      ...{
        interface: this.#options.interface,
        namespace: this.#namespace,
        peer: this.#ctx.peer ?? null,
        ssid: this.#options.ssid,
        address,
      },
      bssid: fields.bssid ?? '',
      frequencyMhz: Number(fields.freq),
      keyManagement: fields.key_mgmt ?? '',
      associationMs: Math.round(associationMs),
      upMs: Math.round(performance.now() - started),
    };
    this.#state('up', `${address}, ${this.#info.bssid}`);
  }

  /** The first datagram may be lost while addresses are resolved. */
  async #answers(gateway: string): Promise<boolean> {
    for (let attempt = 0; attempt < 3; attempt++) {
      if ((await this.ping(gateway, { count: 1 })).received > 0) return true;
    }
    return false;
  }

  async #address(): Promise<{ address: string; gateway: string }> {
    const { remote } = this.#ctx;
    const { address, gateway, interface: link } = this.#options;
    if (address !== 'dhcp') {
      await remote.check(this.#inside(`ip addr replace ${address} dev ${quote(link)}`));
      const own = withoutPrefix(address);
      return { address: own, gateway: gateway ?? own.replace(/\.\d+$/, '.1') };
    }
    const lease = await dhcpLease(remote, link, this.#namespace);
    return { address: lease.address, gateway: gateway ?? lease.server };
  }
}
