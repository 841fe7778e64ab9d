/** What the code that works on a board is given: the board itself, where to record, and how to be undone. */
import type { DeviceProfile } from '../../devices/profile.ts';
import type { ObservableSink } from '../journal/event.ts';
import type { Remote } from './remote.ts';

export interface BoardContext {
  readonly name: string;
  /** Name of the peer of the lab file that this is; absent: it is the board. */
  readonly peer?: string;
  readonly profile: DeviceProfile;
  readonly remote: Remote;
  readonly journal: ObservableSink;
  /** Aborted when the lease ends or the board is lost; the reason is a HilError. */
  readonly signal: AbortSignal;
}
