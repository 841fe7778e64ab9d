/** Plays a board on its standard output: lines of text (bytes, bytes a second or 0 for as fast as it goes), then a marker. */
import { once } from 'node:events';

const [bytes = 0, rate = 0] = process.argv.slice(2, 4).map(Number);
const marker = process.argv[4] ?? '';
const LINE = `[   12.345678] usb 1-1: ${'0123456789'.repeat(5)}\r\n`;
const TICK_MS = 100;

const chunk = LINE.repeat(
  Math.max(1, Math.round((rate === 0 ? 65_536 : (rate * TICK_MS) / 1000) / LINE.length)),
);
const began = performance.now();
for (let sent = 0; sent < bytes; sent += chunk.length) {
  if (!process.stdout.write(chunk)) await once(process.stdout, 'drain');
  const ahead = rate === 0 ? 0 : (sent / rate) * 1000 - (performance.now() - began);
  if (ahead > 0) await new Promise((resolve) => setTimeout(resolve, ahead));
}
process.stdout.write(`${marker}\r\n`);
// The other side of the terminal is held open until it has read all.
await once(process.stdin.resume(), 'end');
