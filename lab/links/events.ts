/** Lines of hostapd and wpa_supplicant (started with -t) to typed events. Formats: src/common/wpa_ctrl.h of both. */
import type { PayloadInput } from '../journal/event.ts';

const STAMP = /^(?:\d+\.\d+: )+/;
/** `wlan0: EVENT-NAME rest`; names are capitals and hyphens. */
const EVENT =
  /^(\S+?): ((?:CTRL-EVENT|AP|WPA|DFS|ACS|SME|INTERFACE|EAPOL|BEACON|CHANNEL)(?:-[A-Z0-9]+)+)\b ?(.*)$/;
const MAC = /\b([0-9a-f]{2}(?::[0-9a-f]{2}){5})\b/i;

/** A line without the time stamp that -t puts before it. */
export function withoutStamp(line: string): string {
  return line.replace(STAMP, '');
}

/** The event in a line of hostapd; null when it is only text. */
export function hostapdEvent(line: string): PayloadInput<'hostapd.event'> | null {
  const match = EVENT.exec(withoutStamp(line));
  if (!match) return null;
  const [, name = '', event = '', detail = ''] = match;
  const station = MAC.exec(detail)?.[1];
  return { interface: name, event, ...(station ? { station } : {}), ...(detail === '' ? {} : { detail }) };
}

/** The event in a line of wpa_supplicant; null when it is only text. */
export function wpaSupplicantEvent(line: string): PayloadInput<'wpa_supplicant.event'> | null {
  const match = EVENT.exec(withoutStamp(line));
  if (!match) return null;
  const [, name = '', event = '', detail = ''] = match;
  const bssid = MAC.exec(detail)?.[1];
  const reason = /\breason=(\d+)/.exec(detail)?.[1];
  const locally = /\blocally_generated=(\d)/.exec(detail)?.[1];
  return {
    interface: name,
    event,
    ...(bssid ? { bssid } : {}),
    ...(reason === undefined ? {} : { reason: Number(reason) }),
    ...(event === 'CTRL-EVENT-DISCONNECTED' ? { locallyGenerated: locally === '1' } : {}),
    ...(detail === '' ? {} : { detail }),
  };
}

/** `key=value` lines, as `hostapd_cli status` and `wpa_cli status` print them. */
export function keyValues(text: string): Record<string, string> {
  return Object.fromEntries(
    text.split('\n').flatMap((line) => {
      const at = line.indexOf('=');
      return at > 0 ? [[line.slice(0, at), line.slice(at + 1).trim()]] : [];
    }),
  );
}
