import type { CatchUp } from './catch-up.ts';
import type { Lag } from './lag.ts';
import type { Limit } from './limit.ts';

export interface BenchResult {
  readonly startedAt: string;
  readonly server: string;
  readonly standbyTarget: boolean;
  readonly catchUps: readonly CatchUp[];
  readonly limits: readonly Limit[];
  readonly lag?: Lag | undefined;
  readonly directLag?: Lag | undefined;
  /** A measurement that failed, and how: it is part of the result. */
  readonly failures: readonly string[];
}

/** The result as a table for people. */
export function reportText(result: BenchResult): string {
  const { catchUps, limits, lag, directLag, failures, server, standbyTarget } = result;
  const lines = [
    `server: ${server}${standbyTarget ? ', standby target' : ', ordinary target'}`,
    '',
    row('backlog', 'rows/s', 'seconds', 'first row', 'CPU-s per M rows', 'peak MB', 'of the limit'),
  ];
  for (const [index, one] of catchUps.entries()) {
    const limit = limits.find((other) => other.dim === one.dim && other.rows === one.rows);
    lines.push(
      row(
        `${index + 1}: ${one.rows} x ${one.dim}`,
        one.rowsPerSecond.toFixed(0),
        one.seconds.toFixed(2),
        `${one.firstRowSeconds.toFixed(2)} s`,
        one.cpuSecondsPerMillionRows.toFixed(1),
        (one.peakBytes / 1_000_000).toFixed(0),
        limit === undefined ? '' : `${((100 * one.rowsPerSecond) / limit.rowsPerSecond).toFixed(0)} %`,
      ),
    );
  }
  for (const { rows, dim, rowsPerSecond } of limits) {
    lines.push(row(`limit: ${rows} x ${dim}`, rowsPerSecond.toFixed(0), '', '', '', '', '100 %'));
  }
  lines.push('', row('single row, seconds', 'p50', 'p95', 'max', 'samples', '', ''));
  if (lag !== undefined) lines.push(lagRow('source to target', lag));
  if (directLag !== undefined) lines.push(lagRow('written to the target', directLag));
  return [...lines, ...failures.map((failure) => `FAILED: ${failure}`)].join('\n');
}

function lagRow(name: string, { p50, p95, max, samples }: Lag): string {
  return row(name, p50.toFixed(3), p95.toFixed(3), max.toFixed(3), String(samples), '', '');
}

function row(name: string, ...cells: readonly string[]): string {
  return [name.padEnd(24), ...cells.map((cell) => cell.padStart(17))].join('').trimEnd();
}
