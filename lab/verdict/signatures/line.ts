/** What lines of drivers look like: dev_err() and its like put the driver and the device before the text. */
import type { Signature } from './signature.ts';

const DEVICES = [
  '[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\\.[0-7]',
  'mmc\\d{1,2}(?::[0-9a-f]{4}:\\d)?',
  '(?:usb )?usb\\d{1,2}',
  '(?:usb )?(?:usb\\d{1,2}|\\d{1,3}-\\d{1,2}(?:\\.\\d{1,2}){0,6})-port\\d{1,2}',
  '(?:usb )?\\d{1,3}-\\d{1,2}(?:\\.\\d{1,2}){0,6}(?::\\d{1,2}\\.\\d{1,2})?',
  '[0-9a-f]{5,9}\\.[a-z][a-z0-9-]{2,20}(?::[a-z0-9-]{2,20})?',
  'spi\\d{1,2}\\.\\d',
  'phy\\d{1,3}',
  'wl[a-z0-9]{1,13}',
  'mlan\\d',
  'uap\\d',
  '[a-z][a-z0-9-]{2,20}\\.\\d{1,2}\\.auto',
  'hci\\d{1,2}',
  'tty(?:USB|ACM)\\d{1,3}',
  'ww(?:an|p)[a-z0-9]{1,12}',
];
const DEVICE = `(?<![\\w:.-])(?<device>${DEVICES.join('|')})`;

/** Regular expressions for what is printed around the literal. */
interface Around {
  /** Right before and after it. */
  before?: string;
  after?: string;
  /** The driver that must be named first, with its device, where the text alone could be anybody's. */
  driver?: string;
  /** In place of driver and device: what may stand before the text, with a group `device` of its own. */
  prefix?: string;
}

/**
 * A line with one of these texts, and the device that stands before it, if one does. The text is looked for first, and
 * what is around it only where it was found: no line can make it slow.
 */
export function line(
  literal: string | readonly string[],
  { before = '', after = '', driver, prefix }: Around = {},
): Line {
  const literals = [literal].flat();
  const text = `(?:${literals.map(escaped).join('|')})`;
  const named = driver === undefined ? `(?:${prefix ?? `${DEVICE}:? `}|)` : `${driver} ${DEVICE}: `;
  return { literals, pattern: new RegExp(`${text}(?<=${named}${before}${text})${after}`) };
}

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

export type Line = Pick<Signature, 'literals' | 'pattern'>;
