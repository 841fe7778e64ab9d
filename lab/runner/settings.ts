/** What the environment says about a run; `hil run` sets it from its options. */
import { z } from 'zod';
import { ConfigError } from '../errors.ts';

const count = z.coerce.number().int().positive();
const positive = z.coerce.number().positive();

const SETTINGS = z.object({
  /** Boards to use, separated by commas; empty: any. */
  HIL_BOARD: z
    .string()
    .transform((names) =>
      names
        .split(',')
        .map((name) => name.trim())
        .filter(Boolean),
    )
    .default([]),
  /** Tests under way at a time. More than one wants a machine whose cores can keep as many boards busy. */
  HIL_WORKERS: count.default(1),
  /** How long a test waits for a board; milliseconds. */
  HIL_WAIT_MS: positive.default(600_000),
  /** Length of the soak; seconds. */
  HIL_DURATION: positive.default(60),
  /** Stations are on another virtual board than the access point, in one air. */
  HIL_AIR: z.enum(['0', '1']).default('0'),
  /** Times that the reconnect suite makes a station join anew. */
  HIL_RECONNECTS: count.default(100),
  /** Rate of the soak; bit/s. */
  HIL_RATE: positive.default(20e6),
});
export type Settings = z.output<typeof SETTINGS>;

/** The settings of the environment; throws ConfigError naming the variable that is wrong. */
export function settings(env: NodeJS.ProcessEnv = process.env): Settings {
  const given = Object.fromEntries(Object.keys(SETTINGS.shape).map((name) => [name, env[name] || undefined]));
  const parsed = SETTINGS.safeParse(given);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.map(
    ({ path, message }) => `${path.join('.')}=${given[String(path[0])]}: ${message}`,
  );
  throw new ConfigError(issues.join('; '), { hint: 'unset it for the default' });
}

/** What the reconnect suite runs. */
export function reconnectSettings(env: NodeJS.ProcessEnv = process.env): { times: number } {
  return { times: settings(env).HIL_RECONNECTS };
}

/** What the soak suite runs: the floor is three quarters of the rate. */
export function soakSettings(env: NodeJS.ProcessEnv = process.env): {
  durationS: number;
  rateBps: number;
  floorBps: number;
} {
  const { HIL_DURATION, HIL_RATE } = settings(env);
  return { durationS: HIL_DURATION, rateBps: HIL_RATE, floorBps: HIL_RATE * 0.75 };
}
