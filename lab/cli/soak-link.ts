/** The link that a soak runs over: an access point and a station, of the board or of the peers it is linked with. */
import type { LeasedBoard } from '../client/board.ts';
import { loadDriver } from '../client/driver.ts';
import { ConfigError } from '../errors.ts';
import type { Params } from '../rpc/schema.ts';
import type { Step } from '../setup/steps.ts';
import { endsBetween } from '../traffic/ends.ts';
import { mbps } from '../verdict/soak/criteria.ts';

export const SECURITIES = ['open', 'wpa2', 'wpa3'] as const;
export const BANDS = ['2.4', '5'] as const;

export interface Links {
  ap: Params<'ap.start'>['options'];
  station: Params<'station.start'>['options'];
}

export interface LinkOptions {
  security: string;
  band: string;
  dips: string;
  /** Bits a second. */
  rate: number;
  floor?: number;
}

/** Throws ConfigError before a board is touched. */
export function linksOf({ security, band, dips, rate, floor }: LinkOptions): Links {
  const kind = SECURITIES.find((each) => each === security);
  const ghz = BANDS.find((each) => each === band);
  if (!kind)
    throw new ConfigError(`no security "${security}"`, { hint: `there are ${SECURITIES.join(', ')}` });
  if (!ghz) throw new ConfigError(`no band "${band}"`, { hint: `there are ${BANDS.join(' and ')} GHz` });
  if (!/^\d{1,6}$/.test(dips)) throw new ConfigError(`"${dips}" is no number of dips`);
  if (floor !== undefined && floor > rate)
    throw new ConfigError(`a floor of ${mbps(floor)} cannot hold at a rate of ${mbps(rate)}`);
  return { ap: { security: kind, band: ghz }, station: { security: kind } };
}

/** Loads the driver unless it is, starts both ends, and gives where traffic has to run to cross the air. */
export async function bringUpLink(
  board: LeasedBoard,
  links: Links,
  { signal, step }: { signal: AbortSignal; step: Step },
): Promise<ReturnType<typeof endsBetween>> {
  const profile = await loadDriver(board, signal);
  step.update({ detail: 'starting the access point' });
  const ap = (await board.call('ap.start', { options: links.ap }, { signal })).info;
  step.update({ detail: 'connecting the station' });
  const options = { ...links.station, frequencyMhz: ap.frequencyMhz };
  const station = (await board.call('station.start', { options }, { signal })).info;
  return endsBetween(profile, ap, station);
}
