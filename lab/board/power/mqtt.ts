/** A switch behind an MQTT broker: a command topic and, where it has one, a topic that tells its state. */
import { z } from 'zod';
import { secret } from '../../config/fields.ts';
import { LabError } from '../../errors.ts';
import { powerBackend } from './backend.ts';
import { mqttPublish, mqttRead } from './mqtt-session.ts';

const topic = z.string().regex(/^[^+#\0]+$/, 'expected a topic without wildcards');

export const mqtt = powerBackend({
  title: 'MQTT',
  config: z.strictObject({
    type: z.literal('mqtt'),
    broker: z.url({ protocol: /^mqtts?$/, error: 'expected an mqtt:// or mqtts:// address' }),
    user: z.string().optional(),
    password: secret.optional(),
    command: topic,
    on: z.string().default('ON'),
    off: z.string().default('OFF'),
    state: topic.optional().describe('on which it tells its state, retained or when asked'),
    ask: z
      .strictObject({ topic, payload: z.string().default('') })
      .optional()
      .describe('what makes it tell'),
    stateOn: z.string().default('ON'),
    stateOff: z.string().default('OFF'),
  }),
  create: (config) => {
    const { broker, user, password, command, on, off, state: topicOfState, ask, stateOn, stateOff } = config;
    const name = `the switch ${command} at ${broker}`;
    const target = { name, broker, user, password: () => password?.reveal() };
    const publish = (payload: string, signal: AbortSignal) => mqttPublish(target, command, payload, signal);
    const switching = {
      name,
      on: (s: AbortSignal) => publish(on, s),
      off: (s: AbortSignal) => publish(off, s),
    };
    if (topicOfState === undefined) return switching;
    return {
      ...switching,
      state: async (signal) => {
        const said = await mqttRead(target, topicOfState, ask, signal);
        if (said !== stateOn && said !== stateOff)
          throw new LabError(`${name} says ${JSON.stringify(said.slice(0, 80))} of its state`, {
            code: 'switch-refused',
            hint: `expected ${stateOn} or ${stateOff}: set stateOn and stateOff in the lab file`,
          });
        return said === stateOn ? 'on' : 'off';
      },
    };
  },
});
