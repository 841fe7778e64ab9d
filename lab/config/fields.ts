/** Kinds of values that occur all over a lab file. Each tells in its message what was expected. */
import { z } from 'zod';
import { isReference, Secret } from '../secret.ts';

/** A duration such as `500ms`, `2s`, `5m`; gives milliseconds. */
export const duration = z
  .string('expected a duration such as 500ms, 2s or 5m')
  .regex(/^\d+(?:\.\d+)?(?:ms|s|m|h)$/, 'expected a duration such as 500ms, 2s or 5m')
  .transform((text) => {
    const [, amount = '0', unit = 's'] = /^([\d.]+)(\w+)$/.exec(text) ?? [];
    return Math.round(Number(amount) * ({ ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[unit] ?? 1000));
  });

/** A secret by reference; the value itself is refused, for lab files are shared. */
export const secret = z
  .string('expected a reference to a secret, env:NAME or file:/absolute/path')
  .refine(
    isReference,
    'expected a reference to a secret, env:NAME or file:/absolute/path, never the secret itself',
  )
  .transform((reference) => new Secret(reference));

export const tcpPort = z.number('expected a TCP port, 1 to 65535').int().min(1).max(65535);
export const host = z
  .string('expected a host name or IP address')
  .regex(/^[A-Za-z0-9_.:%-]+$/, 'expected a host name or IP address');
export const httpUrl = z.url({ protocol: /^https?$/, error: 'expected an http:// or https:// address' });
export const absolutePath = z
  .string('expected an absolute path')
  .startsWith('/', 'expected an absolute path');
