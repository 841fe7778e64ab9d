/** The controller's two clocks, read together. */

export interface Now {
  /** CLOCK_MONOTONIC in nanoseconds. A double is exact to 1 ns for 104 days of uptime, to 2 ns for twice that. */
  mono: number;
  /** RFC 3339 with milliseconds. */
  wall: string;
}

/** The last wall time told, in both forms: thousands of lines a second share a millisecond. */
let lastMs = 0;
let lastWall = '';

export function now(): Now {
  const [seconds, nanoseconds] = process.hrtime();
  const ms = Date.now();
  if (ms !== lastMs) {
    lastMs = ms;
    lastWall = new Date(ms).toISOString();
  }
  return { mono: seconds * 1e9 + nanoseconds, wall: lastWall };
}
