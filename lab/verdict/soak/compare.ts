/** Whether two arms differ that were measured in turn, and how sure that is. Pure. */

export interface Comparison {
  meanA: number;
  meanB: number;
  /** Of B less A. */
  difference: number;
  /** 95 % confidence interval of the difference. */
  low: number;
  high: number;
  pairs: number;
}

/** Student's t, two-sided 95 %, by degrees of freedom from 1 on (any table of it). */
const T = [
  ...[
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131,
  ],
  ...[2.12, 2.11, 2.101, 2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048, 2.045, 2.042],
];
const T_MANY = 2.042;

/** By pairs, so that what drifts slowly does not count. Null for less than two of them. */
export function comparePairs(pairs: readonly { a: number; b: number }[]): Comparison | null {
  const count = pairs.length;
  if (count < 2) return null;
  const mean = (values: readonly number[]) => values.reduce((sum, each) => sum + each, 0) / count;
  const differences = pairs.map(({ a, b }) => b - a);
  const difference = mean(differences);
  const variance = differences.reduce((sum, each) => sum + (each - difference) ** 2, 0) / (count - 1);
  const reach = (T[count - 2] ?? T_MANY) * Math.sqrt(variance / count);
  return {
    ...{ meanA: mean(pairs.map(({ a }) => a)), meanB: mean(pairs.map(({ b }) => b)), difference },
    ...{ low: difference - reach, high: difference + reach, pairs: count },
  };
}
