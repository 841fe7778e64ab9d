/** When a lab machine was too busy for what was measured to say anything of the board. Pure. */

export interface HostLoad {
  /** Part of all processors' time that was used, 0 to 1; what others took of a virtual machine counts as used. */
  busy: number;
  /** Part of it that a hypervisor gave to others. */
  steal: number;
  /** Longest that this process was late, in milliseconds. */
  lagMs: number;
  /** Part of a processor that the busiest thread of the busiest emulated board used; 0 where all boards are real. */
  emulator: number;
}

/** Why a machine had no time left. */
export interface Saturation {
  /** A part of a sentence. */
  why: string;
  /** Only the board's own processor had none: it goes on, more slowly. */
  slow: boolean;
}

/** Beyond these the lab machine has no time left: all processors busy, taken by a hypervisor, or this process kept from running. */
const SATURATED = { busy: 0.97, steal: 0.2, lagMs: 400, emulator: 0.95 };

/** Null when it had time. */
export function saturation(load: HostLoad): Saturation | null {
  const why = machineWithout(load);
  if (why !== null) return { why, slow: false };
  if (load.emulator < SATURATED.emulator) return null;
  return {
    why: `the emulated processor of the board was ${Math.round(load.emulator * 100)} % busy`,
    slow: true,
  };
}

function machineWithout({ busy, steal, lagMs }: HostLoad): string | null {
  const percent = (part: number) => `${Math.round(part * 100)} %`;
  if (steal >= SATURATED.steal) return `others took ${percent(steal)} of the lab machine's processors`;
  if (busy >= SATURATED.busy) return `the lab machine's processors were ${percent(busy)} busy`;
  return lagMs >= SATURATED.lagMs ? `the lab controller was ${lagMs} ms late` : null;
}

/** Why a mean over these times says little: the machine had no time in a third of them. Null when it had. */
export function mostlySaturated(loads: readonly HostLoad[]): string | null {
  const bad = loads.map(saturation).filter((each) => each !== null);
  return bad.length > 0 && bad.length >= loads.length / 3 ? (bad[0]?.why ?? null) : null;
}
