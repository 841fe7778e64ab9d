/** A plug with Tasmota over HTTP (tasmota.github.io/docs/Commands, "With Web Requests"). */
import { z } from 'zod';
import { host, secret, tcpPort } from '../../config/fields.ts';
import { powerBackend, type SwitchState } from './backend.ts';
import { httpGet, jsonOf, refused } from './http.ts';

const Answer = z.record(z.string(), z.unknown());

export const tasmota = powerBackend({
  title: 'Tasmota over HTTP',
  config: z.strictObject({
    type: z.literal('tasmota'),
    host,
    port: tcpPort.default(80),
    relay: z.int().min(1).max(32).default(1),
    user: z.string().default('admin'),
    password: secret.optional(),
  }),
  create: ({ host: address, port, relay, user, password }) => {
    const name = `relay ${relay} of the Tasmota plug ${address}`;
    const command = async (text: string, signal: AbortSignal): Promise<SwitchState> => {
      const url = new URL(`http://${address}:${port}/cm`);
      url.searchParams.set('cmnd', text);
      if (password) {
        url.searchParams.set('user', user);
        url.searchParams.set('password', password.reveal());
      }
      const body = await httpGet(name, url, { signal });
      const answer = Answer.catch({}).parse(jsonOf(name, body));
      // With one relay it is called POWER, with more POWER1 and so on.
      const state = answer[`POWER${relay}`] ?? (relay === 1 ? answer.POWER : undefined);
      if (state !== 'ON' && state !== 'OFF') throw refused(name, body.slice(0, 200));
      return state === 'ON' ? 'on' : 'off';
    };
    return {
      name,
      on: async (signal) => void (await command(`Power${relay} On`, signal)),
      off: async (signal) => void (await command(`Power${relay} Off`, signal)),
      state: (signal) => command(`Power${relay}`, signal),
    };
  },
});
