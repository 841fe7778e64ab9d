/** The boards of this lab. Without a description of real ones it is the virtual lab. */
import { type DeviceProfile, PROFILES } from '../../devices/index.ts';
import { ConfigError } from '../errors.ts';

export interface BoardConfig {
  name: string;
  profile: DeviceProfile;
}

export interface LabConfig {
  boards: readonly BoardConfig[];
}

/** Four boards: what two cores can keep busy. None runs before it is used. */
const VIRTUAL_BOARDS = ['vb1', 'vb2', 'vb3', 'vb4'];

export function virtualLab(): LabConfig {
  const profile = PROFILES.virtual;
  if (!profile) throw new ConfigError('devices/ has no profile "virtual"');
  return { boards: VIRTUAL_BOARDS.map((name) => ({ name, profile })) };
}
