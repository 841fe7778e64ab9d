/** Errors that tests expect. */
import assert from 'node:assert/strict';
import { HilError } from '../lab/errors.ts';

/** The HilError that a promise rejects with. */
export async function failure(promise: Promise<unknown>): Promise<HilError> {
  const error: unknown = await promise.then(
    () => assert.fail('it succeeded'),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof HilError, String(error));
  return error;
}
