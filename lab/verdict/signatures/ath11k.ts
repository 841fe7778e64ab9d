/** Qualcomm ath11k and ath12k. */
import { kinds } from './kinds.ts';
import { line } from './line.ts';
import type { Signature } from './signature.ts';

const { CRASH, MISSING, PROBE, STALL, TIMEOUT } = kinds('ath10k, ath11k and ath12k of Linux 6.1 and 6.12');

const COLD = 'Cut the power of the slot for 10 s and try again';
const DUMP = 'Save /sys/class/devcoredump/*/data; note the line "firmware ver" of this boot';
const FILES =
  'ls /lib/firmware/ath1?k; apt install firmware-atheros; compare the hw directory with the chip of the log';
const LINK = 'lspci -vvv (LnkSta, AER, power state); try pcie_aspm=off';

export const ath11k: readonly Signature[] = [
  {
    ...TIMEOUT,
    class: 'pcie-error',
    id: 'ath11k/wakeup-read',
    ...line('failed to wakeup for ', { after: '(?:read from|write to|read|write) ?0x' }),
    meaning: 'The chip does not wake up, and its registers can not be reached',
    next: LINK,
  },
  {
    ...CRASH,
    id: 'ath11k/crash',
    ...line('firmware crashed: MHI_CB_', { after: '(?<reason>\\w{1,20})' }),
    meaning: 'The firmware crashes and the chip waits to be dumped',
    next: DUMP,
  },
  {
    ...CRASH,
    id: 'ath11k/service-gone',
    ...line('WLFW service is dis-connected'),
    role: 'symptom',
    meaning: 'The service of the firmware is gone',
    next: 'Look for a crash of the remote processor before it',
  },
  {
    ...CRASH,
    role: 'symptom',
    id: 'ath11k/reset-failed',
    literals: ['failed to reconfigure driver on crash recovery', 'already resetting count'],
    pattern: null,
    meaning: 'The driver does not recover from a crash of the firmware',
    next: COLD,
  },
  {
    ...TIMEOUT,
    id: 'ath11k/qmi-wait',
    ...line('failed to wait ', {
      after:
        '(?:(?:wlan|qmi|m3|board|firmware)[\\w -]{1,40} (?:request|reply)|wlan mode request)[^\\n]{0,20}: -(?<errno>\\d{1,3})',
    }),
    meaning: 'The firmware does not answer a QMI request while it is set up',
    next: `-110 is a timeout: ${COLD}`,
  },
  {
    ...TIMEOUT,
    id: 'ath11k/mhi-state',
    ...line('failed to set mhi state', { after: ':? (?<reason>[A-Z_]{3,20})\\(' }),
    meaning: 'The chip does not enter the state its bus asks for',
    next: 'Test suspend and resume without Wi-Fi traffic; update the firmware; try a cold start',
  },
  {
    ...TIMEOUT,
    id: 'ath11k/mhi-power',
    ...line(['failed to power up mhi: ', 'failed to prepare mhi: ', 'failed to start mhi: '], {
      after: '-(?<errno>\\d{1,3})',
    }),
    meaning: 'The chip does not boot its firmware',
    next: COLD,
    when: [{ group: 'errno', is: ['2'], means: { class: 'fw-missing', next: FILES } }],
  },
  {
    ...TIMEOUT,
    id: 'ath11k/wow-resume',
    literals: [
      'timed out while waiting for wow wakeup completion',
      'timed out while waiting for htc suspend completion',
    ],
    pattern: null,
    role: 'symptom',
    meaning: 'The firmware does not wake up after a suspend',
    next: DUMP,
  },
  {
    ...TIMEOUT,
    role: 'symptom',
    id: 'ath11k/calibration',
    literals: ['oldboot calibration timed out', 'Coldboot Calibration failed timed out'],
    pattern: null,
    meaning: 'The calibration at a cold start does not end',
    next: COLD,
  },
  {
    ...MISSING,
    id: 'ath11k/board-data',
    ...line('qmi failed to load ', { after: '(?:bdf|BDF|board data file|regdb)' }),
    meaning: 'The firmware did not get its board data',
    next: 'Compare bus=...,variant= of the lines before with the names in board-2.bin',
  },
  {
    ...MISSING,
    id: 'ath11k/m3',
    literals: ['failed to load m3 firmware', 'failed to load m3.bin'],
    pattern: null,
    meaning: 'A part of the firmware (m3.bin) could not be read',
    next: FILES,
  },
  {
    ...STALL,
    id: 'ath11k/flush-mgmt',
    ...line('failed to flush mgmt transmit queue'),
    meaning: 'Management frames in the queue of the firmware are not sent',
    next: 'Look for a command timeout or crash before it',
  },
  {
    ...PROBE,
    role: 'root',
    id: 'ath11k/dma-memory',
    ...line('failed to allocate dma memory for qmi'),
    class: 'oom',
    meaning: 'There is no contiguous memory of the size that the firmware asks for',
    next: 'Many kernels go on with smaller pieces; else boot with a larger cma=',
  },
];
