/** An outlet behind PDUDaemon (github.com/pdudaemon/pdudaemon, README "HTTP listener"). */
import { z } from 'zod';
import { host, httpUrl } from '../../config/fields.ts';
import { powerBackend } from './backend.ts';
import { httpGet } from './http.ts';

/** It has no read-back, and that of Debian 12 answers 200 also when its driver failed. */
export const pdudaemon = powerBackend({
  title: 'PDUDaemon over HTTP',
  config: z.strictObject({
    type: z.literal('pdudaemon'),
    url: httpUrl.default('http://127.0.0.1:16421'),
    hostname: host.describe('of the PDU, as in the configuration of PDUDaemon'),
    port: z.union([z.int(), z.string()], 'expected the number or name of an outlet'),
  }),
  create: ({ url, hostname, port }) => {
    const name = `outlet ${port} of ${hostname} by PDUDaemon`;
    const control = async (action: 'on' | 'off', signal: AbortSignal): Promise<void> => {
      const target = new URL(`power/control/${action}`, url.endsWith('/') ? url : `${url}/`);
      target.search = new URLSearchParams({ hostname, port: String(port) }).toString();
      await httpGet(name, target, { signal });
    };
    return { name, on: (signal) => control('on', signal), off: (signal) => control('off', signal) };
  },
});
