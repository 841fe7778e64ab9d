/** The named states of a board, and the ways between them, as a graph. Data and a search; lab/board/boot/reach.ts goes the ways. */

export const BOOT_STATES = ['off', 'bootloader', 'kernel', 'userland', 'ready'] as const;
export type BootState = (typeof BOOT_STATES)[number];

/** Between states, frozen, crashed, or not known: only power leads out of it. */
export type Whereabouts = BootState | 'unknown';

/** What a way needs of the board: something that switches it, a console to see by or none, a boot loader that can be driven. */
export type Means = 'switch' | 'console' | 'no console' | 'loader';

export interface Way {
  from: Whereabouts;
  to: BootState;
  /** What is done, as said while it is done. */
  does: 'cutting the power' | 'power on' | 'stopping it on its way' | 'booting on' | 'reboot' | 'waiting';
  needs: readonly Means[];
}

const OFF: Way = { from: 'ready', to: 'off', does: 'cutting the power', needs: ['switch'] };

/** Shorter ways are taken first, earlier ones where two are as long. */
export const WAYS: readonly Way[] = [
  { from: 'off', to: 'bootloader', does: 'stopping it on its way', needs: ['switch', 'console', 'loader'] },
  { from: 'off', to: 'kernel', does: 'power on', needs: ['switch', 'console'] },
  // Without a console only SSH tells that it is up.
  { from: 'off', to: 'ready', does: 'power on', needs: ['switch', 'no console'] },
  { from: 'bootloader', to: 'kernel', does: 'booting on', needs: ['console', 'loader'] },
  { from: 'kernel', to: 'userland', does: 'waiting', needs: ['console'] },
  { from: 'userland', to: 'ready', does: 'waiting', needs: [] },
  { from: 'ready', to: 'kernel', does: 'reboot', needs: ['console'] },
  OFF,
  { ...OFF, from: 'bootloader' },
  { ...OFF, from: 'kernel' },
  { ...OFF, from: 'userland' },
  { ...OFF, from: 'unknown' },
];

/** The shortest way, for a board that has these means; null where none leads there. */
export function pathTo(from: Whereabouts, to: BootState, has: ReadonlySet<Means>): Way[] | null {
  const reached = new Map<Whereabouts, Way[]>([[from, []]]);
  for (const [state, path] of reached) {
    if (state === to) return path;
    for (const way of WAYS)
      if (way.from === state && !reached.has(way.to) && way.needs.every((each) => has.has(each)))
        reached.set(way.to, [...path, way]);
  }
  return null;
}

/** What would lead there if the board had it. */
export function missingMeans(from: Whereabouts, to: BootState, has: ReadonlySet<Means>): Means[] {
  const path = pathTo(from, to, new Set<Means>(['switch', 'console', 'loader'])) ?? [];
  return [...new Set(path.flatMap(({ needs }) => needs))].filter((each) => !has.has(each));
}
