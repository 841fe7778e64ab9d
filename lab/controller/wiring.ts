/** Makes the hardware of a board on the bench from its part of the lab file. */
import type { BootPlace, KnownGood } from '../board/boot/place.ts';
import { powerContext } from '../board/power/context.ts';
import { PowerControl, PowerPolicy } from '../board/power/control.ts';
import { makeSwitch } from '../board/power/index.ts';
import { awaitSilence } from '../board/power/silence.ts';
import { WiredHardware } from '../board/wired.ts';
import type { Wiring } from '../config/lab.ts';
import type { KnownGoodEntry, NetbootEntry } from '../config/schema.ts';
import { defined } from '../defined.ts';

export interface WiringOptions {
  name: string;
  wiring: Wiring;
  /** The board's folder. */
  dir: string;
  /** Asks somebody at the bench. */
  ask: (request: string, signal: AbortSignal) => Promise<void>;
}

export function wiredHardware({ name, wiring, dir, ask }: WiringOptions): WiredHardware {
  const { power, powerPolicy, console: cable, ssh, netboot, knownGood } = wiring;
  return new WiredHardware({
    ...{ board: name, dir, console: cable, ssh },
    bootPlace: netboot === null ? null : placeOf(netboot),
    knownGood: knownGood === null ? null : goodOf(knownGood),
    power:
      power === 'none'
        ? null
        : ({ console: port, remote }) => {
            const onBoard = async (command: string, signal: AbortSignal): Promise<void> =>
              void (await remote.run(`(sleep 1; ${command}) </dev/null >/dev/null 2>&1 &`, { signal }));
            return new PowerControl({
              board: name,
              outlet: makeSwitch(power, powerContext(name, { ask, onBoard })),
              policy: powerPolicy ?? PowerPolicy.parse({}),
              isSilent: (withinMs, signal) => awaitSilence({ console: port, ssh }, withinMs, signal),
            });
          },
  });
}

function placeOf({ by, serve, port, address }: NetbootEntry): BootPlace {
  return {
    source: {
      ...{ by, serverip: serve, port: port ?? (by === 'tftp' ? 69 : 80), prefix: '' },
      network: address === 'dhcp' ? address : { ipaddr: address },
    },
  };
}

function goodOf({ args, ...files }: KnownGoodEntry): KnownGood {
  return { ...defined(files), bootargs: args };
}
