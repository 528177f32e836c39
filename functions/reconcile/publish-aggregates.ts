import { DIMENSION, emf, measure, STACK_METRICS } from '#shared/metrics.ts';
import { aggregate, type Swept } from './aggregate.ts';

/** Where the metrics of all tasks together go. */
export interface StackMetrics {
  /** Value of the dimension that tells deployments apart. */
  readonly stack: string;
  /** Takes one line, without its end. */
  readonly write: (line: string) => void;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Of very many tasks in trouble, some are enough to begin with. */
const MAX_NAMED = 10;
const MAX_WHY = 300;

/** Publishes what a sweep found, as one line: the numbers, and the tasks behind them for whoever reads the log. To be
 *  called after each sweep; that it is not is seen by the alarms. */
export function publishAggregates({ stack, write, now }: StackMetrics, swept: Swept): void {
  const at = now();
  const { values, tasks } = aggregate(swept, at);
  const line = emf({
    at,
    dimensions: { [DIMENSION.stack]: stack },
    measurements: measure(STACK_METRICS, { ...values, hoursLeft: undefined }),
    properties: {
      failing: named(tasks.failing),
      notPlaced: named(tasks['not-placed']),
      stalled: named(tasks.stalled),
      lagUnknown: named(tasks['lag-unknown']),
      quarantined: named(tasks.quarantined),
    },
  });
  if (line !== undefined) write(line);
}

function named(tasks: readonly string[]): string | undefined {
  if (tasks.length === 0) return undefined;
  const shown = tasks
    .slice(0, MAX_NAMED)
    .map((task) => (task.length > MAX_WHY ? `${task.slice(0, MAX_WHY)}…` : task));
  return [...shown, ...(tasks.length > MAX_NAMED ? [`and ${tasks.length - MAX_NAMED} more`] : [])].join('; ');
}
