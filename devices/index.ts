/** The registry of device profiles: a new kind of board is one file here and one line below. */
import { bpiR2 } from './bpi-r2.ts';
import { linux } from './linux.ts';
import { openwrt } from './openwrt.ts';
import type { DeviceProfile } from './profile.ts';
import { virtual } from './virtual.ts';
import { virtualArm64 } from './virtual-arm64.ts';
import { virtualSmall } from './virtual-small.ts';

const ALL: readonly DeviceProfile[] = [virtual, virtualArm64, virtualSmall, linux, bpiR2, openwrt];

export const PROFILES: Readonly<Record<string, DeviceProfile>> = Object.fromEntries(
  ALL.map((profile) => [profile.name, profile]),
);
export type { DeviceProfile, WifiRadio } from './profile.ts';
