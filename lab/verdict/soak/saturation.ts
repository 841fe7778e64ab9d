/** When a lab machine was too busy for what was measured to say anything of the board. Pure. */

export interface HostLoad {
  /** Part of all processors' time that was used, 0 to 1; what others took of a virtual machine counts as used. */
  busy: number;
  /** Part of it that a hypervisor gave to others. */
  steal: number;
  /** Longest that this process was late, in milliseconds. */
  lagMs: number;
}

/** Beyond these the lab machine has no time left: all processors busy, taken by a hypervisor, or this process kept from running. */
const SATURATED = { busy: 0.97, steal: 0.2, lagMs: 400 };

/** A part of a sentence; null when it had time. */
export function saturation({ busy, steal, lagMs }: HostLoad): string | null {
  const percent = (part: number) => `${Math.round(part * 100)} %`;
  if (steal >= SATURATED.steal) return `others took ${percent(steal)} of the lab machine's processors`;
  if (busy >= SATURATED.busy) return `the lab machine's processors were ${percent(busy)} busy`;
  return lagMs >= SATURATED.lagMs ? `the lab controller was ${lagMs} ms late` : null;
}

/** Why a mean over these times says little: the machine had no time in a third of them. Null when it had. */
export function mostlySaturated(loads: readonly HostLoad[]): string | null {
  const bad = loads.map(saturation).filter((why) => why !== null);
  return bad.length > 0 && bad.length >= loads.length / 3 ? (bad[0] ?? null) : null;
}
