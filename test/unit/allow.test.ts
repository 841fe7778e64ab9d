/** Which findings fail a test, and how they are named where they are expected. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { PROFILES } from '../../devices/index.ts';
import { ConfigError } from '../../lab/errors.ts';
import {
  type Allowance,
  judgeFindings,
  names,
  parseAllowances,
  type ToldFinding,
} from '../../lab/verdict/allow.ts';
import { SIGNATURES } from '../../lab/verdict/signatures/index.ts';
import type { Role } from '../../lab/verdict/signatures/signature.ts';
import { findingLine, parseFindingLine } from '../../lab/verdict/told.ts';

const IDS = ['mt76/mcu-timeout', 'mt76/chip-reset', 'mac80211/deauth', 'usb/disconnect'];

function found(signature: string, given: Partial<ToldFinding> = {}): ToldFinding {
  return {
    ...{ signature, class: 'fw-timeout', role: 'cause', verdict: 'product', lines: [1, 1], count: 1 },
    ...{ text: 'a line', meaning: 'it fails', next: 'look', device: null, atS: null },
    ...given,
  } as ToldFinding;
}

const because = (signature: string): Allowance => ({ signature, reason: 'known' });
const ROLES: Readonly<Record<string, Role>> = { 'mt76/mcu-timeout': 'root', 'mt76/chip-reset': 'root' };
const unexpected = (findings: ToldFinding[], ...allow: string[]): string[] =>
  judgeFindings(findings, allow.map(because), (id) => ROLES[id] ?? 'symptom').unexpected.map(
    ({ signature }) => signature,
  );

describe('a finding that is expected', () => {
  it('is named by its signature, its class, or its group', () => {
    const finding = found('mt76/mcu-timeout');
    for (const name of ['mt76/mcu-timeout', 'fw-timeout', 'mt76/*']) assert.ok(names(name, finding), name);
    for (const name of ['mt76/mcu', 'mt76', 'mt7/*', '*', 'fw-crash']) assert.ok(!names(name, finding), name);
  });

  it('needs a reason and a name that exists; the nearest are told', () => {
    assert.deepEqual(parseAllowances([because('mt76/*'), because('deauth')], 'the test', IDS).length, 2);
    const refused: [unknown, RegExp][] = [
      [[{ signature: 'mt76/*', reason: ' ' }], /the test.*reason/s],
      [[{ signature: 'mt76/*' }], /the test/],
      [{ signature: 'mt76/*' }, /the test/],
      [[because('mt76/mcu-timeuot')], /no signature, class or group "mt76\/mcu-timeuot"/],
      [[because('mt77/*')], /mt77/],
    ];
    for (const [given, message] of refused) {
      assert.throws(
        () => parseAllowances(given, 'the test', IDS),
        (error) => error instanceof ConfigError && message.test(error.message),
      );
    }
    assert.throws(
      () => parseAllowances([because('mt76/mcu-timeuot')], 'the test', IDS),
      (error) => error instanceof ConfigError && /nearest: mt76\/mcu-timeout/.test(error.hint ?? ''),
    );
  });

  it('is allowed by the profiles of devices/ under names that exist', () => {
    const ids = SIGNATURES.map(({ id }) => id);
    for (const profile of Object.values(PROFILES)) parseAllowances(profile.allow, profile.name, ids);
  });
});

describe('a test that passed', () => {
  it('fails by causes that are the product’s, the primary one first', () => {
    const findings = [
      found('usb/disconnect', { role: 'root' }),
      found('mt76/mcu-timeout', { lines: [5, 5] }),
    ];
    assert.deepEqual(unexpected(findings), ['mt76/mcu-timeout', 'usb/disconnect']);
  });

  it('fails neither by the lab’s, nor by what follows from something else', () => {
    const lab = found('power/undervoltage', { verdict: 'lab' });
    const follows = found('mt76/mcu-timeout', { role: 'symptom', lines: [2, 2] });
    assert.deepEqual(unexpected([lab, follows]), []);
    assert.deepEqual(unexpected([lab, found('mac80211/deauth', { role: 'consequence' })]), []);
  });

  it('does not fail by what is allowed, nor by what follows from that', () => {
    const findings = [
      found('mt76/mcu-timeout'),
      found('mac80211/deauth', { class: 'deauth', role: 'symptom', lines: [2, 2] }),
    ];
    assert.deepEqual(unexpected(findings, 'mt76/mcu-timeout'), []);
    assert.deepEqual(unexpected(findings, 'deauth'), ['mt76/mcu-timeout']);
  });

  it('fails by another root that stands beside an allowed one', () => {
    const findings = [
      found('mt76/mcu-timeout'),
      found('mt76/chip-reset', { role: 'symptom', lines: [2, 2] }),
    ];
    assert.deepEqual(unexpected(findings, 'mt76/mcu-timeout'), ['mt76/chip-reset']);
    assert.deepEqual(unexpected(findings, 'mt76/*'), []);
  });

  it('tells what was allowed, and why', () => {
    const { allowed } = judgeFindings([found('mt76/mcu-timeout')], [because('mt76/*')], () => 'root');
    assert.deepEqual(
      allowed.map(({ finding, reason }) => [finding.signature, reason]),
      [['mt76/mcu-timeout', 'known']],
    );
  });
});

describe('a finding on one line', () => {
  it('is read as it was written', () => {
    const word = fc.stringMatching(/^[a-z0-9/-]{1,30}$/);
    const finding = fc.record({
      ...{ class: word, signature: word, text: fc.string({ maxLength: 300 }) },
      verdict: fc.constantFrom('product' as const, 'lab' as const, 'config' as const),
    });
    fc.assert(
      fc.property(finding, (one) => assert.deepEqual(parseFindingLine(findingLine(one)), { ...one })),
    );
  });

  it('is nothing else', () => {
    for (const line of ['', 'a b c', 'deauth x (nobody): text']) assert.equal(parseFindingLine(line), null);
  });
});
