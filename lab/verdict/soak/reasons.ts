/** Reason codes of deauthentications and disassociations: IEEE 802.11-2020, table 9-49. Not all, those that drivers send. */

const REASONS: Readonly<Record<number, string>> = {
  1: 'unspecified',
  2: 'authentication no longer valid',
  3: 'the station is leaving',
  4: 'inactivity',
  5: 'the access point has too many stations',
  6: 'a frame before authentication',
  7: 'a frame before association',
  8: 'the station has left',
  9: 'association before authentication',
  13: 'invalid information element',
  14: 'MIC failure',
  15: '4-way handshake timeout',
  16: 'group key handshake timeout',
  17: 'the 4-way handshake differs from the association',
  18: 'invalid group cipher',
  19: 'invalid pairwise cipher',
  20: 'invalid AKMP',
  23: '802.1X authentication failed',
  24: 'the cipher suite was rejected',
  34: 'poor channel conditions',
  36: 'the station is leaving the BSS',
  39: 'timeout',
  45: 'the peer has no cipher in common',
};

/** `4 (inactivity)` */
export function reasonText(code: number): string {
  const known = REASONS[code];
  return known === undefined ? String(code) : `${code} (${known})`;
}
