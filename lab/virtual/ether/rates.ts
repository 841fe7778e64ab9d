/** Rates of 802.11 as mac80211_hwsim numbers them: how long a frame takes at one, and how good a signal it needs. */
import type { RateTry } from './netlink.ts';

/** Bits of enum hwsim_tx_rate_flags. */
const FLAG = { mcs: 8, mhz40: 32, shortGuard: 128, vht: 256, mhz80: 512 } as const;

/** Mbit/s in the order of the driver's table; bands above 2.4 GHz begin at the fifth. */
const LEGACY = [1, 2, 5.5, 11, 6, 9, 12, 18, 24, 36, 48, 54];
const CCK_RATES = 4;
/** Data bits of an OFDM symbol of one stream at 20 MHz, by modulation and coding (MCS 0 to 9). */
const BITS_20MHZ = [26, 52, 78, 104, 156, 208, 234, 260, 312, 1040 / 3];
/** Carriers of data against those of 20 MHz. */
const WIDTH_40 = 108 / 52;
const WIDTH_80 = 234 / 52;
/** Signal over noise in dB at which half of the frames are lost, by MCS; of the receiver's minimum sensitivity (802.11-2020, 19.3.19.2). */
const NEEDED_DB = [5, 8, 10, 13, 16, 20, 21, 22, 26, 28];
/** That of the legacy rates by the MCS of the same modulation. */
const LEGACY_MCS = [0, 0, 0, 1, 0, 0, 1, 2, 3, 4, 5, 7];
/** How fast losses grow around that: dB from one half to one quarter. */
const SLOPE_DB = 0.7;

/** Microseconds beside the bits of a frame: the wait for the medium (DIFS and the mean back-off), and its acknowledgement. */
const WAIT_US = 34 + 7.5 * 9;
const ACK_US = 16 + 28;
const PREAMBLE_US = { cck: 192, ofdm: 20, ht: 36, vht: 40 } as const;

/** Bits a second. */
export function rateOf({ index, flags }: RateTry, frequencyMhz: number): number {
  const streams = flags & FLAG.vht ? (index >> 4) + 1 : (index >> 3) + 1;
  if (!(flags & (FLAG.mcs | FLAG.vht))) return legacy(index, frequencyMhz) * 1e6;
  const width = flags & FLAG.mhz80 ? WIDTH_80 : flags & FLAG.mhz40 ? WIDTH_40 : 1;
  const symbolUs = flags & FLAG.shortGuard ? 3.6 : 4;
  return ((BITS_20MHZ[mcsOf(index, flags)] ?? 26) * width * streams * 1e6) / symbolUs;
}

/** How long one try of sending a frame keeps the medium, in milliseconds. */
export function airtimeMs(rate: RateTry, frequencyMhz: number, bytes: number, acknowledged: boolean): number {
  const { flags, index } = rate;
  const cck = frequencyMhz < 3000 && index < CCK_RATES;
  const preamble =
    flags & FLAG.vht
      ? PREAMBLE_US.vht
      : flags & FLAG.mcs
        ? PREAMBLE_US.ht
        : cck
          ? PREAMBLE_US.cck
          : PREAMBLE_US.ofdm;
  const bits = ((bytes + 4) * 8 * 1e6) / rateOf(rate, frequencyMhz);
  return (WAIT_US + preamble + bits + (acknowledged ? ACK_US : 0)) / 1000;
}

/** Share of tries that are lost at a signal over noise in dB. */
export function lossAt({ index, flags }: RateTry, frequencyMhz: number, snrDb: number): number {
  const modern = (flags & (FLAG.mcs | FLAG.vht)) !== 0;
  const mcs = modern ? mcsOf(index, flags) : (LEGACY_MCS[legacyPlace(index, frequencyMhz)] ?? 0);
  const spare = snrDb - (NEEDED_DB[mcs] ?? 28);
  return 1 / (1 + Math.exp((spare * Math.log(3)) / SLOPE_DB));
}

/** The legacy rate by which a receiver is told of a frame: it can't be told of others. */
export function receivedRate({ index, flags }: RateTry, frequencyMhz: number): number {
  const count = LEGACY.length - (frequencyMhz < 3000 ? 0 : CCK_RATES);
  return flags & (FLAG.mcs | FLAG.vht) ? count - 1 : Math.min(Math.max(index, 0), count - 1);
}

function mcsOf(index: number, flags: number): number {
  return flags & FLAG.vht ? index & 15 : index & 7;
}

function legacy(index: number, frequencyMhz: number): number {
  return LEGACY[legacyPlace(index, frequencyMhz)] ?? 1;
}

function legacyPlace(index: number, frequencyMhz: number): number {
  return index + (frequencyMhz < 3000 ? 0 : CCK_RATES);
}
