/** How far a machine's clock is from this one's, asked when it is compared: what else is asked for takes its time. */
import { type Answer, good, warning } from './check.ts';

export const ASK_CLOCK = 'date +%s';

/** More than this, and the times of logs are of no use. */
const MOST_S = 2;

/** `said`: what ASK_CLOCK printed, just now. */
export function clockAnswer(said: string, todo: string): Answer {
  const off = Number(said.trim()) - Date.now() / 1000;
  const text = `${off >= 0 ? '+' : ''}${off.toFixed(1)} s to this machine`;
  return Math.abs(off) <= MOST_S ? good(text) : warning(text, todo);
}
