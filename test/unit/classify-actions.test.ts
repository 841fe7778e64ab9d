/** Failures that follow from what the harness itself did are none. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { countingHits } from '../../lab/verdict/classify/filter.ts';
import type { HarnessAction } from '../../lab/verdict/classify/finding.ts';
import { type Hit, hitOf } from '../../lab/verdict/classify/hit.ts';
import type { FailureClass } from '../../lab/verdict/signatures/signature.ts';

function hit(kind: FailureClass, atS: number): Hit {
  return hitOf({
    signature: {
      ...{ id: `some/${kind}`, literals: ['some text'], pattern: null, class: kind, blame: 'product' },
      ...{ role: 'root', meaning: 'it fails', next: 'look', source: 'a test' },
    },
    ...{ text: 'some text', groups: {}, lines: [1, 1], atS },
  });
}

/** Whether a failure counts that comes so many seconds after the beginning of an action of 10 s. */
function counts(
  action: HarnessAction['kind'],
  kind: FailureClass,
  afterS: number,
  signatures?: string[],
): boolean {
  const did = { kind: action, fromS: 100, toS: 110, ...(signatures ? { signatures } : {}) };
  return countingHits([hit(kind, 100 + afterS)], [did]).length === 1;
}

describe('what the harness did', () => {
  const follows: [HarnessAction['kind'], FailureClass[]][] = [
    ['power', ['usb-disconnect', 'deauth', 'fs-error', 'watchdog-reset']],
    ['reset', ['usb-disconnect', 'usb-error', 'beacon-loss']],
    ['freeze', ['lockup', 'rcu-stall', 'hung-task', 'beacon-loss', 'tx-stall']],
    ['snapshot', ['lockup', 'rcu-stall', 'deauth']],
    ['unload', ['deauth', 'usb-disconnect', 'ap-start-fail']],
    ['link-down', ['deauth', 'assoc-fail', 'handshake-timeout', 'beacon-loss']],
    ['network-cut', ['dhcp-fail', 'no-data']],
  ];
  for (const [action, classes] of follows) {
    it(`explains ${classes.join(', ')} (${action}), and no crash`, () => {
      for (const kind of classes) assert.ok(!counts(action, kind, 5), kind);
      for (const kind of ['oops', 'panic', 'warn', 'fw-crash'] as const)
        assert.ok(counts(action, kind, 5), kind);
    });
  }

  it('explains nothing from before it, and nothing long after it', () => {
    for (const [action, [kind]] of follows) {
      assert.ok(kind);
      assert.ok(counts(action, kind, -5), action);
      assert.ok(counts(action, kind, 10 + 60), action);
    }
  });

  it('explains no failure to load, for that is what loading is watched for', () => {
    for (const kind of ['probe-fail', 'module-mismatch', 'fw-missing'] as const)
      assert.ok(counts('load', kind, 5));
  });
});

describe('what a test provokes', () => {
  it('is expected by signature, class or group, or whatever it is', () => {
    for (const names of [[], ['oops'], ['some/oops'], ['some/*']])
      assert.ok(!counts('provoked', 'oops', 5, names));
    for (const names of [['panic'], ['other/*']]) assert.ok(counts('provoked', 'oops', 5, names));
  });

  it('is expected only while it is provoked', () => {
    assert.ok(counts('provoked', 'oops', 20, []));
    assert.ok(counts('provoked', 'oops', -5, []));
  });
});
