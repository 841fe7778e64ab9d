/** The time-line page in a real browser: a run of half an hour with a hundred thousand events. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type Browser, chromium, type Page } from '@playwright/test';
import { type AnyEvent, type EventKind, type PayloadInput, sourceOf } from '../../lab/journal/event.ts';
import { TimelineBuilder } from '../../reporters/timeline/data.ts';
import { timelinePage } from '../../reporters/timeline/page.ts';
import { until } from './lab.ts';

const SECONDS = 1800;
const LINES_A_SECOND = 54;
const DIP = 901;
/** Of a board that means harm. */
const EVIL = '</script><script>window.evil = 1</script><!--';

/** A soak whose rate dips once, on a board that talks all the time. */
function longRun(): string {
  const builder = new TimelineBuilder();
  let seq = 0;
  const add = <K extends EventKind>(kind: K, ms: number, data: PayloadInput<K>) => {
    const wall = new Date(Date.UTC(2026, 0, 2) + ms).toISOString();
    // Kind and payload belong together, which a generic can't show.
    const event = { seq: ++seq, mono: ms * 1e6, wall, board: 'vb1', source: sourceOf(kind), kind, data };
    builder.add(event as unknown as AnyEvent);
  };
  add('run.start', 0, {
    ...{ run: 'r1', command: 'hil soak vb1', harness: '0', host: 'h', node: '24', startedAt: '' },
  });
  add('test.start', 5, { id: 'a', title: 'holds 20 Mbit/s', file: 'f', suite: 'soak' });
  add('kernel.boot', 7, { bootId: 'b' });
  add('clock.mapping', 8, {
    ...{ clock: 'kernel', bootId: 'b', offsetNs: 0, boundNs: 2.5e6, atNs: 0, samples: 9 },
  });
  add('soak.start', 10, { soak: 's', rateBps: 20e6, floorBps: 15e6, durationS: SECONDS });
  add('iperf3.start', 10, { test: 't', command: 'iperf3', protocol: 'udp', direction: 'up' });
  for (let second = 0; second < SECONDS; second++) {
    const at = 1000 + second * 1000;
    const bitsPerSecond = second === DIP ? 2e6 : 20e6;
    add('iperf3.interval', at, { test: 't', startS: second, endS: second + 1, bytes: 1, bitsPerSecond });
    add('probe.latency', at + 1, {
      target: 'a',
      idle: false,
      expected: 5,
      timesMs: [2, second === DIP ? 180 : 3],
    });
    add('probe.radio', at + 2, {
      end: 'both',
      interface: 'wlan0',
      station: '02:00',
      signalDbm: -60,
      txRetries: second,
    });
    if (second === DIP)
      add('soak.breach', at + 3, {
        soak: 's',
        criterion: 'floor',
        atS: DIP,
        message: '2.0 Mbit/s at second 901',
      });
    for (let line = 0; line < LINES_A_SECOND; line++) {
      const ms = at + line * 18;
      if (line % 3 > 0) add('console.line', ms, { text: `line ${second} ${line} ${EVIL}` });
      else
        add('kernel.record', ms, {
          ...{ seq: second * 100 + line, level: 6, us: ms * 1000, text: `queue ${second}-${line}` },
        });
    }
  }
  add('soak.end', SECONDS * 1000 + 1000, { soak: 's', verdict: 'fail', message: '' });
  const end = { status: 'failed', verdict: 'fail', durationMs: 1 };
  add('test.end', SECONDS * 1000 + 2000, { id: 'a', title: 'holds 20 Mbit/s', ...end });
  return timelinePage(builder.build());
}

describe('the time-line page of half an hour', { timeout: 300_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'hil-page-'));
  const url = `file://${join(folder, 'timeline.html')}`;
  const complaints: string[] = [];
  let browser: Browser;
  let page: Page;
  before(async () => {
    writeFileSync(join(folder, 'timeline.html'), longRun());
    const executablePath = execFileSync('which', ['chromium-headless-shell'], { encoding: 'utf8' }).trim();
    browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
    page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    page.on('console', (message) => complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('request', (request) => {
      if (!request.url().startsWith('file:')) complaints.push(`it fetches ${request.url()}`);
    });
    await open('');
  });
  after(async () => {
    await browser.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function open(hash: string): Promise<void> {
    await page.goto('about:blank');
    await page.goto(`${url}${hash}`);
    await page.locator('html[data-ready=yes]').waitFor();
  }
  /** What is in view, as the address says, in milliseconds. */
  const view = (): { from: number; to: number } => {
    const [, from = 'NaN', to = 'NaN'] = /from=(\d+)&to=(\d+)/.exec(page.url()) ?? [];
    return { from: Number(from), to: Number(to) };
  };
  const rows = () => page.locator('#detail tr');

  test('opens, says what it shows, and takes what a board said as text', async () => {
    assert.match(
      (await page.locator('#about').textContent()) ?? '',
      /hil soak vb1 .* 30:02 long · 9\d{4} lines · 1 breach$/,
    );
    assert.equal(await page.title(), 'time line of r1');
    assert.equal(await page.evaluate('window.evil'), undefined);
    assert.deepEqual(complaints, []);
  });

  test('a click shows what every source told around that moment, with the error of its clock', async () => {
    await page.locator('#chart').click({ position: { x: 700, y: 80 } });
    await rows().first().waitFor();
    assert.ok((await rows().count()) > 100);
    const lanes = new Set(await page.locator('#detail td:nth-child(4)').allTextContents());
    assert.deepEqual([lanes.has('console'), lanes.has('kernel'), lanes.has('traffic')], [true, true, true]);
    const kernel = page.locator('#detail tr', { hasText: 'queue' }).first();
    assert.match((await kernel.textContent()) ?? '', /±\d/);
  });

  test('the breach is found, marked and explained', async () => {
    await page.keyboard.press('b');
    await page.getByText('breach at 15:01.000: 2.0 Mbit/s at second 901').waitFor();
  });

  test('wheel and keys zoom and move, and 0 shows the whole run again', async () => {
    await page.locator('#chart').focus();
    await page.keyboard.press('0');
    await until(async () => view().to === 1_802_000, 'the whole run');
    await page.locator('#chart').hover({ position: { x: 700, y: 80 } });
    await page.mouse.wheel(0, -1200);
    await until(async () => view().from > 0, 'it is zoomed');
    const zoomed = view();
    assert.ok(zoomed.to - zoomed.from < 600_000, 'it shows less');
    await page.keyboard.press('ArrowRight');
    await until(async () => view().from > zoomed.from, 'it moved');
    const moved = view();
    assert.ok(moved.from > zoomed.from);
    await page.keyboard.press('-');
    await until(async () => view().from < moved.from, 'it is wider');
    const wider = view();
    assert.ok(wider.to - wider.from > moved.to - moved.from);
  });

  test('a search finds every line of every source, and Enter goes through them', async () => {
    await page.keyboard.press('/');
    await page.keyboard.type('queue 333-');
    await page.getByText('18 lines').waitFor();
    await page.keyboard.press('Enter');
    await page.getByText('1 of 18 lines').waitFor();
    assert.match((await page.locator('#detail tr.here').textContent()) ?? '', /queue 333-0/);
    await page.keyboard.press('Enter');
    await page.getByText('2 of 18 lines').waitFor();
    assert.match((await page.locator('#detail tr.here').textContent()) ?? '', /queue 333-3/);
    assert.ok((await page.locator('#detail tr.found').count()) > 1);
    await page.keyboard.press('Escape');
    await page.locator('#found:empty').waitFor({ state: 'attached' });
  });

  test('a link opens at its moment', async () => {
    await open('#at=600000&from=590000&to=610000');
    await page.getByText(/^10:00\.000 /).waitFor();
    await until(async () => view().from === 590_000 && view().to === 610_000, 'it shows what the link says');
  });

  test('light, dark and print', async () => {
    const ground = () => page.evaluate('getComputedStyle(document.body).backgroundColor');
    const light = await ground();
    await page.locator('#theme').click();
    assert.notEqual(await ground(), light);
    await page.locator('#theme').click();
    const pdf = await page.pdf({ format: 'A4', landscape: true });
    assert.ok(pdf.length > 20_000);
    assert.deepEqual(complaints, []);
  });
});
