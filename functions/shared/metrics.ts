import type { Phase } from './task/run.ts';

/** What is measured, under which names: shared by those who publish and by the dashboard and alarms. Metrics travel as
 *  log lines in CloudWatch's embedded metric format, so nobody needs a network path or rights to publish them.
 *  https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html */

export const METRICS_NAMESPACE = 'MilvusCdc';

/** `Task` is on the metrics of one task only; alarms are made on those of the whole stack. */
export const DIMENSION = { stack: 'Stack', task: 'Task' } as const;

export interface Metric {
  readonly name: string;
  readonly unit: 'Seconds' | 'Milliseconds' | 'Bytes' | 'Count' | 'None';
  /** One line, for the dashboard. */
  readonly meaning: string;
}

/** Of one task, published by its replicator each minute; at most 8, because each task pays for each of them. */
export const TASK_METRICS = {
  lag: {
    name: 'LagSeconds',
    unit: 'Seconds',
    meaning: 'How far the target is behind the source; absent while nobody knows.',
  },
  checkpointAge: {
    name: 'CheckpointAgeSeconds',
    unit: 'Seconds',
    meaning:
      'Since when the checkpoint has not moved; grows when the task is stuck, also while the lag is unknown.',
  },
  rows: { name: 'RowsApplied', unit: 'Count', meaning: 'Rows inserted, upserted and deleted on the target.' },
  bytes: { name: 'BytesApplied', unit: 'Bytes', meaning: 'Bytes of the requests that the target applied.' },
  retries: { name: 'Retries', unit: 'Count', meaning: 'What did not work and was tried again.' },
  writeLatency: {
    name: 'WriteLatency',
    unit: 'Milliseconds',
    meaning: 'How long the target took to answer a write; a sample of at most 100 a minute.',
  },
  memory: { name: 'MemoryBytes', unit: 'Bytes', meaning: 'Memory of the replicator’s process.' },
  phase: {
    name: 'Phase',
    unit: 'None',
    meaning: '0 stopped, 1 stopping, 2 starting, 3 snapshot, 4 streaming, 5 retrying, 6 failed.',
  },
} as const satisfies Record<string, Metric>;

/** Of all tasks together, published by the reconciler: each minute, {@link STACK_METRICS.hoursLeft} each hour. Alarms
 *  are made on these, so one that is absent is an alarm too. */
export const STACK_METRICS = {
  tasksWanted: { name: 'TasksWanted', unit: 'Count', meaning: 'Tasks that should run.' },
  tasksRunning: {
    name: 'TasksRunning',
    unit: 'Count',
    meaning: 'Of these, those whose replicator holds its lease.',
  },
  maxLag: {
    name: 'MaxLagSeconds',
    unit: 'Seconds',
    meaning:
      'The largest lag that is known; absent while there are tasks and none is known, 0 when nothing should run.',
  },
  lagUnknown: {
    name: 'TasksLagUnknown',
    unit: 'Count',
    meaning: 'Tasks that should run and whose lag nobody knows.',
  },
  stalled: {
    name: 'TasksStalled',
    unit: 'Count',
    meaning:
      'Tasks that run and have been retrying, or not moved their checkpoint, for 5 minutes; those that fail or have no room are told there.',
  },
  failing: {
    name: 'TasksFailing',
    unit: 'Count',
    meaning: 'Tasks that were given up with a code, or end again and again.',
  },
  notPlaced: {
    name: 'TasksNotPlaced',
    unit: 'Count',
    meaning: 'Tasks for whose replicator there is no room now.',
  },
  quarantined: {
    name: 'CollectionsQuarantined',
    unit: 'Count',
    meaning: 'Collections that cannot go on while the rest of their task does.',
  },
  sweepFailures: {
    name: 'SweepFailures',
    unit: 'Count',
    meaning: 'Tasks that the reconciler could not look after in this sweep.',
  },
  rolloutHalted: {
    name: 'RolloutHalted',
    unit: 'Count',
    meaning:
      'Tasks that do not stream since they were moved to another release; nobody else is moved meanwhile.',
  },
  hoursLeft: {
    name: 'LeastHoursLeft',
    unit: 'None',
    meaning:
      'Hours until the source’s log forgets what the worst task, running or paused, still has to read; a year at most.',
  },
} as const satisfies Record<string, Metric>;

/** How a phase is drawn: above 4 somebody should look. */
export const PHASE_NUMBER: Readonly<Record<Phase, number>> = {
  stopped: 0,
  stopping: 1,
  starting: 2,
  snapshot: 3,
  streaming: 4,
  retrying: 5,
  failed: 6,
};

/** Undefined, or no value at all: not known now, so the line says nothing about it. */
export type MetricValue = number | readonly number[] | undefined;

export interface Measurement {
  readonly metric: Metric;
  readonly value: MetricValue;
}

/** A value for each metric of a registry; none can be forgotten. */
export function measure<K extends string>(
  metrics: Readonly<Record<K, Metric>>,
  values: Readonly<Record<K, MetricValue>>,
): Measurement[] {
  return (Object.keys(metrics) as K[]).map((key) => ({ metric: metrics[key], value: values[key] }));
}

export interface MetricLine {
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Dimension -> value. */
  readonly dimensions: Readonly<Record<string, string>>;
  readonly measurements: readonly Measurement[];
  /** Beside the metrics, for those who read the log; undefined ones are left out. */
  readonly properties?: Readonly<Record<string, string | number | undefined>> | undefined;
}

/** What one metric of a line may hold. */
export const MAX_VALUES = 100;

/** One line in embedded metric format, without its line end; undefined when nothing is known that could be published.
 *  Pure. Fails on a value that is not a finite number: CloudWatch would drop the whole line without a word. */
export function emf({ at, dimensions, measurements, properties }: MetricLine): string | undefined {
  const known = measurements.flatMap(({ metric, value }) => {
    const values = value === undefined ? [] : [value].flat();
    return values.length === 0 ? [] : [{ metric, values }];
  });
  if (known.length === 0) return undefined;
  for (const { metric, values } of known) {
    if (values.length > MAX_VALUES) throw new RangeError(`${metric.name} has ${values.length} values`);
    if (!values.every(Number.isFinite)) throw new RangeError(`${metric.name} is not a number`);
  }
  const members = Object.entries(dimensions).map(([name, value]) => [name, dimensionValue(value)] as const);
  return JSON.stringify({
    ...properties,
    ...Object.fromEntries(members),
    ...Object.fromEntries(
      known.map(({ metric, values }) => [metric.name, values.length === 1 ? values[0] : values]),
    ),
    _aws: {
      Timestamp: Math.floor(at),
      CloudWatchMetrics: [
        {
          Namespace: METRICS_NAMESPACE,
          Dimensions: [members.map(([name]) => name)],
          Metrics: known.map(({ metric }) => ({ Name: metric.name, Unit: metric.unit })),
        },
      ],
    },
  });
}

/** A task's id may be any text, a dimension's value only printable ASCII that does not begin with a colon. */
export function dimensionValue(text: string): string {
  const escaped = text.replace(/[^\x21-\x7e]|^:|%/gu, (char) =>
    [...Buffer.from(char)].map((byte) => `%${byte.toString(16).padStart(2, '0').toUpperCase()}`).join(''),
  );
  return escaped === '' ? '%' : escaped;
}
