/** The registry of device profiles: a new kind of board is one file here and one line below. */
import type { DeviceProfile } from './profile.ts';
import { virtual } from './virtual.ts';

export const PROFILES: Readonly<Record<string, DeviceProfile>> = { [virtual.name]: virtual };
export type { DeviceProfile, WifiRadio } from './profile.ts';
