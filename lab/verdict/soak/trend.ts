/** Whether a series rises or falls over its time, and how sure that is. Pure. */

export interface Point {
  atS: number;
  value: number;
}

export interface Trend {
  /** A second. */
  slope: number;
  /** 95 % confidence interval of the slope. */
  low: number;
  high: number;
}

const LEAST_POINTS = 10;
/** Two-sided 95 % of the normal distribution; series here have hundreds of points. */
const Z = 1.96;

/**
 * A straight line by least squares. Neighbours in such series resemble each other, and so count for less: the error is widened
 * by the correlation of each residual with the next (an AR(1) process). Null for less than ten points.
 */
export function trendOf(points: readonly Point[]): Trend | null {
  const count = points.length;
  if (count < LEAST_POINTS) return null;
  const mean = (values: readonly number[]) => values.reduce((sum, each) => sum + each, 0) / values.length;
  const [atMean, valueMean] = [mean(points.map(({ atS }) => atS)), mean(points.map(({ value }) => value))];
  const spread = points.reduce((sum, { atS }) => sum + (atS - atMean) ** 2, 0);
  if (spread === 0) return null;
  const slope =
    points.reduce((sum, { atS, value }) => sum + (atS - atMean) * (value - valueMean), 0) / spread;
  const residuals = points.map(({ atS, value }) => value - valueMean - slope * (atS - atMean));
  const squares = residuals.reduce((sum, each) => sum + each ** 2, 0);
  const products = residuals.reduce((sum, each, index) => sum + each * (residuals[index - 1] ?? 0), 0);
  const correlation = squares === 0 ? 0 : Math.min(0.95, Math.max(0, products / squares));
  const error = Math.sqrt(squares / (count - 2) / spread) * Math.sqrt((1 + correlation) / (1 - correlation));
  return { slope, low: slope - Z * error, high: slope + Z * error };
}

/** The value below which that part of them lies, 0 to 1; null of none. */
export function quantileOf(values: readonly number[], part: number): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? null;
}
