/** IPv4 addresses with their prefix, and the pool that a DHCP server there can give from. */
import { z } from 'zod';
import { ConfigError } from '../errors.ts';

/** Stations that a pool has room for, where the network is large enough. */
const POOL = 100;

export const Cidr = z.cidrv4('an IPv4 address with its prefix, such as 192.168.77.1/24');

export function withoutPrefix(cidr: string): string {
  return cidr.slice(0, cidr.indexOf('/'));
}

/**
 * First and last address of a pool beside `cidr` in its network: the larger of the two stretches that the address leaves,
 * at most 100. Throws ConfigError when the network has no other address.
 */
export function dhcpPool(cidr: string): { first: string; last: string; netmask: string } {
  const prefix = Number(cidr.slice(cidr.indexOf('/') + 1));
  const size = 2 ** (32 - prefix);
  const own = toNumber(withoutPrefix(cidr));
  const network = own - (own % size);
  const [lowest, highest] = [network + 1, network + size - 2];
  const below = own - lowest;
  const above = highest - own;
  const room = Math.min(POOL, Math.max(below, above));
  if (prefix > 30 || room < 1 || own < lowest || own > highest) {
    throw new ConfigError(`${cidr} leaves no address for a station`, {
      code: 'bad-address',
      hint: 'use a network of /30 or larger, and neither its first nor its last address',
    });
  }
  const first = above >= below ? own + 1 : own - room;
  return { first: toText(first), last: toText(first + room - 1), netmask: toText(2 ** 32 - size) };
}

function toNumber(address: string): number {
  return address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
}

function toText(address: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.');
}
