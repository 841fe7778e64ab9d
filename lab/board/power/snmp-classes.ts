/** PDUs that are switched by SNMP, as data: where an outlet is, and what its values mean. `{outlet}` is its number. */

export interface SnmpClass {
  title: string;
  /** Written to switch. */
  command: string;
  on: number;
  off: number;
  /** Read back; where it differs from `command`. */
  status?: string;
  statusOn?: number;
}

export const SNMP_CLASSES = {
  /** PowerNet-MIB: sPDUOutletCtl; outletOn(1), outletOff(2). */
  'apc-masterswitch': {
    title: 'APC MasterSwitch, AP79xx',
    command: '1.3.6.1.4.1.318.1.1.4.4.2.1.3.{outlet}',
    on: 1,
    off: 2,
  },
  /** PowerNet-MIB: rPDUOutletControlOutletCommand; immediateOn(1), immediateOff(2). Status: on(1), off(2). */
  'apc-rpdu': {
    title: 'APC rack PDU (rPDU)',
    command: '1.3.6.1.4.1.318.1.1.12.3.3.1.1.4.{outlet}',
    on: 1,
    off: 2,
    status: '1.3.6.1.4.1.318.1.1.12.3.5.1.1.4.{outlet}',
  },
  /** PowerNet-MIB: rPDU2OutletSwitchedControlCommand and rPDU2OutletSwitchedStatusState; on is 1 there, 2 here. */
  'apc-rpdu2': {
    title: 'APC rack PDU, second generation (rPDU2)',
    command: '1.3.6.1.4.1.318.1.1.26.9.2.4.1.5.{outlet}',
    on: 1,
    off: 2,
    status: '1.3.6.1.4.1.318.1.1.26.9.2.3.1.5.{outlet}',
    statusOn: 2,
  },
  /** PDU2-MIB: switchingOperation; off(0), on(1). outletSwitchingState: on(7), off(8). */
  'raritan-px2': {
    title: 'Raritan PX2, PX3',
    command: '1.3.6.1.4.1.13742.6.4.1.2.1.2.1.{outlet}',
    on: 1,
    off: 0,
    status: '1.3.6.1.4.1.13742.6.4.1.2.1.3.1.{outlet}',
    statusOn: 7,
  },
  /** GUDEADS-EPC8X-MIB: epc8PortState; off(0), on(1). */
  'gude-epc8': {
    title: 'Gude Expert Power Control 8x',
    command: '1.3.6.1.4.1.28507.1.1.2.2.1.3.{outlet}',
    on: 1,
    off: 0,
  },
} as const satisfies Record<string, SnmpClass>;
