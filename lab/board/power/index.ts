/** The registry of power switches: a new kind is one file here and one line below. */
import { z } from 'zod';
import { HarnessError } from '../../errors.ts';
import type { PowerBackend, PowerContext, PowerSwitch } from './backend.ts';
import { command } from './command.ts';
import { gpio } from './gpio.ts';
import { manual } from './manual.ts';
import { mqtt } from './mqtt.ts';
import { pdudaemon } from './pdudaemon.ts';
import { qmp } from './qmp.ts';
import { serialRelay } from './serial-relay.ts';
import { shelly } from './shelly.ts';
import { snmp } from './snmp.ts';
import { tasmota } from './tasmota.ts';
import { uhubctl } from './uhubctl.ts';
import { wakeOnLan } from './wake-on-lan.ts';

const BACKENDS = [
  pdudaemon,
  snmp,
  tasmota,
  shelly,
  mqtt,
  uhubctl,
  gpio,
  serialRelay,
  command,
  wakeOnLan,
  qmp,
  manual,
] as const;

const [first, ...rest] = BACKENDS;

export const PowerConfig = z.discriminatedUnion('type', [first.config, ...rest.map(({ config }) => config)]);
export type PowerConfig = z.output<typeof PowerConfig>;

/** The switch that a lab file describes. Opens nothing. */
export function makeSwitch(config: PowerConfig, context: PowerContext): PowerSwitch {
  const backend: PowerBackend | undefined = BACKENDS.find(
    (each) => each.config.shape.type.value === config.type,
  );
  if (!backend) throw new HarnessError(`no power switch of type ${config.type}`);
  return backend.create(config, context);
}
