/** An access point on a board: hostapd, an address, and a DHCP server, up only when a client could use it. */
import type { BoardContext } from '../board/context.ts';
import { quote } from '../board/remote.ts';
import { ConfigError, HarnessError, LabError, messageOf, ProductError } from '../errors.ts';
import { acting } from '../journal/acting.ts';
import { dhcpPool, withoutPrefix } from './address.ts';
import { type ApInfo, ApOptions, type ApStation } from './ap-options.ts';
import { useCountry } from './country.ts';
import { Daemon } from './daemon.ts';
import { hostapdEvent, keyValues, withoutStamp } from './events.ts';
import { checkChannel, frequencyOf, hostapdConfig, type ResolvedApOptions } from './hostapd-config.ts';
import { UndoStack } from './undo.ts';
import { askWireless, checkAllowed, missingTool, releaseInterface, usable, words } from './wireless.ts';
import { parseWidth } from './wireless-parse.ts';

const RUN_DIR = '/run/hil';
/** How long a channel is watched for radar, but for those of weather radars (ETSI EN 301 893). */
const RADAR_S = 60;

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
    const { country, band, channel } = options;
    checkChannel(options);
    if (options.dhcp) dhcpPool(options.address);
    this.#state('starting');
    if (country !== undefined) await useCountry(remote, country, this.#undo);
    const wireless = await askWireless(remote, options.interface);
    const phy = usable(board, wireless, options.interface, 'AP');
    checkAllowed(board, phy, { frequencyMhz: frequencyOf(band, channel), country }, wireless.country);
    const config = hostapdConfig(options, this.#controlDir);
    await remote.upload(Buffer.from(config), this.#configPath, { mode: 0o600 });
    this.#undo.push('configuration', () => remote.check(`rm -rf ${this.#configPath} ${this.#controlDir}`));
    this.#undo.push('interface', () => remote.check(releaseInterface(options.interface)));
    await this.#startHostapd();
    await this.#setAddress();
    if (options.dhcp) await this.#startDhcp();
    const running = await this.#running();
    const { interface: link, ssid, security, address } = options;
    this.#info = {
      ...{ interface: link, ssid, security, config, address: withoutPrefix(address) },
      peer: this.#ctx.peer ?? null,
      ...running,
      upMs: Math.round(performance.now() - started),
    };
    this.#state('up', `channel ${running.channel}, ${running.widthMhz} MHz, ${running.bssid}`);
  }

  /** What hostapd_cli prints for a command, such as `status` or `chan_switch 5 2437`. */
  async command(command: string): Promise<string> {
    const { stdout, stderr, exitCode } = await this.#ctx.remote.run(
      `hostapd_cli -p ${this.#controlDir} -i ${quote(this.#options.interface)} ${words(command)}`,
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
    await this.#acting(`deauthenticates ${mac}`, () =>
      this.command(`deauthenticate ${quote(mac)} reason=${reason}`),
    );
  }

  /** Ends hostapd and starts it anew with the same configuration, as after a crash: stations must come back by themselves. */
  async restart(): Promise<void> {
    this.#state('restarting');
    await this.#acting('restarts', async () => {
      await this.#hostapd?.stop();
      await this.#startHostapd();
      await this.#setAddress();
    });
    this.#info = { ...this.info, ...(await this.#running()) };
    this.#state('up', 'restarted');
  }

  /** Undoes everything; harmless when called again. */
  async stop(): Promise<void> {
    await this.#acting('stops', () => this.#undo.undo());
    this.#state('stopped');
  }

  #acting<T>(what: string, work: () => Promise<T>): Promise<T> {
    return acting(this.#ctx.journal, 'link-down', `access point on ${this.#options.interface} ${what}`, work);
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

  async #setAddress(): Promise<void> {
    const { address, interface: link } = this.#options;
    await this.#ctx.remote.check(`ip addr replace ${address} dev ${quote(link)}`);
  }

  async #startHostapd(): Promise<void> {
    const { remote, journal, signal } = this.#ctx;
    const link = this.#options.interface;
    const hostapd = await Daemon.start({
      ...{ remote, signal, name: 'hostapd' },
      command: `exec hostapd -t ${this.#configPath}`,
      onLine: (line) => {
        journal.append('hostapd.line', { interface: link, text: line });
        const event = hostapdEvent(line);
        if (event) journal.append('hostapd.event', event);
      },
      onLost: (how) => this.#state('lost', `hostapd ended by itself, ${how}`),
    });
    if (!this.#hostapd) this.#undo.push('hostapd', async () => await this.#hostapd?.stop());
    this.#hostapd = hostapd;
    try {
      const radarS = await hostapd.waitFor(enabledOrWatching, this.#options.timeoutMs, 'it was enabled');
      if (radarS === 0) return;
      this.#state('starting', `watching for radar for ${radarS} s`);
      const deadlineMs = radarS * 1000 + this.#options.timeoutMs;
      await hostapd.waitFor((line) => enabledOrWatching(line) === 0 || null, deadlineMs, 'it was enabled');
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
      lines.find((line) => /could not|failed|not found|not allowed|not support|error/i.test(line)) ??
      messageOf(error);
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
    const { first, last, netmask } = dhcpPool(address);
    const leases = `${RUN_DIR}/dnsmasq-${link}.leases`;
    const command = [
      'exec dnsmasq --keep-in-foreground --conf-file=/dev/null --port=0 --bind-interfaces --except-interface=lo --no-ping',
      `--interface=${quote(link)} --dhcp-range=${first},${last},${netmask},1h --dhcp-leasefile=${quote(leases)}`,
      `--pid-file=${quote(leases)}.pid --log-facility=- --user=root`,
    ].join(' ');
    const dnsmasq = await Daemon.start({
      ...{ remote, signal, name: 'dnsmasq', command },
      onLine: (text) => journal.append('dhcp.line', { interface: link, text }),
      onLost: (how) => this.#state('lost', `dnsmasq ended by itself, ${how}`),
    });
    this.#undo.push('dnsmasq', async () => {
      await dnsmasq.stop();
      await remote.check(`rm -f ${quote(leases)} ${quote(leases)}.pid`);
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

  /** What it is now, by hostapd and the driver; throws ProductError unless hostapd is ENABLED. */
  async #running(): Promise<Pick<ApInfo, 'bssid' | 'channel' | 'frequencyMhz' | 'widthMhz'>> {
    const { remote, name: board } = this.#ctx;
    const status = keyValues(await this.command('status'));
    if (status.state !== 'ENABLED') {
      throw new ProductError(`${board}: hostapd is ${status.state ?? 'silent'}, not ENABLED`, {
        board,
        code: 'ap-failed',
      });
    }
    const link = await remote.check(`iw dev ${quote(this.#options.interface)} info`);
    return {
      bssid: status['bssid[0]'] ?? '',
      channel: Number(status.channel),
      frequencyMhz: Number(status.freq),
      widthMhz: parseWidth(link) ?? 20,
    };
  }
}

/** 0 when the line says that the access point is enabled, seconds when it first watches for radar. */
function enabledOrWatching(line: string): number | null {
  const found = hostapdEvent(line);
  if (found?.event === 'AP-DISABLED')
    throw new LabError('hostapd disabled the access point', { code: 'ended' });
  if (found?.event === 'DFS-CAC-START')
    return Number(/\bcac_time=(\d+)s/.exec(found.detail ?? '')?.[1] ?? RADAR_S);
  return found?.event === 'AP-ENABLED' ? 0 : null;
}
