/** Marvell mwifiex. What it says of its buses: mwifiex-bus.ts. */
import { line } from './line.ts';
import type { Signature } from './signature.ts';

const SOURCE = { source: 'mwifiex of Linux 6.1 and 6.12' } as const;
const TIMEOUT = { class: 'fw-timeout', blame: 'product', role: 'root', ...SOURCE } as const;
const FOLLOWS = { class: 'fw-timeout', blame: 'product', role: 'consequence', ...SOURCE } as const;
const CRASH = { class: 'fw-crash', blame: 'product', role: 'root', ...SOURCE } as const;
const STALL = { class: 'tx-stall', blame: 'product', role: 'symptom', ...SOURCE } as const;
const MISSING = { class: 'fw-missing', blame: 'product', role: 'root', ...SOURCE } as const;
const PROBE = { class: 'probe-fail', blame: 'product', role: 'symptom', ...SOURCE } as const;
const BENIGN = {
  class: 'benign',
  blame: 'benign',
  role: 'benign',
  next: 'Nothing to do',
  ...SOURCE,
} as const;

const COLD = 'Take the power away for 10 s and try again: a warm reboot keeps the state of the chip';
const BUS = 'cat /sys/kernel/debug/mmc*/ios; lower the clock, check the supply; on PCIe: lspci -vvv';

export const mwifiex: readonly Signature[] = [
  {
    ...TIMEOUT,
    id: 'mwifiex/cmd-timeout',
    ...line('Timeout cmd id', { after: '(?: \\([\\d.]{1,20}\\))? = (?<command>0x[0-9a-f]{1,4}), act = 0x' }),
    meaning: 'The firmware does not answer a command',
    next: 'The first of these is the event; save /sys/class/devcoredump/*/data, turn power saving off: iw dev mlan0 set power_save off',
  },
  {
    ...FOLLOWS,
    id: 'mwifiex/is-timedout',
    ...line('is_cmd_timedout = 1'),
    meaning: 'The driver prints what it knows of the command that was not answered',
    next: 'Look for "Timeout cmd id" before it',
  },
  {
    ...FOLLOWS,
    id: 'mwifiex/wait-queue',
    ...line('cmd_wait_q terminated', { after: ': -(?<errno>\\d{1,3})' }),
    meaning: 'A caller stops waiting for a command',
    next: 'Look for "Timeout cmd id" before it',
  },
  {
    ...FOLLOWS,
    id: 'mwifiex/bad-state',
    ...line('PREP_CMD: FW is in bad state'),
    meaning: 'The driver sends no more commands because the firmware is dead',
    next: 'Look for "Timeout cmd id" before it, then reload the driver or power-cycle',
  },
  {
    ...BENIGN,
    id: 'mwifiex/removed',
    ...line('PREP_CMD: card is removed'),
    meaning: 'The driver sends no more commands because the card is gone or is being reset',
    next: 'Expected while the card is reset or removed',
  },
  {
    ...FOLLOWS,
    id: 'mwifiex/refused',
    ...line('n bad state', { before: 'ard removed or (?:FW|firmware) i' }),
    meaning: 'The driver refuses work because the firmware is dead',
    next: 'Look for "Timeout cmd id" before it',
  },
  {
    ...BENIGN,
    id: 'mwifiex/reset-state',
    ...line('FW in reset state'),
    meaning: 'The driver sends no more commands because the card is being reset',
    next: 'Expected while the card is reset',
  },
  {
    ...FOLLOWS,
    id: 'mwifiex/h2c',
    class: 'sdio-error',
    role: 'symptom',
    ...line('DNLD_CMD: host to card failed'),
    meaning: 'A command could not be written to the card',
    next: BUS,
  },
  {
    ...FOLLOWS,
    id: 'mwifiex/no-node',
    literals: ['GET_CMD_NODE: cmd node not available', 'PREP_CMD: no free cmd node'],
    pattern: null,
    meaning: 'All commands that the driver can have are waiting for the firmware',
    next: 'Look for "Timeout cmd id" before it',
  },
  {
    ...TIMEOUT,
    id: 'mwifiex/wakeup',
    ...line('Firmware wakeup failed'),
    meaning: 'The firmware does not wake up',
    next: 'iw dev mlan0 set power_save off',
  },
  {
    ...TIMEOUT,
    id: 'mwifiex/not-active',
    ...line('FW failed to be active in time'),
    meaning: 'The firmware was loaded and does not start',
    next: COLD,
  },
  {
    ...TIMEOUT,
    id: 'mwifiex/download',
    role: 'symptom',
    ...line('prog_fw failed ret='),
    meaning: 'The firmware could not be loaded into the card',
    next: COLD,
  },
  {
    ...TIMEOUT,
    id: 'mwifiex/download-retries',
    literals: ['FW dnld failed @ ', 'FW download failure @ '],
    pattern: null,
    meaning: 'The card takes its firmware only in part',
    next: BUS,
  },
  {
    ...TIMEOUT,
    id: 'mwifiex/download-ack',
    literals: ['Card failed to ACK download', 'download with helper:'],
    pattern: /Card failed to ACK download|download with helper:\s?poll status timeout/,
    meaning: 'The card does not answer while its firmware is loaded',
    next: COLD,
  },
  {
    ...TIMEOUT,
    id: 'mwifiex/init-cmd',
    role: 'symptom',
    when: [{ group: 'command', is: ['0x242'], means: { role: 'benign' } }],
    ...line('failed during', { before: 'cmd (?<command>0x[0-9a-f]{1,4}) ', after: '\\s?initialization' }),
    meaning: 'A command fails while the firmware is set up',
    next: COLD,
  },
  {
    ...TIMEOUT,
    id: 'mwifiex/sleep',
    role: 'symptom',
    ...line(': cannot send cmd in sleep state,'),
    meaning: 'The driver and the firmware disagree on whether the card sleeps',
    next: 'iw dev mlan0 set power_save off',
  },
  {
    ...CRASH,
    id: 'mwifiex/dump',
    role: 'symptom',
    ...line('== mwifiex firmware dump start =='),
    meaning: 'The driver dumps the memory of a failed firmware',
    next: 'Save /sys/class/devcoredump/*/data',
  },
  {
    ...CRASH,
    id: 'mwifiex/dump-failed',
    role: 'consequence',
    literals: ['firmware dump failed', 'FW not ready to dump'],
    pattern: null,
    meaning: 'The memory of a failed firmware can not be read',
    next: COLD,
  },
  {
    ...CRASH,
    id: 'mwifiex/reset-failed',
    role: 'symptom',
    ...line('reinit failed: -', { after: '(?<errno>\\d{1,3})' }),
    meaning: 'The card does not come back after a reset',
    next: COLD,
  },
  {
    ...STALL,
    id: 'mwifiex/tx-timeout',
    ...line(' : Tx timeout(#', { after: '\\d{1,4}\\), bss_type-num =' }),
    meaning: 'Packets in the queue of the card are not sent',
    next: 'cat /sys/kernel/debug/mwifiex/mlan0/debug; look for a command timeout near it',
  },
  {
    ...STALL,
    id: 'mwifiex/tx-threshold',
    ...line('tx_timeout_cnt exceeds threshold'),
    meaning: 'The driver resets the card because packets are not sent',
    next: 'cat /sys/kernel/debug/mwifiex/mlan0/debug',
  },
  {
    ...MISSING,
    id: 'mwifiex/request',
    ...line('request_firmware', {
      driver: '(?:mwifiex_\\w{3,5}|usb)',
      after: '(?:_nowait)? error -(?<errno>\\d{1,3})',
    }),
    meaning: 'The firmware file could not be read',
    next: 'apt install firmware-libertas; ls /lib/firmware/mrvl',
  },
  {
    ...MISSING,
    id: 'mwifiex/image',
    literals: [
      'irmware image not found! Terminating download',
      'No firmware image found! Terminating download',
    ],
    pattern: null,
    meaning: 'There is no firmware to be loaded',
    next: 'apt install firmware-libertas; ls /lib/firmware/mrvl',
  },
  {
    ...MISSING,
    id: 'mwifiex/firmware-load',
    ...line('Failed to get firmware mrvl/', { after: '(?<file>[\\w./-]{1,60})' }),
    meaning: 'The firmware file could not be read',
    next: 'apt install firmware-libertas; ls /lib/firmware/mrvl',
  },
  {
    ...PROBE,
    id: 'mwifiex/fw-init',
    ...line(': firmware init failed', { before: '(?:_?mwifiex_\\w{3,30})' }),
    meaning: 'The firmware could not be set up',
    next: 'The lines before it name the step',
  },
  {
    ...PROBE,
    id: 'mwifiex/bring-up',
    ...line('Failed to bring up adapter: ', { after: '-(?<errno>\\d{1,3})' }),
    meaning: 'The card could not be set up',
    next: 'The lines before it name the step',
  },
  {
    ...BENIGN,
    id: 'mwifiex/cmd-0x242',
    ...line('CMD_RESP: cmd 0x242 error, result=0x2'),
    meaning: 'The firmware does not know an optional command',
  },
  {
    ...BENIGN,
    id: 'mwifiex/cal-data',
    ...line('Cal data request_firmware() failed'),
    meaning: 'The board has no calibration file of its own',
  },
  {
    ...BENIGN,
    id: 'mwifiex/running',
    ...line('WLAN FW already running! Skip FW dnld'),
    meaning: 'The firmware of an earlier driver is still there',
  },
];
