/** Text in columns. */

/** Lines with columns as wide as their widest cell; `style` may colour a cell after it was padded. */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  style: (text: string, row: number, column: number) => string = (text) => text,
): string {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[], row: number): string =>
    cells
      .map((cell, column) => {
        const last = column === head.length - 1;
        const padded = last ? cell : cell.padEnd(widths[column] ?? 0);
        return row < 0 ? padded : style(padded, row, column);
      })
      .join('  ')
      .trimEnd();
  return `${[line(head, -1), ...rows.map(line)].join('\n')}\n`;
}
