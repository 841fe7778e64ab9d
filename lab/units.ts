/** Durations, rates and sizes as people write them on a command line, and as they like to read them. */
import { ConfigError } from './errors.ts';

const MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const BITS = { k: 1e3, M: 1e6, G: 1e9 } as const;

function isKey<T extends object>(table: T, key: string): key is Extract<keyof T, string> {
  return Object.hasOwn(table, key);
}

/** `30m`, `90s`, `1h30m`, `500ms` in milliseconds. Throws ConfigError; a number needs its unit. */
export function parseDuration(text: string): number {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/gy)];
  const whole = parts.map(([part]) => part).join('') === text;
  let total = 0;
  let last = Number.POSITIVE_INFINITY;
  for (const [, number = '', unit = ''] of parts) {
    const size = isKey(MS, unit) ? MS[unit] : 0;
    // 1h30m, but neither 30m1h nor 1m1m.
    if (size >= last) return badDuration(text);
    last = size;
    total += Number(number) * size;
  }
  if (parts.length === 0 || !whole || !Number.isFinite(total)) return badDuration(text);
  return Math.round(total);
}

function badDuration(text: string): never {
  const unit = /^\d+(\.\d+)?$/.test(text) ? `: say ${text}s or ${text}m` : '';
  throw new ConfigError(`"${text}" is no duration${unit}`, {
    hint: 'a number and its unit (ms, s, m, h, d), such as 90s, 30m or 1h30m',
  });
}

/** `20M`, `500k`, `1.5G` in bits a second. Throws ConfigError; a number needs its unit. */
export function parseRate(text: string): number {
  const [, number = '', unit = ''] = /^(\d+(?:\.\d+)?)([kMG])$/.exec(text) ?? [];
  const bits = isKey(BITS, unit) ? Math.round(Number(number) * BITS[unit]) : 0;
  if (bits > 0 && Number.isSafeInteger(bits)) return bits;
  const unitless = /^\d+(\.\d+)?$/.test(text) && Number(text) > 0 ? `: say ${text}M or ${text}k` : '';
  throw new ConfigError(`"${text}" is no rate${unitless}`, {
    hint: 'bits a second as a number and k, M or G, such as 20M or 500k',
  });
}

/** A whole number from `least` to `most`. Throws ConfigError, naming the option. */
export function parseCount(option: string, least: number, most: number): (text: string) => number {
  return (text) => {
    const number = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (number >= least && number <= most) return number;
    throw new ConfigError(`${option} takes a whole number from ${least} to ${most}, not "${text}"`);
  };
}

/** Milliseconds as `820 ms`, `3.6 s`, `2 min 05 s`, `1 h 02 min`. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  const two = (value: number) => String(value).padStart(2, '0');
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${two(seconds % 60)} s`;
  return `${Math.floor(seconds / 3600)} h ${two(Math.floor((seconds % 3600) / 60))} min`;
}

/** Bytes as `512 B`, `1.4 kB`, `280 MB` (powers of 1000). */
export function formatBytes(bytes: number): string {
  let value = bytes;
  for (const unit of ['B', 'kB', 'MB']) {
    if (value < 999.5) return `${value < 10 && unit !== 'B' ? value.toFixed(1) : Math.round(value)} ${unit}`;
    value /= 1000;
  }
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} GB`;
}
