/**
 * The `test` and `expect` that suites import. Each test that uses a board has it checked out for itself, recorded, and
 * given back; what it starts there is undone. Waiting and booting do not count against the time-out of the test.
 */
import { test as base } from '@playwright/test';
import { type AirSetup, PartnerBoards, TestAir } from './fixtures/air.ts';
import { type TestBoard, withBoard } from './fixtures/board.ts';
import { needsOf, unmetNeeds } from './fixtures/capabilities.ts';
import { TestConsole } from './fixtures/console.ts';
import { TestDriver, TestKernel } from './fixtures/kernel.ts';
import { ApStarter, StationStarter } from './fixtures/links.ts';
import { TestSsh } from './fixtures/ssh.ts';
import { TestIperf, TestSoak } from './fixtures/traffic.ts';
import { WorkerLab } from './fixtures/worker-lab.ts';
import { settings } from './runner/settings.ts';
import type { Allowance } from './verdict/allow.ts';

export { expect } from './fixtures/matchers.ts';
export { reconnectSettings, soakSettings } from './runner/settings.ts';

export interface HilOptions {
  /** Boards that may be used; empty: any. */
  boards: string[];
}

export interface HilTestOptions {
  /** Findings that do not fail a test; the reason is shown with them. `signature`: an id, a class, or a group as `mt76/*`. */
  allow: Allowance[];
  /** Of the `air`: how many boards are in it, whether frames take time, how loud the noise is. */
  airOptions: AirSetup;
}

export interface HilWorkerFixtures {
  lab: WorkerLab;
}

export interface HilFixtures {
  capabilityGate: undefined;
  loadedDriver: undefined;
  /** The board, booted and answering over SSH. */
  board: TestBoard;
  console: TestConsole;
  ssh: TestSsh;
  kernel: TestKernel;
  /** The module under test. */
  driver: TestDriver;
  ap: ApStarter;
  station: StationStarter;
  iperf: TestIperf;
  soak: TestSoak;
  partners: PartnerBoards;
  /** For each test, where the run asks for it. */
  wantedAir: TestAir | null;
  /** An air that the board shares with another virtual board, on which stations then are. */
  air: TestAir;
  /** Aborted when the test has ended or timed out, or when its board was lost: for what a test waits for by itself. */
  signal: AbortSignal;
}

export const test = base.extend<HilFixtures & HilTestOptions, HilWorkerFixtures & HilOptions>({
  boards: [[], { option: true, scope: 'worker' }],
  allow: [[], { option: true }],
  airOptions: [{}, { option: true }],

  // Neither connects nor throws: a worker fixture that fails makes later tests pass without having run.
  lab: [
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the fixtures used from this pattern
    async ({}, use, workerInfo) => {
      const lab = new WorkerLab(`test worker ${workerInfo.workerIndex}`);
      await use(lab);
      await lab.close();
    },
    { scope: 'worker', timeout: 0 },
  ],

  // Skips before a board is leased. Test-scoped, so that it says nothing about the worker's next test.
  capabilityGate: [
    async ({ lab, boards }, use, testInfo) => {
      const needs = needsOf(testInfo.tags);
      if (needs.length > 0) {
        const reason = unmetNeeds(needs, await lab.boards(), boards);
        testInfo.skip(reason !== null, reason ?? undefined);
      }
      await use(undefined);
    },
    { auto: true, timeout: 0, box: true },
  ],

  // The board depends on it: they are given back after it.
  partners: [
    async ({ lab }, use) => {
      const partners = new PartnerBoards(lab);
      await use(partners);
      await partners.release();
    },
    { timeout: 0, box: true },
  ],

  // No time limit of Playwright's: each of its waits has one of its own.
  board: [
    async ({ lab, boards, allow, partners: _ }, use, testInfo) => {
      await withBoard(lab, { boards, allow }, testInfo, use);
    },
    { timeout: 0 },
  ],

  console: async ({ board }, use) => use(new TestConsole(board)),
  ssh: async ({ board }, use) => use(new TestSsh(board)),
  kernel: async ({ board }, use) => use(new TestKernel(board)),
  driver: async ({ board, kernel }, use) => use(new TestDriver(board, kernel)),
  // Radios need their driver; with which parameters it is loaded is for the test to say.
  loadedDriver: [
    async ({ driver }, use) => {
      if (!(await driver.loaded())) await driver.load();
      await use(undefined);
    },
    { box: true },
  ],
  // Booting the other board does not count against the time-out of the test.
  wantedAir: [
    async ({ board, loadedDriver: _, partners, airOptions }, use) =>
      use(settings().HIL_AIR === '1' ? await TestAir.open(board, partners, airOptions) : null),
    { timeout: 0, box: true },
  ],
  air: [
    async ({ board, wantedAir, partners, airOptions }, use) =>
      use(wantedAir ?? (await TestAir.open(board, partners, airOptions))),
    { timeout: 0 },
  ],
  ap: async ({ board, wantedAir: _ }, use) => use(new ApStarter(board)),
  station: async ({ board, wantedAir: _ }, use) => use(new StationStarter(board)),
  iperf: async ({ board }, use, testInfo) => use(new TestIperf(board, testInfo)),
  soak: async ({ board }, use, testInfo) => use(new TestSoak(board, testInfo)),
  signal: async ({ board }, use) => use(board.signal),
});
