/** The driver under test of a leased board. */
import type { DeviceProfile } from '../../devices/profile.ts';
import type { LeasedBoard } from './board.ts';

/** Makes the board ready and loads its driver, unless it is; gives the board's profile. */
export async function loadDriver(board: LeasedBoard, signal: AbortSignal): Promise<DeviceProfile> {
  const { profile } = await board.ready({ signal });
  const { module, parameters } = profile.driver;
  const { loaded } = await board.call('module.loaded', { module }, { signal });
  if (!loaded) await board.call('module.load', { module, parameters }, { signal });
  return profile;
}
