/** MediaTek MT6625L with the out-of-tree gen2 driver and its WMT, STP and HIF-SDIO layers. Lines are `function:(MODULE LEVEL)text`. */
import { line } from './line.ts';
import type { Signature } from './signature.ts';

const SOURCE = { source: 'mt6625l-wlan-gen2 and the WMT layer of MediaTek kernels' } as const;
const TIMEOUT = { class: 'fw-timeout', blame: 'product', role: 'root', ...SOURCE } as const;
const CRASH = { class: 'fw-crash', blame: 'product', role: 'root', ...SOURCE } as const;
const MISSING = { class: 'fw-missing', blame: 'product', role: 'root', ...SOURCE } as const;
const STALL = { class: 'tx-stall', blame: 'product', role: 'root', ...SOURCE } as const;
const DEAUTH = { class: 'deauth', blame: 'product', role: 'symptom', ...SOURCE } as const;
const PROBE = { class: 'probe-fail', blame: 'product', role: 'symptom', ...SOURCE } as const;
const BENIGN = {
  class: 'benign',
  blame: 'benign',
  role: 'benign',
  next: 'Nothing to do',
  ...SOURCE,
} as const;

/** What ends badly after the queue was stopped and woken in quick succession. */
const BAD_END = ['mt6625l/tc4-timeout', 'mt6625l/tx-resource', 'mt6625l/rx-deauth', 'mt6625l/go-rx-deauth'];
const RESTART = 'echo 0 > /dev/wmtWifi; echo 1 > /dev/wmtWifi; where that fails, power-cycle the board';
const LAUNCHER =
  'ps | grep wmt_launcher; ls -l /dev/stpwmt /etc/firmware /lib/firmware: it must run before Wi-Fi is turned on';
const POWER = 'Check the supply and reset of the combo chip, and what the device tree says of it';

export const mt6625l: readonly Signature[] = [
  {
    ...STALL,
    role: 'symptom',
    endedBy: { signatures: ['mt6625l/queue-wake'], withinS: 5 },
    id: 'mt6625l/queue-stop',
    literals: ['netif_stop_subqueue for '],
    pattern: /netif_stop_subqueue for \w{1,15}, Queue len: \d{1,6}/,
    meaning: 'The transmit queue is stopped at its limit and not woken within 5 s',
    next: 'ip -s link; look for "Tc4 timeout": the firmware does not give transmit credits back',
  },
  {
    // Flow control of a busy link; only in front of what ends badly is it the beginning of it.
    ...STALL,
    role: 'hint',
    confirmedBy: BAD_END,
    rate: { count: 3, withinS: 2 },
    id: 'mt6625l/queue-wake',
    literals: ['netif_wake_subqueue for bss: '],
    pattern: null,
    meaning: 'The transmit queue runs full over and over before the link is lost',
    next: 'ip -s link; lower the rate of the sender and see whether the link stays',
  },
  {
    ...STALL,
    id: 'mt6625l/tc4-timeout',
    literals: ['polling Tx resource for Tc'],
    pattern: /polling Tx resource for Tc(?<queue>\d) timeout/,
    meaning: 'The firmware does not give transmit credits back',
    next: RESTART,
  },
  {
    ...STALL,
    id: 'mt6625l/tx-resource',
    literals: ['Fail to get TX resource return within timeout'],
    pattern: null,
    meaning: 'The firmware does not give transmit credits back',
    next: RESTART,
  },
  {
    ...DEAUTH,
    id: 'mt6625l/rx-deauth',
    literals: ['Rx Deauth frame from BSSID'],
    pattern: null,
    meaning: 'The other side ends the connection with a deauthentication frame',
    next: 'Look for the reason code in the next lines and in the log of the other side at this time',
  },
  {
    ...DEAUTH,
    id: 'mt6625l/go-rx-deauth',
    literals: ['GO RX Deauth Reason: '],
    pattern: /GO RX Deauth Reason: (?<reason>\d{1,3})/,
    meaning: 'A client of the access point ends the connection',
    next: 'Reason 3 or 8 is a client that leaves; others: look at the log of the client at this time',
    when: [{ group: 'reason', is: ['3', '8'], means: { meaning: 'A client leaves the access point' } }],
  },
  {
    ...DEAUTH,
    id: 'mt6625l/rx-disassoc',
    literals: ['Rx Disassoc frame from BSSID', 'GO RX Disassoc Reason: '],
    pattern: null,
    meaning: 'The other side ends the association',
    next: 'Look for the reason code in the log of the other side at this time',
  },
  {
    ...DEAUTH,
    class: 'beacon-loss',
    id: 'mt6625l/beacon-timeout',
    literals: ['Beacon Timeout Reason = ', 'EVENT_ID_BSS_BEACON_TIMEOUT'],
    pattern: null,
    meaning: 'No beacons of the access point are heard any more',
    next: 'Check signal and channel: iw dev wlan0 station dump; does the access point still send?',
  },
  {
    ...TIMEOUT,
    id: 'mt6625l/rx-response',
    literals: ['RX_RESPONSE_TIMEOUT1', 'RX_RESPONSE_TIMEOUT2', 'RX_RESPONSE_TIMEOUT'],
    pattern: null,
    meaning: 'The chip does not answer a read of its received packets',
    next: RESTART,
  },
  {
    ...TIMEOUT,
    id: 'mt6625l/ready-bit',
    literals: ['Waiting for Ready bit: Timeout'],
    pattern: null,
    meaning: 'The firmware does not report ready',
    next: RESTART,
  },
  {
    ...TIMEOUT,
    id: 'mt6625l/firmware-ready',
    literals: ['Wait firmware ready fail'],
    pattern: null,
    role: 'symptom',
    meaning: 'The firmware was loaded and does not start',
    next: RESTART,
  },
  {
    ...TIMEOUT,
    id: 'mt6625l/download',
    literals: ['Firmware scatter download failed!', 'Ram code download fail'],
    pattern: null,
    role: 'symptom',
    meaning: 'The firmware could not be loaded into the chip',
    next: RESTART,
  },
  {
    ...TIMEOUT,
    id: 'mt6625l/driver-own',
    literals: ['nicpmSetDriverOwn() failed!', 'DRIVER OWN Timeout'],
    pattern: null,
    meaning: 'The chip does not wake up when the driver asks for it',
    next: RESTART,
  },
  {
    ...MISSING,
    id: 'mt6625l/image',
    literals: ['Fail to load FW image from file!'],
    pattern: null,
    meaning: 'The firmware file of the Wi-Fi part could not be read',
    next: 'ls -l /lib/firmware /etc/firmware | grep -i WIFI_RAM_CODE',
  },
  {
    ...MISSING,
    id: 'mt6625l/patch',
    literals: ['wmt_dev_patch_get(', 'wmt_dev_read_file('],
    pattern: /\[E\]\s?wmt_dev_(?:patch_get|read_file)\(\d{1,5}\): [^\n]{0,80}(?:fail|error|not)/,
    meaning: 'The ROM patch of the combo chip could not be read',
    next: 'ls -l /lib/firmware /etc/firmware | grep -i ROMv',
  },
  {
    ...STALL,
    class: 'no-data',
    role: 'symptom',
    id: 'mt6625l/arp',
    literals: ['IOT Critical issue, arp no resp'],
    pattern: null,
    meaning: 'ARP requests are not answered over the connection',
    next: 'tcpdump -ni the interface arp on both sides: are requests sent, do answers arrive?',
  },
  {
    ...PROBE,
    blame: 'config',
    id: 'wmt/no-hif',
    literals: ['wmt_core_stp_init'],
    pattern: /wmt_core_stp_init(?:\(\d{1,5}\))?: ?no hif info/,
    role: 'root',
    meaning: 'The combo chip is turned on before anything told its driver which bus it is on',
    next: LAUNCHER,
  },
  {
    ...PROBE,
    role: 'root',
    id: 'wmt/chip-id',
    literals: ['get hwcode (chip id) fail', 'Read CONSYS chipId(0x00000000)'],
    pattern: null,
    meaning: 'The id of the combo chip can not be read',
    next: POWER,
  },
  {
    ...PROBE,
    id: 'wmt/power-on',
    literals: ['opfunc_pwr_on'],
    pattern: /opfunc_pwr_on(?:\(\d{1,5}\))?: ?[^\n]{0,40}fail/,
    meaning: 'The combo chip could not be turned on',
    next: POWER,
  },
  {
    ...PROBE,
    id: 'wmt/function-on',
    literals: ['WMT turn on WIFI fail', 'wmt_func_wifi_on'],
    pattern: /WMT turn on WIFI fail|wmt_func_wifi_on(?:\(\d{1,5}\))?: ?[^\n]{0,40}fail/,
    meaning: 'The Wi-Fi part of the combo chip could not be turned on',
    next: 'The WMT lines before it name the step',
  },
  {
    ...TIMEOUT,
    id: 'wmt/op-timeout',
    literals: [') completion timeout'],
    pattern: /opId\((?<command>\d{1,3})\) completion timeout/,
    meaning: 'An operation of the combo chip does not end',
    next: 'cat /proc/driver/wmt_dbg; power-cycle the board',
  },
  {
    ...CRASH,
    id: 'wmt/whole-chip-reset',
    literals: ['whole chip reset'],
    pattern: /\[?whole chip reset\]? ?(?:start|ok|fail)?/,
    meaning: 'The combo chip is reset as a whole because its firmware failed',
    next: 'Look for the first [E] line of WMT or STP before it',
  },
  {
    ...CRASH,
    id: 'wmt/assert',
    literals: ['[FW ASSERT]', 'f/w assert', 'firmware trigger assert', 'STP-PSM][E'],
    pattern: /ASSERT|assert|STP-PSM\]\[E\][^\n]{0,60}(?:timeout|fail)/,
    meaning: 'The firmware of the combo chip stops at an assertion',
    next: 'Save the lines around it: they name task, file and line of the firmware',
  },
  {
    ...TIMEOUT,
    id: 'stp/ack-timeout',
    literals: ['STP TX timeout', 'stp_tx_timeout_handler', 'stp retry exceed'],
    pattern: null,
    meaning: 'The combo chip does not acknowledge what is sent to it',
    next: POWER,
  },
  {
    ...TIMEOUT,
    role: 'symptom',
    id: 'stp/btif-write',
    literals: ['mtk_wcn_consys_stp_btif_tx'],
    pattern: /mtk_wcn_consys_stp_btif_tx[^\n]{0,40}fail/,
    meaning: 'Nothing can be written to the combo chip',
    next: POWER,
  },
  {
    ...CRASH,
    class: 'sdio-error',
    id: 'hif-sdio/transfer',
    literals: ['[HIF-SDIO][E]'],
    pattern: /\[HIF-SDIO\]\[E\] ?mtk_wcn_hif_sdio_\w{1,30}[^\n]{0,80}(?:fail|error|timeout)/,
    meaning: 'A transfer to the combo chip fails on the SDIO bus',
    next: 'cat /sys/kernel/debug/mmc*/ios; lower the clock and check the supply',
  },
  {
    ...BENIGN,
    id: 'mt6625l/boost',
    ...line('kalBoostCpu', { after: ':\\(\\w{1,6} WARN\\)' }),
    meaning: 'The driver asks for more speed of the processor',
  },
];
