/**
 * What wpa_supplicant says while it joins a network, to an outcome: associated, or why not. Formats: wpa_supplicant's
 * events.c and ctrl_iface.c (2.10); status codes: IEEE 802.11-2020, table 9-50.
 */
import { withoutStamp, wpaSupplicantEvent } from './events.ts';

export interface AssociationFailure {
  code:
    | 'wrong-passphrase'
    | 'network-not-found'
    | 'security-mismatch'
    | 'association-rejected'
    | 'association-timeout';
  message: string;
  hint: string;
}

/** A refusal may pass (an access point that is still busy); as many in a row don't. */
const REFUSALS = 3;
/** A wrong SAE confirm is never chance, yet one frame can be damaged. */
const SAE_REFUSALS = 2;
const AUTH_TYPE_SAE = '3';
const SAE_CONFIRM = '2';
/** hostapd answers a confirm of another password with 1, others with 15. */
const SAE_PASSWORD_STATUS: readonly number[] = [1, 15];

const STATUS: Readonly<Record<number, string>> = {
  1: 'unspecified failure',
  12: 'denied for a reason outside the standard',
  13: 'authentication algorithm not supported',
  15: 'challenge failure',
  16: 'timeout in the authentication sequence',
  17: 'the access point has no room for more stations',
  18: 'basic rates not supported',
  27: 'HT features not supported',
  30: 'refused for now, try again later',
  31: 'management frame protection policy violated',
  37: 'request declined',
  40: 'invalid element',
  41: 'invalid group cipher',
  42: 'invalid pairwise cipher',
  43: 'invalid key management',
  45: 'RSN capabilities not supported',
  53: 'invalid PMKID',
  77: 'unsupported finite cyclic group',
  104: 'VHT features not supported',
};

export class AssociationAttempt {
  readonly #ssid: string;
  #tried = false;
  #refusals = 0;
  #saeRefusals = 0;
  #lastRefusal: { status: number; line: string } | null = null;
  #last = '';

  constructor(ssid: string) {
    this.#ssid = ssid;
  }

  /** Takes a line; gives the outcome as soon as it is clear, else null. */
  see(line: string): 'associated' | AssociationFailure | null {
    const text = withoutStamp(line);
    if (/Trying to (?:associate|authenticate)/.test(text)) this.#tried = true;
    const found = wpaSupplicantEvent(line);
    if (found || this.#tried) this.#last = text;
    if (!found) return /pre-shared key may be incorrect/.test(text) ? this.#wrongPassphrase(text) : null;
    const { event, detail = '' } = found;
    if (event === 'CTRL-EVENT-CONNECTED') return 'associated';
    if (event === 'CTRL-EVENT-SSID-TEMP-DISABLED' && /reason=WRONG_KEY/.test(detail))
      return this.#wrongPassphrase(text);
    if (event === 'CTRL-EVENT-AUTH-REJECT' || event === 'CTRL-EVENT-ASSOC-REJECT')
      return this.#refused(text, detail);
    return null;
  }

  /** Why there was no outcome. `scan`: what `wpa_cli scan_results` prints, or null when it could not be asked. */
  atDeadline(scan: string | null, waitedS: number): AssociationFailure {
    if (this.#lastRefusal) return this.#rejected();
    const name = JSON.stringify(this.#ssid);
    if (this.#tried) {
      return {
        code: 'association-timeout',
        message: `not associated with ${name} within ${waitedS} s`,
        hint: `last: ${this.#last}`,
      };
    }
    const seen = parseScanResults(scan ?? '');
    const there = seen.filter(({ ssid }) => ssid === printfEncode(this.#ssid));
    if (there.length > 0) {
      return {
        code: 'security-mismatch',
        message: `${name} is there, but not as it was asked for (security, BSSID or frequency)`,
        hint: `it offers ${there.map(({ bssid, frequencyMhz, flags }) => `${flags} on ${frequencyMhz} MHz (${bssid})`).join(', ')}`,
      };
    }
    const names = seen.map(({ ssid }) => (ssid === '' ? '(hidden)' : ssid));
    const others = names.length === 0 ? 'none' : names.join(', ');
    return {
      code: 'network-not-found',
      message: `the network ${name} was not found within ${waitedS} s`,
      hint: scan === null ? 'the scan results could not be read' : `networks seen: ${others}`,
    };
  }

  #refused(text: string, detail: string): AssociationFailure | null {
    const field = (name: string) => new RegExp(`\\b${name}=(\\d+)`).exec(detail)?.[1];
    const status = Number(field('status_code') ?? 0);
    this.#lastRefusal = { status, line: text };
    const password =
      field('auth_type') === AUTH_TYPE_SAE &&
      field('auth_transaction') === SAE_CONFIRM &&
      SAE_PASSWORD_STATUS.includes(status);
    if (password) return ++this.#saeRefusals < SAE_REFUSALS ? null : this.#wrongPassphrase(text);
    return ++this.#refusals < REFUSALS ? null : this.#rejected();
  }

  #wrongPassphrase(line: string): AssociationFailure {
    const message = `the access point refused the passphrase for ${JSON.stringify(this.#ssid)}`;
    return { code: 'wrong-passphrase', message, hint: line };
  }

  #rejected(): AssociationFailure {
    const { status, line } = this.#lastRefusal ?? { status: 0, line: '' };
    const meaning = STATUS[status] === undefined ? '' : ` (${STATUS[status]})`;
    return {
      code: 'association-rejected',
      message: `the association with ${JSON.stringify(this.#ssid)} was rejected, status ${status}${meaning}`,
      hint: line,
    };
  }
}

export interface ScanResult {
  bssid: string;
  frequencyMhz: number;
  signalDbm: number;
  flags: string;
  /** As printed: see printfEncode. */
  ssid: string;
}

/** `wpa_cli scan_results`: columns separated by tabs under a title; torn lines are passed over. */
export function parseScanResults(text: string): ScanResult[] {
  return text.split('\n').flatMap((line) => {
    const match = /^([0-9a-f:]{17})\t(\d+)\t(-?\d+)\t(\S*)\t(.*)$/i.exec(line);
    if (!match) return [];
    const [, bssid = '', frequency, signal, flags = '', ssid = ''] = match;
    return [{ bssid, frequencyMhz: Number(frequency), signalDbm: Number(signal), flags, ssid }];
  });
}

/** An SSID as wpa_supplicant prints it (printf_encode in src/utils/common.c). */
export function printfEncode(text: string): string {
  const named: Readonly<Record<number, string>> = {
    ...{ 34: '\\"', 92: '\\\\', 27: '\\e', 10: '\\n', 13: '\\r', 9: '\\t' },
  };
  return [...Buffer.from(text)]
    .map((byte) => {
      if (named[byte] !== undefined) return named[byte];
      return byte >= 32 && byte <= 126
        ? String.fromCharCode(byte)
        : `\\x${byte.toString(16).padStart(2, '0')}`;
    })
    .join('');
}
