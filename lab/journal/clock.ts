/** The controller's two clocks, read together. */

export interface Now {
  /** CLOCK_MONOTONIC in nanoseconds. A double is exact to 1 ns for 104 days of uptime, to 2 ns for twice that. */
  mono: number;
  /** RFC 3339 with milliseconds. */
  wall: string;
}

export function now(): Now {
  return { mono: Number(process.hrtime.bigint()), wall: new Date().toISOString() };
}
