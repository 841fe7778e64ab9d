/** Texas Instruments wlcore and Microchip wilc1000. */
import { COLD, kinds } from './kinds.ts';
import { line } from './line.ts';
import type { Signature } from './signature.ts';

const { BENIGN, CRASH, MISSING, PROBE, SDIO, STALL, TIMEOUT } = kinds(
  'wlcore and wilc1000 of Linux 6.1 and 6.12',
);

const TI = 'Read fwlog in /sys/kernel/debug/ieee80211/phy*/wlcore; note "FW ver" and "pc:" of the log';

export const wifiOther: readonly Signature[] = [
  {
    ...CRASH,
    id: 'wlcore/hw-watchdog',
    ...line('HW watchdog interrupt received!'),
    meaning: 'The firmware hangs, and the watchdog of the chip says so',
    next: TI,
  },
  {
    ...CRASH,
    id: 'wlcore/sw-watchdog',
    ...line('SW watchdog interrupt received!'),
    meaning: 'The firmware stops at an error',
    next: TI,
  },
  {
    ...CRASH,
    id: 'wlcore/recovery',
    role: 'symptom',
    ...line('Hardware recovery in progress. FW ver: '),
    meaning: 'The driver starts the firmware anew',
    next: TI,
  },
  {
    ...STALL,
    id: 'wlcore/tx-stuck',
    ...line('Tx stuck (in FW) for ', { after: '\\d{1,8} ms' }),
    meaning: 'The firmware does not give transmit blocks back',
    next: TI,
  },
  {
    ...TIMEOUT,
    id: 'wlcore/elp',
    literals: ['ELP wakeup failure!', 'ELP wakeup timeout!'],
    pattern: null,
    meaning: 'The chip does not wake up',
    next: 'Check its interrupt line and supply',
  },
  {
    ...TIMEOUT,
    id: 'wlcore/command',
    ...line('command complete timeout', { before: 'wlcore: (?:ERROR )?' }),
    meaning: 'The firmware does not answer a command',
    next: TI,
  },
  {
    ...TIMEOUT,
    id: 'wlcore/event',
    role: 'symptom',
    ...line('timeout waiting for event ', { after: '(?<reason>\\w{1,10})' }),
    meaning: 'The firmware does not report an event that is waited for',
    next: TI,
  },
  {
    ...TIMEOUT,
    id: 'wlcore/init-complete',
    ...line('timeout waiting for the hardware to complete initialization'),
    meaning: 'The firmware was loaded and does not start',
    next: COLD,
  },
  {
    ...TIMEOUT,
    id: 'wlcore/static-data',
    literals: ["chip id doesn't match after firmware boot", 'rror reading hardware complete init indication'],
    pattern: null,
    meaning: 'The chip can not be read while its firmware starts',
    next: 'Check its bus, interrupt line and supply',
  },
  {
    ...SDIO,
    id: 'wlcore/sdio',
    ...line('wl1271_sdio ', { after: '[\\w:.]{4,14}: sdio (?:read|write) failed \\(-(?<errno>\\d{1,3})\\)' }),
    meaning: 'A transfer to or from the chip fails on the SDIO bus',
    next: 'Check clock and supply: cat /sys/kernel/debug/mmc*/ios',
  },
  {
    ...PROBE,
    id: 'wlcore/boot-failed',
    ...line('firmware boot failed despite ', { after: '\\d retries' }),
    meaning: 'The driver gave up starting the firmware',
    next: 'The lines before it name the step',
  },
  {
    ...MISSING,
    id: 'wlcore/firmware',
    ...line('could not get firmware ti-connectivity/', {
      after: '(?<file>[\\w./-]{1,60}): -(?<errno>\\d{1,3})',
    }),
    meaning: 'The firmware file could not be read',
    next: 'apt install firmware-ti-connectivity; ls /lib/firmware/ti-connectivity',
  },
  {
    ...MISSING,
    id: 'wlcore/version',
    ...line('Your WiFi FW version ('),
    meaning: 'The firmware file is too old for the driver',
    next: 'Update firmware-ti-connectivity',
  },
  {
    ...MISSING,
    id: 'wlcore/nvs',
    ...line('NVS file is needed during boot'),
    meaning: 'The calibration file of the radio is not there',
    next: 'ls /lib/firmware/ti-connectivity/*nvs*',
  },
  {
    ...BENIGN,
    id: 'wlcore/conf',
    ...line('could not get configuration binary '),
    meaning: 'The board uses the settings built into the driver',
  },
  {
    ...BENIGN,
    id: 'wlcore/mac',
    literals: ['unconfigured mac address in nvs', 'fw version incorrect value'],
    pattern: null,
    meaning: 'The board uses the address of the chip',
  },
  {
    ...BENIGN,
    id: 'wlcore/nvs-optional',
    literals: [
      'Direct firmware load for ti-connectivity/wl1271-nvs.bin',
      'Direct firmware load for ti-connectivity/wl18xx-conf.bin',
    ],
    pattern: null,
    meaning: 'The board uses the settings built into chip and driver',
  },
  {
    ...MISSING,
    id: 'wilc1000/firmware',
    ...line(' - firmware not available', { before: '(?:atmel/)?(?<file>[\\w./-]{0,60}wilc[\\w./-]{1,40})' }),
    meaning: 'The firmware file could not be read',
    next: 'apt install firmware-atheros; ls /lib/firmware/atmel',
  },
  {
    ...PROBE,
    id: 'wilc1000/init',
    ...line('WLAN initialization FAILED'),
    meaning: 'The chip could not be set up',
    next: 'The lines before it name the step',
  },
  {
    ...TIMEOUT,
    id: 'wilc1000/wake',
    ...line('Failed to wake-up the chip'),
    meaning: 'The chip does not wake up',
    next: 'Check its interrupt and enable lines, and the bus',
  },
  {
    ...SDIO,
    id: 'wilc1000/cmd',
    ...line('ailed cmd', { driver: 'wilc1000_sdio', before: 'F', after: ' ?5[23]' }),
    meaning: 'A transfer to or from the chip fails on the SDIO bus',
    next: 'Check clock and supply: cat /sys/kernel/debug/mmc*/ios',
  },
  {
    ...SDIO,
    id: 'wilc1000/spi',
    class: 'probe-fail',
    role: 'symptom',
    literals: [
      'SPI transaction failed',
      'Failed cmd write, bus error',
      'Failed data block write, bus error',
      'Failed with CRC7 on and off.',
      'Failed resp read, bus err',
    ],
    pattern: null,
    meaning: 'A transfer to or from the chip fails on the SPI bus',
    next: 'Lower the clock of SPI; check wiring and supply',
  },
];
