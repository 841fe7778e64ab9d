/** Where the two ends of traffic run that is to cross a link. */
import type { DeviceProfile } from '../../devices/profile.ts';
import type { ApInfo } from '../links/ap-options.ts';
import type { StationInfo } from '../links/station-options.ts';
import type { FullIperf3Options } from './iperf3-options.ts';

/** The server beside the access point, the client in the station's namespace: all of it crosses the air. */
export function endsBetween(
  { radios }: DeviceProfile,
  ap: ApInfo,
  station: StationInfo,
): Pick<FullIperf3Options, 'server' | 'client'> {
  const radio = radios.find((each) => each.interface === ap.interface);
  return {
    server: { address: ap.address, namespace: radio?.namespace ?? null, peer: ap.peer },
    client: { namespace: station.namespace, peer: station.peer },
  };
}
