/** Where a program's output goes may be gone before the program is: a pager that was left, a terminal that hung up. */

/** A closed pipe; a terminal that hung up. */
const GONE = new Set(['EPIPE', 'EIO']);

/** Whether an error of an output says that nobody is there any more to read it. */
export function isReaderGone(error: unknown): boolean {
  return error instanceof Error && 'code' in error && GONE.has(String(error.code));
}

/**
 * From now on such an error does not end this process, which has boards to switch off and a verdict to give. Whoever
 * wants to stop early is told when nobody reads its standard output.
 */
export function outliveReaders(onClosedPipe: () => void = () => undefined): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (!isReaderGone(error)) throw error;
      if (stream === process.stdout && error.code === 'EPIPE') onClosedPipe();
    });
  }
}
