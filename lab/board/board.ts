/**
 * A board and its states: off -> booting -> ready, and what goes wrong on the way. Owns its hardware, console, SSH and
 * kernel log for as long as the controller lives; knows nothing of leases.
 */
import type { DeviceProfile } from '../../devices/profile.ts';
import { type HilError, LabError, messageOf } from '../errors.ts';
import type { EventKind, Payload, PayloadInput } from '../journal/event.ts';
import type { Clocks } from '../kernel/clocks.ts';
import type { CrashWatch } from '../kernel/crash-watch.ts';
import type { KernelLog } from '../kernel/log.ts';
import { provenance } from '../kernel/provenance.ts';
import { endOfBoard } from '../kernel/trouble.ts';
import { startKernel } from './boot/board-boot.ts';
import { awaitBoot, awaitStage, type BootableBoard, type BootLimits, bootUp } from './boot/boot-up.ts';
import { BootPlan } from './boot/plan.ts';
import { PresentBoot } from './boot/present-boot.ts';
import type { BootProgress } from './boot/progress.ts';
import type { Stage } from './boot/stages.ts';
import type { Console } from './console/console.ts';
import type { BoardContext } from './context.ts';
import { Death } from './death.ts';
import type { BoardHardware, HardwareEvent, Progress } from './hardware.ts';
import { makeParts, type PartsOptions } from './parts.ts';
import { findOut, type Patient } from './post-mortem.ts';
import { ResetWatch } from './reset-watch.ts';
import type { SshRemote } from './ssh/connection.ts';
import { askUserland, type Userland } from './userland.ts';

export type BoardState = 'off' | 'booting' | 'on' | 'ready' | 'frozen' | 'crashed' | 'quarantined';
export type PowerVerb = 'on' | 'off' | 'cycle' | 'reset' | 'freeze' | 'thaw';

export interface BoardOptions extends PartsOptions {
  /** Called after every change of state. */
  onState: (state: BoardState) => void;
}

export interface ReadyResult {
  bootMs: number | null;
  provenance: Payload<'board.provenance'>;
}

/** A board that answers within this time is taken to be well. */
const PROBE_MS = 10_000;
/** How long a board that nothing switches may take to go down when it is told to reboot. */
const GOING_DOWN_MS = 60_000;
/** To leave a board that stays on as it was. */
const LEAVE_MS = 5_000;

export class Board {
  readonly name: string;
  readonly profile: DeviceProfile;
  readonly hardware: BoardHardware;
  readonly console: Console;
  readonly remote: SshRemote;
  readonly kernelLog: KernelLog;
  readonly clocks: Clocks;
  readonly crashes: CrashWatch;
  /** What it died of on its own, if it did. */
  readonly death: Death;
  /** What it boots in place of its own kernel. */
  readonly bootPlan: BootPlan;
  readonly #options: BoardOptions;
  #state: BoardState = 'off';
  #powered = false;
  #beforeFreeze: BoardState = 'on';
  #reason: string | undefined;
  #life = new AbortController();
  #consoleOpen = false;
  #boot = new PresentBoot(0);
  /** Why the board can't be trusted as it is and must be power-cycled before it is used again. */
  #suspect: string | null = null;
  #provenance: Payload<'board.provenance'> | null = null;
  /** What runs around the kernel, as of the last boot that was asked. */
  #userland: { bootId: string | null; facts: Userland } | null = null;
  #networkCut = false;

  constructor(options: BoardOptions) {
    this.#options = options;
    this.name = options.name;
    this.profile = options.profile;
    this.hardware = options.hardware;
    this.bootPlan = new BootPlan(options.dir);
    const parts = makeParts(options);
    this.console = parts.console;
    this.remote = parts.remote;
    this.kernelLog = parts.kernelLog;
    this.clocks = parts.clocks;
    this.crashes = parts.crashes;
    this.death = new Death({
      ...{ name: this.name, console: this.console, crashes: this.crashes, journal: options.journal },
      state: () => this.#state,
      patient: () => this.#patient(),
      suspect: (why) => this.suspect(why),
    });
    this.console.subscribe(({ text }) => this.#heard(text));
    new ResetWatch({
      ...{ console: this.console, remote: this.remote, life: () => this.#life.signal },
      bootId: () => (this.#state === 'ready' && !this.#networkCut ? this.#boot.id : null),
      onReset: (detail, position) => {
        if (this.#state === 'ready') this.#rebooted(detail, position);
      },
      onFailure: (error) => this.suspect(messageOf(error)),
    });
    options.hardware.bind?.({
      console: options.hardware.console() === null ? null : this.console,
      remote: this.remote,
    });
    options.hardware.onEvent((event, detail) => this.#hardwareEvent(event, detail));
  }

  get state(): BoardState {
    return this.#state;
  }

  /** Whether the hardware is on: a quarantined board may be either. */
  get powered(): boolean {
    return this.#powered;
  }

  /** As probed in the last boot; null while it was never asked. */
  get userland(): Userland | null {
    return this.#userland?.facts ?? null;
  }

  get reason(): string | undefined {
    return this.#reason;
  }

  /** Where on the console its present boot began. */
  get bootPosition(): number {
    return this.#boot.position;
  }

  /** Aborted, with a HilError, when the board is switched off, reset or dies: what runs on it then is gone. */
  get life(): AbortSignal {
    return this.#life.signal;
  }

  context(signal: AbortSignal): BoardContext {
    const { name, profile, remote } = this;
    return { name, profile, remote, journal: this.#options.journal, signal };
  }

  /** The board can't be trusted as it is; the next `ready` power-cycles it. */
  suspect(why: string): void {
    if (this.#state !== 'off') this.#suspect = why;
  }

  /** Its boot loader waits for commands: it does not come up by itself any more. */
  stoppedInLoader(): void {
    this.#boot.inLoader = true;
    this.suspect('is in its boot loader');
  }

  /** It boots on. */
  leftLoader(): void {
    this.#boot.inLoader = false;
    this.#suspect = null;
  }

  /** It is to boot a kernel that was deployed, and its present boot is none of that. */
  get #bootsOtherwise(): boolean {
    return this.bootPlan.current !== null && !this.#boot.ofPlan;
  }

  get inLoader(): boolean {
    return this.#boot.inLoader;
  }

  /** How far its present boot has come, as its console tells. */
  get progress(): Readonly<BootProgress> {
    return this.#boot.progress;
  }

  /** Resolves when its console shows that a boot under way has come to a stage, or beyond. Throws LabError `boot-timeout`. */
  async reached(stage: Stage, { timeoutMs, signal }: BootLimits): Promise<void> {
    await awaitStage(this.#bootable(false), stage, timeoutMs, AbortSignal.any([signal, this.#life.signal]));
  }

  /** Boots it anew, once, whatever state it is in; resolves when it can be used. Throws what keeps it from that. */
  async bootAnew(limits: BootLimits): Promise<void> {
    await this.#restart(1, false, limits);
    await awaitBoot(this.#bootable(false), limits);
  }

  /** Awaits the end of a boot that somebody else has begun. */
  async awaitBoot(limits: BootLimits): Promise<void> {
    await awaitBoot(this.#bootable(false), limits);
  }

  record<K extends EventKind>(kind: K, data: PayloadInput<K>): void {
    this.#options.journal.append(kind, data);
  }

  /** Something was changed on the board: what runs there must be asked again. */
  forgetProvenance(): void {
    this.#provenance = null;
  }

  /** Takes over a board that an earlier controller left powered; false when it is off. */
  async adopt(): Promise<boolean> {
    if (this.hardware.consoleStays) await this.#openConsole();
    if (!(await this.hardware.adopt())) return false;
    this.#powered = true;
    await this.#openConsole();
    const state = await this.hardware.state();
    this.#enter(state === 'frozen' ? 'frozen' : state === 'panicked' ? 'crashed' : 'on', 'found powered');
    return true;
  }

  /**
   * Brings the board to where a command can be run on it by SSH. A board that is off is powered on; one that is dead,
   * hung or suspect is power-cycled; a boot that fails is tried once more.
   *
   * Throws ProductError when its kernel died while booting, LabError when it never came up.
   */
  async ready(options: {
    fresh: boolean;
    timeoutMs: number;
    signal: AbortSignal;
    progress: Progress;
  }): Promise<ReadyResult> {
    const { signal, progress } = options;
    const started = performance.now();
    let booted = false;
    if (this.death.cause) progress(this.#state, 'reading what it kept of its crash');
    await this.death.postMortem(signal);
    if (!(await this.#isWell(signal, progress))) {
      booted = true;
      await bootUp(this.#bootable(options.fresh), options);
    }
    this.#provenance ??= await this.#askProvenance(signal);
    return { bootMs: booted ? Math.round(performance.now() - started) : null, provenance: this.#provenance };
  }

  /** Of a board that should be well and does not answer: what became of it. It is power-cycled before it is used again. */
  async findOut(signal: AbortSignal): Promise<HilError> {
    const loss = await findOut(await this.#patient(), signal);
    this.suspect(loss.message);
    return loss;
  }

  /** Does to the power what is asked; `cycle` and `on` do not wait for the boot. */
  async power(
    verb: PowerVerb,
    options: { fresh?: boolean; signal: AbortSignal; progress?: Progress },
  ): Promise<number> {
    const started = performance.now();
    const journal = (ok: boolean, error?: string): number => {
      const durationMs = Math.round(performance.now() - started);
      const failure = error === undefined ? {} : { error };
      this.#options.journal.append('power.action', { action: verb, ok, durationMs, ...failure });
      return durationMs;
    };
    try {
      await this.#switch(verb, options);
      return journal(true);
    } catch (error) {
      journal(false, messageOf(error));
      throw error;
    }
  }

  async saveSnapshot(name: string): Promise<number> {
    return this.#timed('snapshot', async (hardware) => {
      if (!hardware.saveSnapshot) throw this.#cannot('take snapshots');
      await hardware.saveSnapshot(name);
    });
  }

  /** Warm reset: the board goes on as it was when the snapshot was taken; connections to it are made anew. */
  async loadSnapshot(name: string, signal: AbortSignal): Promise<number> {
    return this.#timed('snapshot', async (hardware) => {
      if (!hardware.loadSnapshot) throw this.#cannot('go back to snapshots');
      this.#endLife(
        new LabError(`${this.name} went back to the snapshot "${name}"`, {
          board: this.name,
          code: 'board-reset',
        }),
      );
      await this.#disconnect();
      try {
        await hardware.loadSnapshot(name);
      } catch (error) {
        await this.#goOn(signal);
        throw error;
      }
      this.#beginLife();
      await this.#connect(60_000, signal);
    });
  }

  async setNetworkLink(up: boolean): Promise<void> {
    if (!this.hardware.setNetworkLink) throw this.#cannot('cut its network link');
    await this.hardware.setNetworkLink(up);
    this.#networkCut = !up;
    this.#options.journal.append('power.event', { event: up ? 'network link up' : 'network link cut' });
  }

  /** A break on the console, by its cable or by the hardware. Throws LabError, code `unsupported`, where neither can. */
  async sendBreak(): Promise<void> {
    if (!this.hardware.sendBreak) return this.console.sendBreak();
    await this.hardware.sendBreak();
    this.#options.journal.append('console.event', { event: 'break sent' });
  }

  /** As Console.sysrq. */
  async sysrq(letter: string): Promise<void> {
    await this.console.sysrq(letter, () => this.sendBreak());
  }

  /** Cuts the power and closes everything. */
  async close(): Promise<void> {
    if (this.#state !== 'off') await this.power('off', { signal: AbortSignal.timeout(30_000) });
    await this.#closeConsole();
  }

  /** Lets go of a powered board, for another controller to take over. */
  async detach(): Promise<void> {
    // On a board that does not answer there is nothing to end, or nobody can.
    if (this.#state === 'ready')
      await this.kernelLog.end(LEAVE_MS).catch((error: unknown) => this.#note(messageOf(error)));
    await this.#disconnect();
    await this.#closeConsole();
    await this.hardware.detach();
  }

  /** Gives up on the board until somebody sets it right. */
  quarantine(reason: string): void {
    this.#enter('quarantined', reason);
  }

  async #switch(
    verb: PowerVerb,
    options: { fresh?: boolean; signal: AbortSignal; progress?: Progress },
  ): Promise<void> {
    const { fresh = false, signal, progress = () => undefined } = options;
    switch (verb) {
      case 'on':
        // A quarantined board was left as it stood.
        if (this.#state === 'quarantined') await this.hardware.powerOff();
        else if (this.#state !== 'off') return;
        return this.#powerOn(fresh, signal, progress);
      case 'off':
        return this.#powerOff();
      case 'cycle':
        await this.#powerOff();
        return this.#powerOn(fresh, signal, progress);
      case 'reset':
        return this.#reset();
      case 'freeze':
        if (!this.hardware.freeze) throw this.#cannot('be frozen');
        await this.hardware.freeze();
        if (this.#state !== 'frozen') this.#beforeFreeze = this.#state;
        return this.#enter('frozen');
      case 'thaw':
        if (!this.hardware.thaw) throw this.#cannot('be thawed');
        await this.hardware.thaw();
        if (this.#state === 'frozen') this.#enter(this.#beforeFreeze, 'thawed');
        return;
    }
  }

  async #powerOn(fresh: boolean, signal: AbortSignal, progress: Progress): Promise<void> {
    await this.hardware.prepare(signal, progress);
    this.#enter('booting', fresh ? 'power on, clean disk' : 'power on');
    this.#beginLife();
    this.#powered = true;
    this.#networkCut = false;
    if (this.hardware.consoleStays) await this.#openConsole();
    await this.hardware.powerOn({ fresh, signal, attachConsole: () => this.#attachConsole() });
    await this.#openConsole();
  }

  async #powerOff(): Promise<void> {
    this.#endLife(new LabError(`${this.name} was switched off`, { board: this.name, code: 'board-reset' }));
    this.death.overtaken();
    await this.#disconnect();
    await this.hardware.powerOff();
    this.#powered = false;
    // Only power-on ends a quarantine.
    if (this.#state !== 'quarantined') this.#enter('off');
  }

  async #reset(): Promise<void> {
    if (this.#state === 'off')
      throw new LabError(`${this.name} is off and can't be reset`, {
        board: this.name,
        hint: `hil power ${this.name} on`,
      });
    await this.#nextLife('reset');
    if (this.hardware.alwaysOn) await this.#endBySsh('reboot', GOING_DOWN_MS, this.#life.signal);
    else await this.hardware.reset(this.#life.signal);
  }

  /**
   * Runs a command that ends with a reboot, such as one that flashes it. Resolves when the boot that ran has gone down; LabError
   * `no-reboot` when it does not.
   */
  async rebootBy(command: string, goingDownMs: number, signal: AbortSignal): Promise<void> {
    await this.#nextLife('rebooted');
    await this.#endBySsh(command, goingDownMs, signal);
  }

  /** The boot that runs is about to end, because somebody asked for that. */
  async #nextLife(how: 'reset' | 'rebooted'): Promise<void> {
    this.#endLife(new LabError(`${this.name} was ${how}`, { board: this.name, code: 'board-reset' }));
    this.death.overtaken();
    await this.#disconnect();
    this.#beginLife();
    this.#enter('booting', how);
  }

  /** Resolves when the boot that ran has gone down. */
  async #endBySsh(command: string, goingDownMs: number, signal: AbortSignal): Promise<void> {
    try {
      await this.remote.run(`(sleep 1; ${command}) </dev/null >/dev/null 2>&1 &`, {
        timeoutMs: PROBE_MS,
        signal,
      });
      await this.remote.lost(goingDownMs, signal);
    } catch (cause) {
      throw new LabError(`${this.name} could not be rebooted by SSH`, {
        ...{ board: this.name, code: 'no-reboot', cause },
        hint: `${messageOf(cause)}; where nothing switches it, reset it by hand, or give it a "power" in the lab file`,
      });
    }
  }

  /** What booting needs of this board. */
  #bootable(fresh: boolean): BootableBoard {
    const { name, profile } = this;
    return {
      ...{ name, profile, console: this.hardware.console() === null ? null : this.console },
      journal: this.#options.journal,
      bootPosition: () => this.#boot.position,
      progressed: () => this.#boot.progress,
      life: () => this.#life.signal,
      isBooting: () => this.#state === 'booting' && !this.#bootsOtherwise,
      restart: (attempt, limits) => this.#restart(attempt, fresh, limits),
      connect: (timeoutMs, signal) => this.#connect(timeoutMs, signal),
      stuck: (reason) => this.#enter('on', reason),
      giveUp: (reason) => this.quarantine(reason),
    };
  }

  async #restart(attempt: number, fresh: boolean, { signal, progress }: BootLimits): Promise<void> {
    const try_ = attempt === 1 ? '' : ', second try';
    const plan = this.bootPlan.current;
    if (plan) {
      await startKernel(this, plan, { signal, progress, fresh });
      this.#boot.ofPlan = true;
      return;
    }
    if (this.hardware.alwaysOn) {
      progress('booting', `reboot by SSH${try_}`);
      await this.power('reset', { signal });
      return;
    }
    if (this.#state !== 'off') await this.power('off', { signal });
    progress('booting', `power on${try_}`);
    await this.power('on', { fresh, signal, progress });
  }

  async #connect(timeoutMs: number, signal: AbortSignal): Promise<void> {
    await this.remote.connect({ timeoutMs, signal });
    await this.kernelLog.start(this.#life.signal);
    this.#boot.id = this.remote.bootId ?? null;
    this.clocks.begin(this.#boot.id ?? '', this.#life.signal);
    this.#enter('ready');
  }

  /** Whether the board can be used as it is. */
  async #isWell(signal: AbortSignal, progress: Progress): Promise<boolean> {
    if (this.#suspect !== null) {
      progress(this.#state, `${this.#suspect}: power-cycling`);
      this.#suspect = null;
      if (this.#state === 'booting') this.#enter('on', 'suspect');
      return false;
    }
    if (this.#state !== 'ready' && this.#state !== 'on') return false;
    if (this.#bootsOtherwise) {
      progress(this.#state, 'runs another kernel than was deployed: power-cycling');
      return false;
    }
    try {
      await this.remote.run('true', {
        timeoutMs: PROBE_MS,
        signal: AbortSignal.any([signal, this.#life.signal]),
      });
      if (this.#state === 'on') await this.#connect(PROBE_MS, signal);
      return true;
    } catch (thrown) {
      signal.throwIfAborted();
      progress(this.#state, `does not answer (${messageOf(thrown)}): power-cycling`);
      this.#options.journal.append('board.state', { state: 'hung', reason: messageOf(thrown) });
      return false;
    }
  }

  async #patient(): Promise<Patient> {
    const { name, remote, crashes } = this;
    return {
      ...{
        name,
        remote,
        crashes,
        console: this.console,
        journal: this.#options.journal,
        attach: this.#options.attach,
      },
      power: await this.hardware.state(),
      networkCut: this.#networkCut,
      bootId: this.#boot.id,
      reset: async (signal) => void (await this.power('reset', { signal })),
      boot: (signal) =>
        awaitBoot(this.#bootable(false), {
          ...{ timeoutMs: this.profile.console.bootTimeoutMs, signal, progress: () => undefined },
        }),
    };
  }

  async #askProvenance(signal: AbortSignal): Promise<Payload<'board.provenance'>> {
    const facts = await provenance(this.remote, this.profile, { signal });
    if (this.#userland?.bootId !== facts.bootId) {
      const found = await askUserland(this.remote, { signal, versions: false });
      this.#userland = { bootId: facts.bootId, facts: found };
      this.#options.journal.append('board.userland', found);
    }
    this.#options.journal.append('board.provenance', facts);
    return facts;
  }

  #beginLife(position = this.console.position): void {
    this.#life = new AbortController();
    this.#provenance = null;
    this.#suspect = null;
    this.#boot = new PresentBoot(position);
  }

  /** The hardware refused what was to end the board's life (but not what ended by itself): connects again. */
  async #goOn(signal: AbortSignal): Promise<void> {
    if (this.#state === 'off' || this.#state === 'crashed') return;
    this.#life = new AbortController();
    if (this.#state !== 'ready') return;
    await this.#connect(60_000, signal).catch((error: unknown) => this.suspect(messageOf(error)));
  }

  #endLife(reason: HilError): void {
    if (!this.#life.signal.aborted) this.#life.abort(reason);
  }

  async #disconnect(): Promise<void> {
    await this.kernelLog.stop();
    await this.remote.disconnect();
  }

  async #openConsole(): Promise<void> {
    if (this.#consoleOpen || this.hardware.console() === null) return;
    this.#consoleOpen = true;
    const opened = this.console.open();
    // A cable of its own may be unplugged: it is read from the moment it is there, and who needs it says what is missing.
    if (this.hardware.consoleStays) opened.catch((error: unknown) => this.#note(messageOf(error)));
    else await opened;
  }

  #note(message: string): void {
    this.#options.journal.append('journal.note', { message: `${this.name}: ${message}` });
  }

  async #attachConsole(): Promise<void> {
    if (this.#consoleOpen) await this.console.reopen();
    else await this.#openConsole();
  }

  async #closeConsole(): Promise<void> {
    if (!this.#consoleOpen) return;
    this.#consoleOpen = false;
    await this.console.close();
  }

  #heard(line: string): void {
    if (this.#state === 'off') return;
    if (this.#state === 'booting') this.#boot.progress.push(line);
    const end = endOfBoard(line);
    if (end) this.#crashed(end.message, end.code);
  }

  #hardwareEvent(event: HardwareEvent, detail: string): void {
    this.#options.journal.append('power.event', { event, detail });
    if (event === 'watchdog') this.#boot.watchdogBit = true;
    else if (event === 'panicked')
      this.#crashed('the kernel panicked (told by the hardware)', 'kernel-panic');
    else if (event === 'exit') {
      this.#powered = false;
      if (this.#state === 'off') return;
      this.#endLife(
        new LabError(`${this.name} lost its power: ${detail}`, { board: this.name, code: 'power-lost' }),
      );
      // Only power-on ends a quarantine.
      if (this.#state === 'quarantined') this.#options.onState(this.#state);
      else this.#enter('off', detail);
    } else if (event === 'reset') {
      if (this.#state === 'ready' || this.#state === 'crashed') this.#rebooted(detail);
    }
  }

  #crashed(message: string, code: string): void {
    if (this.#life.signal.aborted) return;
    this.#endLife(this.death.crashed(message, code));
    // Nobody answers any more: what is under way is told now, not when its connection times out.
    void this.#disconnect();
    if (this.#state !== 'quarantined') this.#enter('crashed', message);
  }

  #rebooted(detail: string, position = this.console.position): void {
    const [what, code] = this.#boot.watchdogBit
      ? ['hung until its watchdog reset it', 'watchdog-reset']
      : [`rebooted by itself (${detail})`, 'unexpected-reboot'];
    this.#endLife(this.death.rebooted(what, code));
    void this.#disconnect();
    this.#beginLife(position);
    this.#enter('booting', 'rebooted by itself');
  }

  #enter(state: BoardState, reason?: string): void {
    this.#state = state;
    this.#reason = reason;
    this.#options.journal.append('board.state', reason === undefined ? { state } : { state, reason });
    this.#options.onState(state);
  }

  async #timed(event: string, work: (hardware: BoardHardware) => Promise<void>): Promise<number> {
    const started = performance.now();
    await work(this.hardware);
    const durationMs = Math.round(performance.now() - started);
    this.#options.journal.append('power.event', { event, detail: `${durationMs} ms` });
    return durationMs;
  }

  #cannot(what: string): LabError {
    return new LabError(`${this.name} (${this.profile.title}) can't ${what}`, {
      board: this.name,
      code: 'unsupported',
    });
  }
}
