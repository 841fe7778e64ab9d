/** A Shelly plug or relay: generation 1 by /relay, later ones by RPC (shelly-api-docs.shelly.cloud, "Switch"). */
import { z } from 'zod';
import { host, secret } from '../../config/fields.ts';
import { powerBackend } from './backend.ts';
import { digestAnswer } from './digest.ts';
import { httpGet, jsonOf, refused, request } from './http.ts';

const Gen1 = z.object({ ison: z.boolean() });
const Gen2 = z.object({ output: z.boolean() });

export const shelly = powerBackend({
  title: 'Shelly over HTTP, generation 1 and 2+',
  config: z.strictObject({
    type: z.literal('shelly'),
    host,
    generation: z.union([z.literal(1), z.literal(2)], 'expected 1, or 2 for all later ones').default(2),
    channel: z.int().min(0).max(15).default(0),
    user: z.string().default('admin'),
    password: secret.optional(),
  }),
  create: ({ host: address, generation, channel, user, password }) => {
    const name = `channel ${channel} of the Shelly ${address}`;
    const get = async (path: string, signal: AbortSignal): Promise<unknown> => {
      const url = new URL(path, `http://${address}`);
      if (!password) return jsonOf(name, await httpGet(name, url, { signal }));
      const basic = `Basic ${Buffer.from(`${user}:${password.reveal()}`).toString('base64')}`;
      if (generation === 1)
        return jsonOf(name, await httpGet(name, url, { signal, headers: { authorization: basic } }));
      const asked = await request(name, url, { signal });
      if (asked.status !== 401) return jsonOf(name, await asked.text());
      const uri = `${url.pathname}${url.search}`;
      const challenge = asked.headers.get('www-authenticate') ?? '';
      const answer = digestAnswer(challenge, { method: 'GET', uri, user, password: password.reveal() });
      if (answer === null) throw refused(name, 'it asks for a kind of password that we do not know');
      return jsonOf(name, await httpGet(name, url, { signal, headers: { authorization: answer } }));
    };
    const turn = async (on: boolean, signal: AbortSignal): Promise<void> => {
      const path =
        generation === 1
          ? `/relay/${channel}?turn=${on ? 'on' : 'off'}`
          : `/rpc/Switch.Set?id=${channel}&on=${on}`;
      await get(path, signal);
    };
    return {
      name,
      on: (signal) => turn(true, signal),
      off: (signal) => turn(false, signal),
      state: async (signal) => {
        const path = generation === 1 ? `/relay/${channel}` : `/rpc/Switch.GetStatus?id=${channel}`;
        const status = await get(path, signal);
        const parsed = generation === 1 ? Gen1.safeParse(status) : Gen2.safeParse(status);
        if (!parsed.success) throw refused(name, JSON.stringify(status).slice(0, 200));
        const on = 'ison' in parsed.data ? parsed.data.ison : parsed.data.output;
        return on ? 'on' : 'off';
      },
    };
  },
});
