/** Brings the hits of a log into the order in which things happened, boot by boot. */
import type { Hit } from './hit.ts';

/** A kernel's clock that falls back by more than this has started anew; lines of two CPUs may be that far out of order. */
const RESTART_S = 2;
/** What a log's clock at most shows early in a boot. */
const EARLY_S = 60;

/** Oldest first, each with the number of its boot. Logs that show the newest line first are turned round. */
export function inOrder(hits: readonly Hit[]): Hit[] {
  const ordered = isNewestFirst(hits) ? hits.toReversed() : [...hits];
  let boot = 0;
  let last: number | null = null;
  let begun = true;
  for (const hit of ordered) {
    const banner = beginsBoot(hit.signature);
    const restarted =
      last !== null && hit.kernelS !== null && hit.kernelS < last - RESTART_S && hit.kernelS < EARLY_S;
    // Boot loader, kernel and their banners are of one boot; what stands between two is not.
    if (banner ? !begun : restarted && !begun) boot++;
    if (restarted || banner) last = null;
    begun = banner;
    if (hit.kernelS !== null) last = hit.kernelS;
    hit.boot = boot;
  }
  return ordered;
}

/** Whether a signature is that of a banner by which boots begin. */
export function beginsBoot(signature: string): boolean {
  return signature.startsWith('boot/begin');
}

function isNewestFirst(hits: readonly Hit[]): boolean {
  let back = 0;
  let forth = 0;
  for (let at = 1; at < hits.length; at++) {
    const [before, after] = [hits[at - 1], hits[at]];
    if (!before || !after) continue;
    const step =
      before.wallS !== null && after.wallS !== null
        ? after.wallS - before.wallS
        : before.kernelS !== null && after.kernelS !== null
          ? after.kernelS - before.kernelS
          : 0;
    if (step > 0) forth++;
    if (step < 0) back++;
  }
  return back > 2 && back > 3 * forth;
}
