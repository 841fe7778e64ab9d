/** An outlet of a PDU that speaks SNMP; the kinds of PDU are data in snmp-classes.ts. */
import type { VarbindValue } from 'net-snmp';
import { z } from 'zod';
import { host, secret, tcpPort } from '../../config/fields.ts';
import { ConfigError, LabError } from '../../errors.ts';
import { powerBackend } from './backend.ts';
import { SNMP_CLASSES, type SnmpClass } from './snmp-classes.ts';
import { snmpGet, snmpSet } from './snmp-session.ts';

const oid = z
  .string()
  .regex(/^\d+(\.(\d+|\{outlet\}))+$/, 'expected an OID such as 1.3.6.1.4.1.318.1.1.4.4.2.1.3.{outlet}');
const Custom = z.strictObject({
  command: oid,
  on: z.int(),
  off: z.int(),
  status: oid.optional(),
  statusOn: z.int().optional(),
});

export const snmp = powerBackend({
  title: 'PDU by SNMP (APC, Raritan, Gude, or given OIDs)',
  config: z.strictObject({
    type: z.literal('snmp'),
    host,
    port: tcpPort.default(161),
    version: z.enum(['1', '2c']).default('1'),
    community: secret.describe('with the right to write'),
    class: z.enum(Object.keys(SNMP_CLASSES)).optional(),
    oids: Custom.optional().describe('in place of class'),
    outlet: z.int().min(1),
  }),
  create: ({ class: kind, oids, outlet, ...target }) => {
    const name = `outlet ${outlet} of the PDU ${target.host}`;
    const known: Readonly<Record<string, SnmpClass>> = SNMP_CLASSES;
    const found = oids ? { title: 'PDU', ...oids } : known[kind ?? ''];
    if (!found)
      throw new ConfigError(`${name}: which kind of PDU is it?`, {
        hint: `class: ${Object.keys(known).join(', ')}; or oids`,
      });
    const place = (text: string) => text.replace('{outlet}', String(outlet));
    const session = { ...target, community: () => target.community.reveal(), what: name };
    const set = (value: number, signal: AbortSignal) => snmpSet(session, place(found.command), value, signal);
    return {
      name,
      on: (signal) => set(found.on, signal),
      off: (signal) => set(found.off, signal),
      state: async (signal) => {
        const value: VarbindValue | undefined = await snmpGet(
          session,
          place(found.status ?? found.command),
          signal,
        );
        if (typeof value !== 'number')
          throw new LabError(`${name} says ${String(value)} of its state`, { code: 'switch-refused' });
        return value === (found.statusOn ?? found.on) ? 'on' : 'off';
      },
    };
  },
});
