/** SIM cards, as ModemManager, AT commands and the scripts of OpenWrt tell of them. */
import { line } from './line.ts';
import type { Signature } from './signature.ts';

const SIM = { class: 'sim-error', blame: 'config', role: 'root' } as const;
const MM = { source: 'ModemManager 1.6 to 1.24' } as const;
const OPENWRT = { source: 'qmi.sh, mbim.sh, ncm.sh of OpenWrt 22 to 24' } as const;

/** `[modem0/sim0] ` and the like. */
const OBJECT = { prefix: '\\[(?<device>modem\\d{1,4})[\\w/-]{0,24}\\] ' } as const;
/** What netifd passes on: `netifd: wan (1234): `. */
const CHILD = { prefix: '(?<device>[\\w.-]{1,20}) \\(\\d{1,7}\\): (?:mbim\\[\\d{1,7}\\] )?' } as const;

const SIM_CARD =
  'mmcli -i 0; is the SIM in its slot, unlocked and not used up by wrong PINs? Try no PIN twice';

export const sim: readonly Signature[] = [
  {
    ...SIM,
    ...MM,
    id: 'sim/missing',
    ...line([
      'MM_MODEM_STATE_FAILED_REASON_SIM_MISSING',
      'failed reason: sim-missing',
      'modem state failed: sim-missing',
      'SIM is not accessible',
    ]),
    meaning: 'The modem finds no SIM',
    next: SIM_CARD,
  },
  {
    ...SIM,
    ...MM,
    id: 'sim/locked-by',
    ...line('modem is locked with ', { after: "'?(?<reason>[\\w-]{3,24})" }),
    meaning: 'The SIM asks for a PIN or PUK',
    next: 'mmcli -i 0 --pin=PIN once; a wrong PIN three times blocks the SIM',
  },
  {
    ...SIM,
    ...MM,
    id: 'sim/pin',
    ...line('failed sending SIM PIN: ', { ...OBJECT, after: '(?<reason>[^\\n]{1,120})' }),
    meaning: 'The SIM does not take the PIN',
    next: 'Stop: three wrong PINs block the SIM; mmcli -i 0 tells how many tries are left',
  },
  {
    ...SIM,
    ...MM,
    id: 'sim/blocked',
    ...line('received critical sim error: SIM might be permanently blocked'),
    meaning: 'The SIM may be blocked for good',
    next: SIM_CARD,
  },
  {
    ...SIM,
    id: 'sim/at-code',
    ...line(['+CME ERROR: SIM ', '+CMS ERROR: SIM ', '+CME ERROR: incorrect password'], {
      after: '(?<reason>[\\w ]{0,30})',
    }),
    meaning: 'The SIM is missing, locked or does not work',
    next: SIM_CARD,
    when: [{ group: 'reason', is: ['busy'], means: { role: 'marker', meaning: 'The SIM is not ready yet' } }],
    source: '3GPP TS 27.007, 27.005',
  },
  {
    ...SIM,
    ...OPENWRT,
    id: 'sim/not-ready',
    ...line(
      [
        'SIM not initialized',
        'SIM in illegal state - Power-cycling SIM',
        'Subscriber init failed',
        'PIN status failed (',
      ],
      CHILD,
    ),
    meaning: 'The modem does not get on with its SIM',
    next: SIM_CARD,
  },
  {
    ...SIM,
    ...OPENWRT,
    id: 'sim/locked',
    ...line(
      ['PIN not specified but required', 'SIM locked PUK required', 'PIN verify count value is '],
      CHILD,
    ),
    meaning: 'The SIM asks for a PIN or PUK',
    next: 'uci set network.wan.pincode=PIN, once: a wrong PIN three times blocks the SIM',
  },
  {
    ...SIM,
    ...OPENWRT,
    id: 'sim/pin-refused',
    ...line('Unable to verify PIN', CHILD),
    meaning: 'The SIM does not take the PIN',
    next: 'Stop: three wrong PINs block the SIM; uqmi -d /dev/cdc-wdm0 --get-pin-status',
  },
];
