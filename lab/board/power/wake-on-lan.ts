/** A PC that wakes by a magic packet (AMD, "Magic Packet Technology"), and is shut down by SSH. */
import { createSocket } from 'node:dgram';
import { z } from 'zod';
import { host, tcpPort } from '../../config/fields.ts';
import { LabError, messageOf } from '../../errors.ts';
import { powerBackend } from './backend.ts';

/** Six bytes of ones, then the address sixteen times. */
export function magicPacket(mac: string): Buffer {
  const address = Buffer.from(mac.replaceAll(/[:-]/g, ''), 'hex');
  return Buffer.concat([Buffer.alloc(6, 0xff), ...Array.from({ length: 16 }, () => address)]);
}

export const wakeOnLan = powerBackend({
  title: 'Wake-on-LAN, and power-off by SSH',
  config: z.strictObject({
    type: z.literal('wake-on-lan'),
    mac: z
      .string()
      .regex(/^([0-9a-f]{2}[:-]){5}[0-9a-f]{2}$/i, 'expected an Ethernet address, such as 52:54:00:12:34:56'),
    broadcast: host.default('255.255.255.255').describe('of the network it is in'),
    port: tcpPort.default(9),
    off: z.string().default('poweroff').describe('command on the board'),
  }),
  create: ({ mac, broadcast, port, off }, { board, onBoard }) => {
    const name = `Wake-on-LAN of ${mac}`;
    const wake = async (): Promise<void> => {
      const socket = createSocket('udp4');
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      socket.on('error', reject);
      socket.bind(() => {
        socket.setBroadcast(true);
        socket.send(magicPacket(mac), port, broadcast, (error) => (error ? reject(error) : resolve()));
      });
      try {
        await promise;
      } catch (cause) {
        throw new LabError(`${board} can't be woken: ${messageOf(cause)}`, {
          board,
          code: 'switch-unreachable',
          cause,
        });
      } finally {
        socket.close();
      }
    };
    return { name, on: wake, off: (signal) => onBoard(off, signal) };
  },
});
