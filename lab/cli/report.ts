/** `hil report [RUN]`: makes the page of a run from what it left behind, as often as one likes. */
import type { Command } from 'commander';
import { generateReport } from '../../reporters/allure-page.ts';
import type { Invocation } from './invocation.ts';
import { definePage } from './page.ts';

export function define(command: Command, invocation: Invocation): void {
  definePage(command, invocation, {
    make: generateReport,
    help: `
Prints the path of the page. It needs no server and fetches nothing.

Examples:
  hil report --open
  hil report 2026-11-21T0715`,
  });
}
