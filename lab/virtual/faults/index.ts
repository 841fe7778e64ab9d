/** All faults, by their names. */
import { board } from './board.ts';
import type { Fault } from './fault.ts';
import { lab } from './lab.ts';
import { link } from './link.ts';

export const FAULTS: readonly Fault[] = [...link, ...board, ...lab];
