/** What methods have in common that act under a lease. */
import type { LeasedMethod, LeaseRef, ParsedParams, Result } from '../rpc/schema.ts';
import type { Controller } from './controller.ts';
import type { Call } from './server.ts';
import type { Session } from './session.ts';

/** How long is waited for something that a call names no time for. */
export const EXPECT_MS = 30_000;

/** Makes handlers: `held` of a method under a lease, `onBoard` of one that needs its board to be up. */
export function leasedMethods(lab: Controller) {
  /** A method under a lease: checked, and a sign of life of its holder. */
  const held =
    <M extends LeasedMethod>(work: (session: Session, call: Call<M>) => Promise<Result<M>> | Result<M>) =>
    (call: Call<M>): Promise<Result<M>> | Result<M> =>
      work(lab.session(leaseOf(call), call.connection), call);
  /** A method that needs the board to be up; given up when the call, the lease or the board ends. */
  const onBoard = <M extends LeasedMethod>(
    work: (
      session: Session,
      params: ParsedParams<M>,
      signal: AbortSignal,
      emit: Call<M>['emit'],
    ) => Promise<Result<M>>,
  ) =>
    held<M>((session, { params, signal, emit }) =>
      session.onBoard(signal, (all) => work(session, params, all, emit)),
    );

  return { held, onBoard };
}

/** The lease that a call shows: LeasedMethod says that its parameters have one. */
function leaseOf<M extends LeasedMethod>({ params }: Call<M>): LeaseRef {
  const { lease }: { lease: LeaseRef } = params;
  return lease;
}
