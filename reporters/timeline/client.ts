/// <reference lib="dom" />
/** Draws the page and answers its reader; runs in the browser, as one script: of types only may it import. */

import type { Chart, PageData } from './data.ts';

function element<T extends HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return found as T;
}

const data = JSON.parse(element('data').textContent ?? '') as PageData;
const { lines, charts, breaches, tests } = data;
const canvas = element<HTMLCanvasElement>('chart');
const pen = canvas.getContext('2d') as CanvasRenderingContext2D;
const LEFT = 150;
const RIGHT = 14;
const CHART = 104;
const LANE = 20;
const AXIS = 24;
/** Shown around a moment, at most so many lines on each side. */
const AROUND_MS = 10_000;
const AROUND_LINES = 200;

const shown = data.lanes.map((_, lane) => lines.lane.includes(lane));
const laneRow = new Map(
  data.lanes.flatMap((_, lane) => (shown[lane] ? [lane] : [])).map((lane, row) => [lane, row]),
);
const byLane = data.lanes.map((_, lane) => {
  const of: number[] = [];
  for (let index = 0; index < lines.t.length; index++) if (lines.lane[index] === lane) of.push(index);
  return of;
});
const top = AXIS + (tests.length > 0 ? LANE : 0);
const lanesTop = top + charts.length * CHART + 6;
const height = lanesTop + laneRow.size * LANE + 8;

const view = { from: 0, to: data.endMs };
let cursor: number | null = null;
let found: number[] = [];
let foundAt = -1;
let breachAt = -1;

const clamp = (value: number, least: number, most: number) => Math.min(most, Math.max(least, value));
const width = () => canvas.clientWidth;
const toX = (t: number) => LEFT + ((t - view.from) / (view.to - view.from)) * (width() - LEFT - RIGHT);
const toT = (x: number) => view.from + ((x - LEFT) / (width() - LEFT - RIGHT)) * (view.to - view.from);
const colour = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** First index of a rising list whose value is not below. */
function lowerBound(list: readonly number[], value: number): number {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((list[middle] ?? 0) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

function clock(t: number, digits: number): string {
  const seconds = Math.max(0, t) / 1000;
  const whole = Math.floor(seconds);
  const two = (value: number) => String(value).padStart(2, '0');
  const hours = Math.floor(whole / 3600);
  const rest = (seconds - Math.floor(whole / 60) * 60)
    .toFixed(digits)
    .padStart(digits === 0 ? 2 : digits + 3, '0');
  return `${hours > 0 ? `${hours}:` : ''}${two(Math.floor(whole / 60) % 60)}:${rest}`;
}

function draw(): void {
  const ratio = window.devicePixelRatio || 1;
  const w = width();
  if (canvas.width !== Math.round(w * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(w * ratio);
    canvas.height = Math.round(height * ratio);
    canvas.style.height = `${height}px`;
  }
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.fillStyle = colour('--ground');
  pen.fillRect(0, 0, w, height);
  pen.font = '12px system-ui, sans-serif';
  pen.textBaseline = 'middle';
  axis(w);
  for (const [row, chart] of charts.entries()) drawChart(chart, top + row * CHART, w);
  for (const [lane, row] of laneRow) drawLane(lane, lanesTop + row * LANE, w);
  drawMarks();
}

function axis(w: number): void {
  const span = view.to - view.from;
  const steps = [
    1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 3e4, 6e4, 12e4, 3e5, 6e5, 18e5, 36e5, 72e5,
  ];
  const step = steps.find((each) => (each / span) * (w - LEFT - RIGHT) >= 80) ?? 144e5;
  pen.textAlign = 'center';
  for (let t = Math.ceil(view.from / step) * step; t <= view.to; t += step) {
    const x = toX(t);
    pen.fillStyle = colour('--line');
    pen.fillRect(x, AXIS - 4, 1, height);
    pen.fillStyle = colour('--faint');
    pen.fillText(clock(t, step < 1000 ? 3 : 0), x, 10);
  }
  pen.save();
  pen.beginPath();
  pen.rect(LEFT, 0, w - LEFT - RIGHT, height);
  pen.clip();
  for (const { from, to, title, verdict } of tests) {
    if (to < view.from || from > view.to) continue;
    const [x, end] = [toX(from), toX(to)];
    pen.fillStyle = verdict === 'pass' ? colour('--c1') : colour('--bad');
    pen.globalAlpha = 0.25;
    pen.fillRect(x, AXIS, Math.max(1, end - x), LANE - 4);
    pen.globalAlpha = 1;
    pen.fillStyle = colour('--text');
    pen.textAlign = 'left';
    if (end - x > 40)
      pen.fillText(title, Math.max(x, LEFT) + 4, AXIS + (LANE - 4) / 2, end - Math.max(x, LEFT) - 8);
  }
  pen.restore();
}

function drawChart(chart: Chart, y: number, w: number): void {
  const inner = { top: y + 20, bottom: y + CHART - 8 };
  let [least, most] = chart.unit === 'dBm' ? [0, -100] : [0, 1];
  if (chart.unit === 'dBm') [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const { t, v } of chart.lines) {
    for (let i = Math.max(0, lowerBound(t, view.from) - 1); i < t.length && (t[i - 1] ?? 0) <= view.to; i++) {
      most = Math.max(most, v[i] ?? most);
      least = Math.min(least, v[i] ?? least);
    }
  }
  for (const { v } of chart.floors) most = Math.max(most, v * 1.1);
  if (!(most > least))
    [least, most] = [(Number.isFinite(least) ? least : 0) - 1, (Number.isFinite(most) ? most : 0) + 1];
  const toY = (v: number) => inner.bottom - ((v - least) / (most - least)) * (inner.bottom - inner.top);
  pen.textAlign = 'left';
  pen.fillStyle = colour('--text');
  pen.fillText(`${chart.title}, ${chart.unit}`, 8, y + 8, LEFT - 14);
  pen.fillStyle = colour('--faint');
  pen.textAlign = 'right';
  pen.fillText(round(most), LEFT - 6, inner.top + 2);
  pen.fillText(round(least), LEFT - 6, inner.bottom);
  pen.fillStyle = colour('--line');
  pen.fillRect(LEFT, inner.bottom, w - LEFT - RIGHT, 1);
  pen.save();
  pen.beginPath();
  pen.rect(LEFT, y, w - LEFT - RIGHT, CHART);
  pen.clip();
  pen.setLineDash([5, 4]);
  pen.strokeStyle = colour('--bad');
  for (const { from, to, v } of chart.floors) {
    pen.beginPath();
    pen.moveTo(toX(from), toY(v));
    pen.lineTo(toX(to), toY(v));
    pen.stroke();
  }
  pen.setLineDash([]);
  let legend = LEFT + 4;
  for (const [index, line] of chart.lines.entries()) {
    const own = colour(`--c${index % 6}`);
    drawLine(line, toY, own);
    pen.fillStyle = own;
    pen.textAlign = 'left';
    pen.fillText(line.name, legend, y + 10);
    legend += pen.measureText(line.name).width + 16;
  }
  pen.restore();
}

/** Each column of pixels once: from its least to its most. */
function drawLine({ t, v }: { t: number[]; v: number[] }, toY: (v: number) => number, own: string): void {
  pen.strokeStyle = own;
  pen.lineWidth = 1.4;
  pen.beginPath();
  let column = Number.NaN;
  let [low, high] = [0, 0];
  let before = Number.NaN;
  for (let i = Math.max(0, lowerBound(t, view.from) - 1); i < t.length; i++) {
    const at = t[i] ?? 0;
    const x = Math.round(toX(at));
    const y = toY(v[i] ?? 0);
    // A hole in what was measured is a hole in the line.
    const apart = at - before > 40_000;
    if (x !== column || apart) {
      if (!Number.isNaN(column) && low !== high) {
        pen.moveTo(column, low);
        pen.lineTo(column, high);
      }
      if (Number.isNaN(before) || apart) pen.moveTo(x, y);
      else pen.lineTo(x, y);
      [column, low, high] = [x, y, y];
    } else {
      [low, high] = [Math.min(low, y), Math.max(high, y)];
    }
    pen.moveTo(x, y);
    before = at;
    if (at > view.to) break;
  }
  pen.stroke();
  pen.lineWidth = 1;
}

function drawLane(lane: number, y: number, w: number): void {
  pen.textAlign = 'right';
  pen.fillStyle = colour('--text');
  pen.fillText(data.lanes[lane] ?? '', LEFT - 8, y + LANE / 2);
  pen.fillStyle = colour('--line');
  pen.fillRect(LEFT, y + LANE - 1, w - LEFT - RIGHT, 1);
  const usual = colour(`--c${lane % 6}`);
  const bad = colour('--bad');
  const of = byLane[lane] ?? [];
  const times = of.length > 0 ? laneTimes(lane) : [];
  let last = Number.NaN;
  for (let i = lowerBound(times, view.from); i < of.length; i++) {
    const index = of[i] ?? 0;
    const t = lines.t[index] ?? 0;
    if (t > view.to) break;
    const x = Math.round(toX(t));
    const isBad = lines.bad[index] === 1;
    if (x === last && !isBad) continue;
    pen.fillStyle = isBad ? bad : usual;
    pen.globalAlpha = isBad ? 1 : 0.75;
    pen.fillRect(x, y + (isBad ? 2 : 5), isBad ? 2 : 1, LANE - (isBad ? 5 : 10));
    last = x;
  }
  pen.globalAlpha = 1;
}

const times = new Map<number, number[]>();
function laneTimes(lane: number): number[] {
  const known = times.get(lane);
  if (known) return known;
  const own = (byLane[lane] ?? []).map((index) => lines.t[index] ?? 0);
  times.set(lane, own);
  return own;
}

function drawMarks(): void {
  pen.textAlign = 'left';
  for (const { t, criterion } of breaches) {
    if (t < view.from || t > view.to) continue;
    const x = toX(t);
    pen.fillStyle = colour('--bad');
    pen.fillRect(x, AXIS - 6, 1.5, height);
    pen.fillText(`▼ ${criterion}`, x - 4, AXIS - 2);
  }
  pen.fillStyle = colour('--found');
  let last = Number.NaN;
  for (const index of found) {
    const t = lines.t[index] ?? 0;
    const row = laneRow.get(lines.lane[index] ?? -1);
    const x = Math.round(toX(t));
    if (t < view.from || t > view.to || row === undefined || x === last) continue;
    pen.fillRect(x - 2, lanesTop + row * LANE + 1, 5, 5);
    last = x;
  }
  if (cursor === null) return;
  pen.fillStyle = colour('--mark');
  pen.fillRect(toX(cursor), AXIS - 6, 1.5, height);
}

function round(value: number): string {
  return Math.abs(value) >= 100 ? value.toFixed(0) : String(Number(value.toFixed(2)));
}

let wanted = false;
function redraw(): void {
  if (wanted) return;
  wanted = true;
  requestAnimationFrame(() => {
    wanted = false;
    draw();
  });
}

function show(from: number, to: number): void {
  const span = clamp(to - from, 2, data.endMs);
  view.from = clamp(from, 0, data.endMs - span);
  view.to = view.from + span;
  remember();
  redraw();
}

function zoom(factor: number, around: number): void {
  show(around - (around - view.from) * factor, around + (view.to - around) * factor);
}

/** So that a link opens where its writer was. */
let remembering = 0;
function remember(): void {
  clearTimeout(remembering);
  remembering = window.setTimeout(() => {
    const at = cursor === null ? '' : `at=${Math.round(cursor)}&`;
    history.replaceState(null, '', `#${at}from=${Math.round(view.from)}&to=${Math.round(view.to)}`);
  }, 150);
}

/** Shows the lines around a time; `line`: the one that is meant, where several have that time. */
function moment(t: number, line?: number): void {
  cursor = clamp(t, 0, data.endMs);
  const middle = line ?? lowerBound(lines.t, cursor);
  const first = Math.max(lowerBound(lines.t, cursor - AROUND_MS), middle - AROUND_LINES);
  const end = Math.min(lowerBound(lines.t, cursor + AROUND_MS), middle + AROUND_LINES);
  const detail = element('detail');
  detail.replaceChildren();
  const title = document.createElement('h2');
  const wall = new Date(Date.parse(data.startedAt) + cursor);
  title.textContent = `${clock(cursor, 3)} (${wall.toISOString().replace('T', ' ')}): ${end - first} lines around it`;
  detail.append(title);
  for (const { t: at, message } of breaches) {
    if (Math.abs(at - cursor) > AROUND_MS) continue;
    const said = document.createElement('p');
    said.textContent = `breach at ${clock(at, 3)}: ${message}`;
    said.style.color = 'var(--bad)';
    detail.append(said);
  }
  const table = document.createElement('table');
  const marked = new Set(found);
  for (let index = first; index < end; index++) {
    const row = table.insertRow();
    if (lines.bad[index] === 1) row.classList.add('bad');
    if (marked.has(index)) row.classList.add('found');
    if (index === middle) row.classList.add('here');
    const error = lines.error[index] ?? 0;
    const cells = [
      clock(lines.t[index] ?? 0, 3),
      error > 0 ? `±${error.toFixed(error < 10 ? 1 : 0)} ms` : '',
      data.boards[lines.board[index] ?? -1] ?? '',
      data.lanes[lines.lane[index] ?? -1] ?? '',
      lines.text[index] ?? '',
    ];
    for (const text of cells) row.insertCell().textContent = text;
    row.addEventListener('click', () => moment(lines.t[index] ?? 0, index));
  }
  detail.append(table);
  remember();
  redraw();
}

/** Shows a moment in the middle, at a scale at which its seconds can be told apart. */
function goTo(t: number, line?: number): void {
  const span = Math.min(view.to - view.from, 60_000);
  show(t - span / 2, t + span / 2);
  moment(t, line);
}

function search(text: string): void {
  const sought = text.toLowerCase();
  found = [];
  foundAt = -1;
  if (sought !== '')
    for (let index = 0; index < lines.text.length; index++)
      if ((lines.text[index] ?? '').toLowerCase().includes(sought)) found.push(index);
  element('found').textContent = sought === '' ? '' : `${found.length} lines`;
  redraw();
}

function nextFound(step: number): void {
  if (found.length === 0) return;
  foundAt = (foundAt + step + found.length) % found.length;
  element('found').textContent = `${foundAt + 1} of ${found.length} lines`;
  const line = found[foundAt] ?? 0;
  goTo(lines.t[line] ?? 0, line);
}

function nextBreach(): void {
  if (breaches.length === 0) return;
  breachAt = (breachAt + 1) % breaches.length;
  goTo(breaches[breachAt]?.t ?? 0);
}

const field = element<HTMLInputElement>('search');
field.addEventListener('input', () => search(field.value));
field.addEventListener('keydown', (event) => {
  if (event.key === 'Enter') nextFound(event.shiftKey ? -1 : 1);
  else if (event.key === 'Escape') {
    field.value = '';
    search('');
    canvas.focus();
  }
  event.stopPropagation();
});
element('breach').addEventListener('click', nextBreach);
element('whole').addEventListener('click', () => show(0, data.endMs));
element('theme').addEventListener('click', () => {
  const root = document.documentElement;
  root.dataset.theme = root.dataset.theme === 'dark' ? 'light' : 'dark';
  redraw();
});

canvas.addEventListener(
  'wheel',
  (event) => {
    event.preventDefault();
    if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      const by = ((event.deltaX || event.deltaY) / (width() - LEFT)) * (view.to - view.from);
      show(view.from + by, view.to + by);
    } else zoom(1.0015 ** event.deltaY, toT(event.offsetX));
  },
  { passive: false },
);
let dragged: { x: number; from: number; to: number; moved: boolean } | null = null;
canvas.addEventListener('pointerdown', (event) => {
  dragged = { x: event.offsetX, from: view.from, to: view.to, moved: false };
  canvas.setPointerCapture(event.pointerId);
});
canvas.addEventListener('pointermove', (event) => {
  if (!dragged) return;
  const by = event.offsetX - dragged.x;
  if (Math.abs(by) > 3) dragged.moved = true;
  if (!dragged.moved) return;
  const shift = (by / (width() - LEFT - RIGHT)) * (dragged.to - dragged.from);
  show(dragged.from - shift, dragged.to - shift);
});
canvas.addEventListener('pointerup', (event) => {
  if (dragged && !dragged.moved && event.offsetX >= LEFT) moment(toT(event.offsetX));
  dragged = null;
});
canvas.addEventListener('dblclick', (event) => zoom(0.25, toT(event.offsetX)));
document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const span = view.to - view.from;
  const middle = (view.from + view.to) / 2;
  const keys: Record<string, () => void> = {
    ArrowLeft: () => show(view.from - span / 5, view.to - span / 5),
    ArrowRight: () => show(view.from + span / 5, view.to + span / 5),
    '+': () => zoom(0.5, cursor ?? middle),
    '=': () => zoom(0.5, cursor ?? middle),
    '-': () => zoom(2, cursor ?? middle),
    '0': () => show(0, data.endMs),
    b: nextBreach,
    n: () => nextFound(1),
    N: () => nextFound(-1),
    Enter: () => moment(cursor ?? middle),
    '/': () => field.focus(),
  };
  const action = keys[event.key];
  if (!action) return;
  event.preventDefault();
  action();
});
window.addEventListener('resize', redraw);
window.addEventListener('beforeprint', draw);

if (window.matchMedia('(prefers-color-scheme: dark)').matches)
  document.documentElement.dataset.theme = 'dark';
element('about').textContent =
  `${data.command} · ${data.startedAt} · ${clock(data.endMs, 0)} long · ${lines.t.length} lines${
    data.leftOut > 0 ? ` (${data.leftOut} more are in the journal)` : ''
  }${breaches.length > 0 ? ` · ${breaches.length} ${breaches.length === 1 ? 'breach' : 'breaches'}` : ''}`;
element('breach').hidden = breaches.length === 0;
const linked = new URLSearchParams(location.hash.slice(1));
if (linked.has('from') && linked.has('to')) show(Number(linked.get('from')), Number(linked.get('to')));
draw();
if (linked.has('at')) moment(Number(linked.get('at')));
document.documentElement.dataset.ready = 'yes';
