/** What most signatures of a driver are, but for their text and meaning. */

/** What helps a chip whose state survives a reboot. */
export const COLD = 'Take the power away for 10 s and try again: a warm reboot keeps the state of the chip';

/** The kinds for signatures whose texts come from one source. */
export function kinds<S extends string>(source: S) {
  return {
    TIMEOUT: { class: 'fw-timeout', blame: 'product', role: 'root', source },
    /** Of a time-out. */
    FOLLOWS: { class: 'fw-timeout', blame: 'product', role: 'consequence', source },
    CRASH: { class: 'fw-crash', blame: 'product', role: 'root', source },
    MISSING: { class: 'fw-missing', blame: 'product', role: 'root', source },
    STALL: { class: 'tx-stall', blame: 'product', role: 'symptom', source },
    PROBE: { class: 'probe-fail', blame: 'product', role: 'symptom', source },
    USB: { class: 'usb-error', blame: 'lab', role: 'root', source },
    PCIE: { class: 'pcie-error', blame: 'product', role: 'root', source },
    SDIO: { class: 'sdio-error', blame: 'product', role: 'root', source },
    BENIGN: { class: 'benign', blame: 'benign', role: 'benign', next: 'Nothing to do', source },
  } as const;
}
