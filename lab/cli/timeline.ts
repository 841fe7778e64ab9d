/** `hil timeline [RUN]`: the page that shows all that was recorded in a run over one time axis. */
import type { Command } from 'commander';
import { writeTimeline } from '../../reporters/timeline/page.ts';
import type { Invocation } from './invocation.ts';
import { definePage } from './page.ts';

export function define(command: Command, invocation: Invocation): void {
  definePage(command, invocation, {
    make: writeTimeline,
    help: `
Prints the path of the page, one file that needs no server and fetches nothing. It shows throughput, latency, signal and
repeats as charts, and what every source told as lanes of lines below; a click shows all lines around that moment. A run
that goes on is shown as far as it has come.

Examples:
  hil timeline --open
  hil timeline 2026-11-21T0715`,
  });
}
