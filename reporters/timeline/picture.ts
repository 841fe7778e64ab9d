/** A still picture (SVG) of the throughput of a soak, for reports that show no scripts. Pure. */

export interface Pictured {
  intervals: readonly { startS: number; endS: number; bitsPerSecond: number }[];
  floorBps: number;
  breaches: readonly { atS: number; criterion: string; message: string }[];
  verdict: string;
  message: string;
}

const WIDTH = 900;
const HEIGHT = 240;
const PLOT = { left: 60, right: 12, top: 34, bottom: 30 };

function escaped(text: string): string {
  return text
    .replace(/[\x00-\x1f]/g, ' ')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;');
}

export function throughputPicture({ intervals, floorBps, breaches, verdict, message }: Pictured): string {
  const end = Math.max(1, ...intervals.map(({ endS }) => endS));
  const most = 1.1 * Math.max(floorBps, ...intervals.map(({ bitsPerSecond }) => bitsPerSecond));
  const x = (s: number) => (PLOT.left + (s / end) * (WIDTH - PLOT.left - PLOT.right)).toFixed(1);
  const y = (rate: number) =>
    (HEIGHT - PLOT.bottom - (rate / most) * (HEIGHT - PLOT.top - PLOT.bottom)).toFixed(1);
  const points = intervals.flatMap(({ startS, endS, bitsPerSecond }) => [
    `${x(startS)},${y(bitsPerSecond)}`,
    `${x(endS)},${y(bitsPerSecond)}`,
  ]);
  const mbit = (rate: number) => `${(rate / 1e6).toFixed(1)}`;
  const told = breaches
    .slice(0, 50)
    .map(
      ({ atS, criterion, message: what }) =>
        `<g stroke="#c62828" fill="#c62828"><title>${escaped(what)}</title><line x1="${x(atS)}" x2="${x(atS)}" y1="${PLOT.top}" y2="${HEIGHT - PLOT.bottom}"/><text x="${x(atS)}" y="${PLOT.top - 3}" stroke="none" font-size="10">${escaped(criterion)}</text></g>`,
    );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" font-family="system-ui, sans-serif" font-size="12">
<rect width="100%" height="100%" fill="#fff"/>
<text x="8" y="16" fill="#1d2329">${escaped(`${verdict}: ${message}`).slice(0, 150)}</text>
<g fill="#667079" text-anchor="end"><text x="${PLOT.left - 6}" y="${Number(y(most / 1.1)) + 4}">${mbit(most / 1.1)}</text><text x="${PLOT.left - 6}" y="${Number(y(floorBps)) + 4}">${mbit(floorBps)}</text><text x="${PLOT.left - 6}" y="${HEIGHT - PLOT.bottom + 4}">0</text></g>
<g fill="#667079"><text x="${PLOT.left}" y="${HEIGHT - 10}">0 s</text><text x="${WIDTH - PLOT.right}" y="${HEIGHT - 10}" text-anchor="end">${end.toFixed(0)} s, Mbit/s</text></g>
<line x1="${PLOT.left}" x2="${WIDTH - PLOT.right}" y1="${HEIGHT - PLOT.bottom}" y2="${HEIGHT - PLOT.bottom}" stroke="#d9dee3"/>
<line x1="${PLOT.left}" x2="${WIDTH - PLOT.right}" y1="${y(floorBps)}" y2="${y(floorBps)}" stroke="#c62828" stroke-dasharray="5 4"/>
<polyline points="${points.join(' ')}" fill="none" stroke="#1565c0" stroke-width="1.4"/>
${told.join('\n')}
</svg>
`;
}
