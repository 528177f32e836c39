/** Lays out rows under a heading, columns two blanks apart; lines end in a newline. */
export function table(heading: readonly string[], rows: readonly (readonly string[])[]): string {
  return layOut([heading, ...rows.map((row) => row.map(oneLine))]);
}

/** Lays out names and values; a name that stands for several values is not repeated. */
export function facts(pairs: readonly (readonly [name: string, value: string])[]): string {
  return layOut(
    pairs.map(([name, value], i) => [name === pairs[i - 1]?.[0] ? '' : name, oneLine(value)] as const),
  );
}

/** Names and messages come from others: one line each, and nothing that steers a terminal. */
export function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\s]+/gu, ' ').trim();
}

function layOut(lines: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const line of lines) {
    for (const [i, cell] of line.entries()) widths[i] = Math.max(widths[i] ?? 0, width(cell));
  }
  return lines
    .map((line) => line.map((cell, i) => cell + ' '.repeat((widths[i] ?? 0) - width(cell))).join('  '))
    .map((line) => `${line.trimEnd()}\n`)
    .join('');
}

function width(cell: string): number {
  return [...cell].length;
}
