/** Modems on PCI Express: MHI (Qualcomm), t7xx (MediaTek), iosm (Intel); processors beside the main one. */
import { line } from './line.ts';
import type { Signature } from './signature.ts';

const MHI = { source: 'drivers/bus/mhi/host of Linux 6.1 and 6.12' } as const;
const T7XX = { source: 'drivers/net/wwan/t7xx of Linux 6.1 and 6.12' } as const;
const TIMEOUT = { class: 'fw-timeout', blame: 'product', role: 'root' } as const;
const CRASH = { class: 'fw-crash', blame: 'product', role: 'root' } as const;
const BUS = { class: 'pcie-error', blame: 'product', role: 'root' } as const;
const PROBE = { class: 'probe-fail', blame: 'product', role: 'symptom' } as const;

const COLD = 'One cold power cycle of the modem: a warm reboot keeps its state; then newer firmware';
const LINK = 'lspci -vvv -s ADDRESS; pcie_aspm=off; echo on > /sys/bus/pci/devices/ADDRESS/power/control';
const DRIVER = '(?:mhi[\\w-]{0,20}|mtk_t7xx|ath1[12]k_pci|ath1[12]k)';

export const wwanPcie: readonly Signature[] = [
  {
    ...TIMEOUT,
    ...MHI,
    id: 'mhi/ready',
    ...line([
      'Device failed to enter MHI Ready',
      'Device failed to clear MHI Reset',
      'MHI did not enter READY state',
    ]),
    meaning: 'The modem does not become ready',
    next: COLD,
  },
  {
    ...TIMEOUT,
    ...MHI,
    id: 'mhi/amss',
    ...line('MHI did not load AMSS, ret:', { after: '-?(?<errno>\\d{1,3})' }),
    meaning: 'The modem does not start its firmware',
    next: COLD,
  },
  {
    ...TIMEOUT,
    ...MHI,
    id: 'mhi/image',
    ...line('Error loading firmware: ', { after: '-(?<errno>\\d{1,3})' }),
    meaning: 'The modem does not take its firmware',
    next: COLD,
    when: [
      {
        group: 'errno',
        is: ['2'],
        means: {
          class: 'fw-missing',
          blame: 'config',
          meaning: 'The firmware of the modem is not installed',
          next: 'The line before names the file: copy it below /lib/firmware',
        },
      },
    ],
  },
  {
    ...BUS,
    ...MHI,
    id: 'mhi/link',
    ...line('Device link is not accessible'),
    meaning: 'The modem does not answer on PCI Express',
    next: LINK,
  },
  {
    ...BUS,
    ...MHI,
    role: 'symptom',
    id: 'mhi/wakeup',
    ...line(['Failed to wakeup the device', 'Device MHI is not in valid state']),
    meaning: 'The modem does not wake up',
    next: LINK,
  },
  {
    ...CRASH,
    ...MHI,
    id: 'mhi/crash',
    ...line('firmware crashed (', { after: '(?<reason>\\d{1,3})\\)' }),
    meaning: 'The firmware of the modem crashes',
    next: 'cat /sys/class/devcoredump/*/data > dump; newer firmware of the modem',
  },
  {
    ...CRASH,
    ...MHI,
    role: 'symptom',
    id: 'mhi/recovery',
    ...line('device recovery started'),
    meaning: 'The driver restarts a modem that does not answer',
    next: 'Look for what the modem and PCI Express said before',
  },
  {
    ...CRASH,
    ...MHI,
    id: 'mhi/recovery-failed',
    ...line('Recovery failed: ', { driver: DRIVER, after: '-?(?<errno>\\d{1,3})' }),
    meaning: 'The modem does not come back after a restart',
    next: COLD,
  },
  {
    ...PROBE,
    ...MHI,
    id: 'mhi/power',
    ...line([
      'failed to power up MHI controller',
      'failed to prepare MHI controller',
      'failed to register MHI controller',
    ]),
    meaning: 'The driver gives up on the modem',
    next: COLD,
  },
  {
    ...TIMEOUT,
    ...T7XX,
    id: 't7xx/handshake',
    ...line(['MD handshake timeout', 'AP handshake timeout', 'Boot Handshake failure']),
    meaning: 'The modem does not finish its start',
    next: COLD,
  },
  {
    ...TIMEOUT,
    ...T7XX,
    id: 't7xx/stage',
    ...line('Timeout at device stage 0x', { driver: 'mtk_t7xx' }),
    meaning: 'The modem stays in a stage of its start',
    next: COLD,
  },
  {
    ...CRASH,
    ...T7XX,
    id: 't7xx/exception',
    ...line(['Exception event', 'MD exception is captured during handshake'], { driver: 'mtk_t7xx' }),
    meaning: 'The firmware of the modem crashes',
    next: 'The dump of the modem: devlink region read; newer firmware of the modem',
  },
  {
    ...BUS,
    ...T7XX,
    id: 't7xx/status',
    ...line('invalid device status', { driver: 'mtk_t7xx' }),
    meaning: 'The modem does not answer on PCI Express',
    next: LINK,
  },
  {
    ...TIMEOUT,
    id: 'iosm/message',
    ...line('msg timeout', { driver: 'iosm' }),
    meaning: 'The modem does not answer its driver',
    next: COLD,
    source: 'drivers/net/wwan/iosm/iosm_ipc_protocol.c',
  },
  {
    ...CRASH,
    id: 'remoteproc/crash',
    ...line(['crash detected in ', 'fatal error received: '], {
      prefix: '(?:remoteproc|qcom[\\w-]{2,20}|qcom_q6v5\\w{0,12}) (?<device>[\\w.:-]{3,40}): ',
      after: '(?<reason>[^\\n]{1,120})',
    }),
    meaning: 'The firmware of a processor beside the main one crashes: a modem, Wi-Fi or Bluetooth of a SoC',
    next: 'cat /sys/class/devcoredump/*/data > dump; cat /sys/class/remoteproc/*/state',
    source: 'drivers/remoteproc/remoteproc_core.c, qcom_q6v5.c',
  },
];
