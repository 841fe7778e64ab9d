import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ConfigError } from '../../lab/errors.ts';
import { Cidr, dhcpPool, withoutPrefix } from '../../lab/links/address.ts';

function toNumber(address: string): number {
  return address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
}

test('the pool of an access point lies beside its address', () => {
  assert.deepEqual(dhcpPool('192.168.77.1/24'), {
    first: '192.168.77.2',
    last: '192.168.77.101',
    netmask: '255.255.255.0',
  });
  assert.deepEqual(dhcpPool('10.9.8.30/28'), {
    first: '10.9.8.17',
    last: '10.9.8.29',
    netmask: '255.255.255.240',
  });
  assert.deepEqual(dhcpPool('192.168.77.254/24').last, '192.168.77.253');
});

test('every pool lies within its network, without the address itself, the first and the last', () => {
  const networks = fc.tuple(fc.nat(2 ** 32 - 1), fc.integer({ min: 8, max: 30 }));
  fc.assert(
    fc.property(networks, ([number, prefix]) => {
      const text = [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256).join('.');
      const size = 2 ** (32 - prefix);
      const network = number - (number % size);
      const edge = number === network || number === network + size - 1;
      if (edge) {
        assert.throws(() => dhcpPool(`${text}/${prefix}`), ConfigError);
        return;
      }
      const { first, last } = dhcpPool(`${text}/${prefix}`);
      const [low, high] = [toNumber(first), toNumber(last)];
      assert.ok(low > network && high < network + size - 1 && low <= high);
      assert.ok(number < low || number > high);
    }),
  );
});

test('what is no address, or leaves no room, is refused', () => {
  assert.throws(() => dhcpPool('192.168.77.1/31'), /leaves no address for a station/);
  assert.throws(() => dhcpPool('192.168.77.1/32'), ConfigError);
  for (const wrong of [
    '192.168.77.1',
    '192.168.77.256/24',
    '192.168.77.1/33',
    'fe80::1/64',
    '1.2.3.4/24; id',
  ])
    assert.equal(Cidr.safeParse(wrong).success, false, wrong);
  assert.equal(withoutPrefix('192.168.77.1/24'), '192.168.77.1');
});
