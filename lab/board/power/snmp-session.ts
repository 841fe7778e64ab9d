/** One request to an SNMP agent, by the net-snmp package. */
import type { Session, Varbind, VarbindValue } from 'net-snmp';
import { LabError, messageOf } from '../../errors.ts';

export interface SnmpTarget {
  /** For messages. */
  what: string;
  host: string;
  port: number;
  version: '1' | '2c';
  community: () => string;
}

export async function snmpGet(
  target: SnmpTarget,
  oid: string,
  signal: AbortSignal,
): Promise<VarbindValue | undefined> {
  const varbinds = await exchange(target, signal, (session, done) => session.get([oid], done));
  return varbinds[0]?.value;
}

/** Writes an INTEGER. */
export async function snmpSet(
  target: SnmpTarget,
  oid: string,
  value: number,
  signal: AbortSignal,
): Promise<void> {
  const { default: snmp } = await import('net-snmp');
  const varbind = { oid, type: snmp.ObjectType.Integer, value };
  await exchange(target, signal, (session, done) => session.set([varbind], done));
}

async function exchange(
  { what, host, port, version, community }: SnmpTarget,
  signal: AbortSignal,
  ask: (session: Session, done: (error: Error | null, varbinds?: Varbind[]) => void) => void,
): Promise<Varbind[]> {
  // Loaded by those labs alone that have such a PDU.
  const { default: snmp } = await import('net-snmp');
  const session = snmp.createSession(host, community(), {
    port,
    version: version === '1' ? snmp.Version1 : snmp.Version2c,
    retries: 2,
    timeout: 3000,
  });
  const { promise, resolve, reject } = Promise.withResolvers<Varbind[]>();
  const leave = () => reject(signal.reason);
  signal.addEventListener('abort', leave, { once: true });
  // An error of the socket that belongs to no request.
  session.on('error', reject);
  try {
    signal.throwIfAborted();
    ask(session, (error, varbinds) => (error ? reject(error) : resolve(varbinds ?? [])));
    const varbinds = await promise;
    for (const each of varbinds) if (snmp.isVarbindError(each)) throw new Error(snmp.varbindError(each));
    return varbinds;
  } catch (cause) {
    if (signal.aborted) throw cause;
    const silent = /timed out/i.test(messageOf(cause));
    throw new LabError(`${what} ${silent ? "can't be reached" : 'refused'} by SNMP: ${messageOf(cause)}`, {
      code: silent ? 'switch-unreachable' : 'switch-refused',
      hint: 'check address, community (it must be allowed to write) and outlet in the lab file',
      cause,
    });
  } finally {
    signal.removeEventListener('abort', leave);
    session.close();
  }
}
