/** Power and heat: what the lab owes a board. */
import type { Signature } from './signature.ts';

const LOW = {
  class: 'undervoltage',
  blame: 'lab',
  role: 'root',
  meaning:
    'The supply of the board is too weak; errors of USB and SD cards some seconds around it come from that',
  next: 'Use a stronger supply and a shorter cable, or a powered hub for what hangs on the board',
} satisfies Partial<Signature>;

const HOT = {
  pattern: null,
  class: 'thermal',
  blame: 'lab',
  next: 'Check cooling and the temperature in the lab, then /sys/class/thermal/*/temp',
} satisfies Partial<Signature>;

export const power: readonly Signature[] = [
  {
    ...LOW,
    id: 'power/undervoltage',
    literals: ['Under-voltage detected!', 'Undervoltage detected!'],
    pattern: null,
    source: 'drivers/hwmon/raspberrypi-hwmon.c, and the kernel of Raspberry Pi OS',
  },
  {
    ...LOW,
    id: 'power/throttled',
    literals: ['throttled=0x'],
    pattern: /throttled=0x(?!0+\b)[0-9a-fA-F]{1,8}/,
    role: 'symptom',
    meaning: 'The board has had too low a supply or has been too hot',
    source: 'Raspberry Pi: vcgencmd get_throttled',
  },
  {
    ...LOW,
    id: 'power/brown-out',
    literals: ['Starting after brownout reset', 'Brownout detector was triggered'],
    pattern: null,
    meaning: 'The supply of the board broke down and reset it',
    source: 'drivers/power/reset/at91-reset.c, ESP-IDF',
  },
  {
    id: 'power/normalised',
    literals: ['Voltage normalised'],
    pattern: null,
    class: 'benign',
    blame: 'benign',
    role: 'marker',
    meaning: 'The supply of the board is high enough again',
    next: 'Nothing to do',
    source: 'drivers/hwmon/raspberrypi-hwmon.c',
  },
  {
    ...HOT,
    id: 'power/critical-temperature',
    literals: [
      'critical temperature reached',
      'Critical temperature reached',
      'exceeds critical temperature',
    ],
    role: 'root',
    meaning: 'A part is so hot that the board shuts itself down',
    source: 'drivers/thermal/thermal_core.c, drivers/acpi/thermal.c',
  },
  {
    ...HOT,
    id: 'power/protection-shutdown',
    literals: ['HARDWARE PROTECTION shutdown', 'HARDWARE PROTECTION reboot'],
    role: 'symptom',
    meaning: 'The kernel shuts the board down to protect it',
    next: 'The line before it and the text in brackets name the reason',
    source: '5.14 kernel/reboot.c',
  },
  {
    ...HOT,
    id: 'power/throttling',
    literals: ['cpu clock throttled (total events = ', 'cpu clock is throttled (total events = '],
    role: 'symptom',
    meaning: 'Processors are slowed down again and again because of heat, which spoils measurements',
    rate: { count: 40, withinS: 300 },
    source: 'drivers/thermal/intel/therm_throt.c',
  },
];
