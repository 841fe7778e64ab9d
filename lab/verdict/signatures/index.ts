/** The catalogue: a new subsystem is one file of data in this folder and one line below. */
import { mt76 } from './mt76.ts';
import { mt76x02 } from './mt76x02.ts';
import type { Signature } from './signature.ts';

/** In order: where two signatures match a line with literals of the same length, the earlier one counts. */
export const SIGNATURES: readonly Signature[] = [...mt76, ...mt76x02];
