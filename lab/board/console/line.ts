/** What a serial line is set to, wherever its port is. */
import { z } from 'zod';

/** Long enough for every UART at 300 baud and more to see a break, and for the kernel to take SysRq. */
export const BREAK_MS = 250;

export const baudRate = z
  .number('expected a baud rate, such as 115200')
  .int()
  .min(50, 'expected a baud rate of 50 to 4000000')
  .max(4_000_000, 'expected a baud rate of 50 to 4000000');

/** DTR or RTS: as opening the port leaves it, or set. On many boards one of them is wired to reset or boot mode. */
export const modemLine = z.enum(['keep', 'on', 'off']).default('keep');
