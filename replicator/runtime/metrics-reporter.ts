import type { Logger } from '#shared/log.ts';
import { DIMENSION, emf, measure, PHASE_NUMBER, TASK_METRICS } from '#shared/metrics.ts';
import { lagAt } from '#shared/task/lag.ts';
import type { Counters, RunUpdate } from '#shared/task/run.ts';
import { type Clock, sleep } from './clock.ts';
import type { JobStatus } from './status.ts';

/** Where a job's metrics go. */
export interface MetricsSink {
  /** Value of the dimension that all metrics of one deployment share. */
  readonly stack: string;
  /** Takes one line, without its end. */
  readonly write: (line: string) => void;
}

/** Bare lines on standard output, from where the log's collector takes them as they are; none without a stack. */
export function metricsTo(stack: string | undefined): MetricsSink | undefined {
  return stack === undefined ? undefined : { stack, write: (line) => process.stdout.write(`${line}\n`) };
}

export interface MetricsReporterOptions {
  readonly sink: MetricsSink;
  readonly taskId: string;
  /** Since when a checkpoint that never moved has not; ISO 8601. */
  readonly createdAt: string;
  readonly clock: Clock;
  /** What the run item says: so metrics and API tell the same. */
  readonly account: () => Omit<RunUpdate, 'leaseExpiresAt'>;
  readonly status: Pick<JobStatus, 'writeLatencies'>;
  readonly log: Logger;
  /** @default the memory of this process */
  readonly memoryBytes?: (() => number) | undefined;
}

const EVERY_MS = 60_000;

/** Publishes what a job says about itself, as metrics of its task: at once, each minute and at its end. What a killed job
 *  counted since the last time is not published; the run item has it. */
export class MetricsReporter {
  readonly #options: MetricsReporterOptions;
  #counted: Counters;

  constructor(options: MetricsReporterOptions) {
    this.#options = options;
    this.#counted = options.account().counters;
  }

  /** Reports until the signal aborts. Never fails: nothing depends on metrics. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.report();
      await sleep(this.#options.clock, EVERY_MS, signal).catch(() => undefined);
    }
  }

  /** One line, now. */
  report(): void {
    try {
      const line = this.#line();
      if (line !== undefined) this.#options.sink.write(line);
    } catch (error) {
      this.#options.log.warn({ err: error }, 'metrics not published');
    }
  }

  #line(): string | undefined {
    const { sink, taskId, createdAt, clock, status, memoryBytes } = this.#options;
    const account = this.#options.account();
    const { counters, phase, reason, advancedAt } = account;
    const now = clock.wall();
    const lag = lagAt(account, now);
    const since = (count: (of: Counters) => number) => count(counters) - count(this.#counted);
    const measurements = measure(TASK_METRICS, {
      lag: lag.kind === 'known' ? lag.ms / 1_000 : undefined,
      checkpointAge: Math.max(0, now - Date.parse(advancedAt ?? createdAt)) / 1_000,
      rows: since((of) => of.rowsInserted + of.rowsUpserted + of.keysDeleted),
      bytes: since((of) => of.bytes),
      retries: since((of) => of.retries),
      writeLatency: status.writeLatencies.take(),
      memory: (memoryBytes ?? process.memoryUsage.rss)(),
      phase: PHASE_NUMBER[phase],
    });
    this.#counted = counters;
    return emf({
      at: now,
      dimensions: { [DIMENSION.stack]: sink.stack, [DIMENSION.task]: taskId },
      measurements,
      properties: {
        phaseName: phase,
        reason: reason && `${reason.code}: ${reason.message}`,
        lagUnknown: lag.kind === 'known' ? undefined : lag.why,
      },
    });
  }
}
