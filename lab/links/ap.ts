/** An access point on a board: hostapd, an address, and a DHCP server, up only when a client could use it. */
import type { BoardContext } from '../board/context.ts';
import { quote } from '../board/remote.ts';
import { ConfigError, HarnessError, LabError, messageOf, ProductError } from '../errors.ts';
import { type ApInfo, ApOptions, type ApStation } from './ap-options.ts';
import { Daemon } from './daemon.ts';
import { hostapdEvent, keyValues, withoutStamp } from './events.ts';
import { checkChannel, frequencyOf, hostapdConfig, type ResolvedApOptions } from './hostapd-config.ts';
import { UndoStack } from './undo.ts';
import { checkAllowed, listWireless, missingTool, usable } from './wireless.ts';

const RUN_DIR = '/run/hil';

/**
 * Brings an access point up on the profile's radio (or the one named). Throws ConfigError for options that don't go
 * together or that hostapd refuses, ProductError when driver or radio can't do it, LabError when something else is in
 * the way. Whatever was begun is undone then.
 */
export async function startAp(ctx: BoardContext, input: ApOptions): Promise<AccessPoint> {
  const options = ApOptions.parse(input);
  const name = options.interface ?? ctx.profile.radios.find(({ role }) => role === 'ap')?.interface;
  if (name === undefined)
    throw new ConfigError(`${ctx.name} (${ctx.profile.name}) has no radio for an access point`, {
      board: ctx.name,
    });
  const channel = options.channel ?? (options.band === '5' ? 36 : 1);
  const ap = new AccessPoint(ctx, { ...options, interface: name, channel });
  try {
    await ap.up();
  } catch (error) {
    await ap.stop().catch((undoing: unknown) =>
      ctx.journal.append('link.state', {
        link: name,
        kind: 'ap',
        state: 'undo failed',
        detail: messageOf(undoing),
      }),
    );
    throw error;
  }
  return ap;
}

export class AccessPoint {
  readonly #ctx: BoardContext;
  readonly #options: ResolvedApOptions;
  readonly #undo = new UndoStack();
  #hostapd: Daemon | null = null;
  #info: ApInfo | null = null;

  constructor(ctx: BoardContext, options: ResolvedApOptions) {
    this.#ctx = ctx;
    this.#options = options;
  }

  /** Throws HarnessError before it is up. */
  get info(): ApInfo {
    if (!this.#info) throw new HarnessError('the access point is not up yet');
    return this.#info;
  }

  async up(): Promise<void> {
    const started = performance.now();
    const { remote, name: board } = this.#ctx;
    const options = this.#options;
    checkChannel(options);
    this.#state('starting');
    if (options.country !== undefined) await this.#setCountry(options.country);
    const wireless = await listWireless(remote);
    const { phy } = usable(board, wireless, options.interface, 'AP');
    checkAllowed(board, phy, frequencyOf(options.band, options.channel), wireless.country);
    const config = hostapdConfig(options, this.#controlDir);
    await remote.upload(Buffer.from(config), this.#configPath, { mode: 0o600 });
    this.#undo.push('configuration', () =>
      remote.run(`rm -f ${this.#configPath}; rm -rf ${this.#controlDir}`),
    );
    this.#undo.push('interface', () =>
      remote.run(
        `ip addr flush dev ${quote(options.interface)}; ip link set ${quote(options.interface)} down`,
      ),
    );
    await this.#startHostapd();
    await remote.check(`ip addr replace ${options.address} dev ${quote(options.interface)}`);
    if (options.dhcp) await this.#startDhcp();
    const status = await this.#status();
    const address = options.address.slice(0, options.address.indexOf('/'));
    this.#info = {
      ...{ interface: options.interface, ssid: options.ssid, security: options.security, config, address },
      bssid: status['bssid[0]'] ?? '',
      channel: Number(status.channel),
      frequencyMhz: Number(status.freq),
      upMs: Math.round(performance.now() - started),
    };
    this.#state('up', `channel ${this.#info.channel}, ${this.#info.bssid}`);
  }

  /** What hostapd_cli prints for a command, such as `status` or `chan_switch 5 2437`. */
  async command(command: string): Promise<string> {
    const { stdout, stderr, exitCode } = await this.#ctx.remote.run(
      `hostapd_cli -p ${this.#controlDir} -i ${quote(this.#options.interface)} ${command}`,
    );
    if (exitCode === 0 && !/^(?:FAIL|UNKNOWN COMMAND)/m.test(stdout)) return stdout;
    throw new ProductError(`${this.#ctx.name}: hostapd_cli ${command}: ${(stdout + stderr).trim()}`, {
      board: this.#ctx.name,
      code: 'hostapd-refused',
    });
  }

  async stations(): Promise<ApStation[]> {
    const text = await this.#ctx.remote.check(`iw dev ${quote(this.#options.interface)} station dump`);
    return text
      .split(/^Station /m)
      .slice(1)
      .map((block) => {
        const signal = /^\s+signal:\s+(-?\d+)/m.exec(block)?.[1];
        const flags = ['authorized', 'authenticated', 'associated'].filter((flag) =>
          new RegExp(`^\\s+${flag}:\\s+yes`, 'm').test(block),
        );
        return {
          mac: block.slice(0, 17),
          flags,
          ...(signal === undefined ? {} : { signalDbm: Number(signal) }),
        };
      });
  }

  /** Sends a deauthentication to a station, with a reason code of IEEE 802.11 (table 9-49). */
  async deauthenticate(mac: string, reason: number): Promise<void> {
    await this.command(`deauthenticate ${quote(mac)} reason=${reason}`);
  }

  /** Ends hostapd and starts it anew with the same configuration, as after a crash: stations must come back by themselves. */
  async restart(): Promise<void> {
    this.#state('restarting');
    await this.#hostapd?.stop();
    await this.#startHostapd();
    await this.#ctx.remote.check(
      `ip addr replace ${this.#options.address} dev ${quote(this.#options.interface)}`,
    );
    await this.#status();
    this.#state('up', 'restarted');
  }

  /** Undoes everything; harmless when called again. */
  async stop(): Promise<void> {
    await this.#undo.undo();
    this.#state('stopped');
  }

  get #configPath(): string {
    return `${RUN_DIR}/hostapd-${this.#options.interface}.conf`;
  }

  get #controlDir(): string {
    return `${RUN_DIR}/hostapd-${this.#options.interface}`;
  }

  #state(state: string, detail?: string): void {
    this.#ctx.journal.append('link.state', {
      link: this.#options.interface,
      kind: 'ap',
      state,
      ...(detail === undefined ? {} : { detail }),
    });
  }

  async #setCountry(country: string): Promise<void> {
    const { remote, name: board } = this.#ctx;
    // The kernel asks for the rules and applies them a moment later; it tells so only to netlink listeners.
    const inEffect = `iw reg get | grep -q '^country ${country}:'`;
    const wait = `for i in 1 2 3 4 5 6 7 8 9 10; do ${inEffect} && exit 0; sleep 0.2; done; exit 1`;
    if ((await remote.run(`(${inEffect} && exit 0; iw reg set ${country}; ${wait})`)).exitCode === 0) return;
    throw new LabError(`${board}: the country ${country} did not take effect`, {
      board,
      code: 'country',
      hint: 'is regulatory.db (wireless-regdb) on the board?',
    });
  }

  async #startHostapd(): Promise<void> {
    const { remote, journal, signal } = this.#ctx;
    const link = this.#options.interface;
    const hostapd = await Daemon.start({
      ...{ remote, signal, name: 'hostapd' },
      command: `hostapd -t ${this.#configPath}`,
      onLine: (line) => {
        journal.append('hostapd.line', { interface: link, text: line });
        const event = hostapdEvent(line);
        if (event) journal.append('hostapd.event', event);
      },
    });
    if (!this.#hostapd) this.#undo.push('hostapd', async () => await this.#hostapd?.stop());
    this.#hostapd = hostapd;
    const enabled = (line: string): true | null => {
      const event = hostapdEvent(line)?.event;
      if (event === 'AP-DISABLED') throw new LabError('hostapd disabled the access point', { code: 'ended' });
      return event === 'AP-ENABLED' ? true : null;
    };
    try {
      await hostapd.waitFor(enabled, this.#options.timeoutMs, 'the access point was enabled');
    } catch (error) {
      throw this.#explain(error, hostapd.lines.map(withoutStamp));
    }
  }

  /** hostapd's own words to whose fault it is. */
  #explain(error: unknown, lines: readonly string[]): Error {
    if (!(error instanceof LabError) || (error.code !== 'ended' && error.code !== 'timeout'))
      return error instanceof Error ? error : new HarnessError(String(error));
    const { name: board } = this.#ctx;
    const said = lines.join('\n');
    if (/hostapd: not found/.test(said)) return missingTool(board, 'hostapd', 'hostapd');
    const mistake = lines.find((line) => /^Line \d+: /.test(line));
    if (mistake !== undefined) {
      return new ConfigError(`${board}: hostapd does not take its configuration: ${mistake}`, {
        board,
        code: 'hostapd-config',
        hint: said,
      });
    }
    const what =
      lines.find((line) => /could not|failed|not found|not allowed|error/i.test(line)) ?? messageOf(error);
    return new ProductError(
      `${board}: the access point on ${this.#options.interface} did not come up: ${what}`,
      {
        board,
        code: 'ap-failed',
        hint: `hostapd said:\n${said}`,
        cause: error,
      },
    );
  }

  async #startDhcp(): Promise<void> {
    const { remote, journal, signal, name: board } = this.#ctx;
    const { interface: link, address, timeoutMs } = this.#options;
    const network = address.slice(0, address.lastIndexOf('.'));
    const leases = `${RUN_DIR}/dnsmasq-${link}.leases`;
    const command = [
      'dnsmasq --keep-in-foreground --conf-file=/dev/null --port=0 --bind-interfaces --except-interface=lo --no-ping',
      `--interface=${quote(link)} --dhcp-range=${network}.100,${network}.199,1h --dhcp-leasefile=${quote(leases)}`,
      `--pid-file=${quote(leases)}.pid --log-facility=- --user=root`,
    ].join(' ');
    const dnsmasq = await Daemon.start({
      ...{ remote, signal, name: 'dnsmasq', command },
      onLine: (text) => journal.append('dhcp.line', { interface: link, text }),
    });
    this.#undo.push('dnsmasq', async () => {
      await dnsmasq.stop();
      await remote.run(`rm -f ${quote(leases)} ${quote(leases)}.pid`);
    });
    try {
      await dnsmasq.waitFor(
        (line) => (/DHCP, (?:sockets bound|IP range)/.test(line) ? true : null),
        timeoutMs,
        'it served addresses',
      );
    } catch (error) {
      if (dnsmasq.lines.some((line) => /not found/.test(line)))
        throw missingTool(board, 'dnsmasq', 'dnsmasq-base');
      throw error;
    }
  }

  /** hostapd's status; throws ProductError unless it is ENABLED. */
  async #status(): Promise<Record<string, string>> {
    const status = keyValues(await this.command('status'));
    if (status.state === 'ENABLED') return status;
    throw new ProductError(`${this.#ctx.name}: hostapd is ${status.state ?? 'silent'}, not ENABLED`, {
      board: this.#ctx.name,
      code: 'ap-failed',
    });
  }
}
