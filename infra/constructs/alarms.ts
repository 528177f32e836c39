import { type Metric, STACK_METRICS } from '#shared/metrics.ts';

/** What an operator may tune. */
export interface Thresholds {
  /** Seconds behind the source. @default 300 */
  readonly lagSeconds: number;
  /** Hours until a task loses its place in the source's log. @default 24 */
  readonly hoursLeft: number;
  /** Minutes a lag may stay unknown, or a task that should run may not. @default 15 */
  readonly settlingMinutes: number;
  /** Minutes there may be no room for a replicator. @default 10 */
  readonly notPlacedMinutes: number;
}

export const DEFAULT_THRESHOLDS: Thresholds = {
  lagSeconds: 300,
  hoursLeft: 24,
  settlingMinutes: 15,
  notPlacedMinutes: 10,
};

/** `critical`: replication stands still or data is about to be lost; somebody is woken. `warning`: somebody looks at it on
 *  the same day. */
export type Severity = 'critical' | 'warning';

export interface AlarmSpec {
  /** Its section in RUNBOOK.md, and the end of its name. */
  readonly slug: string;
  readonly severity: Severity;
  /** One sentence: what is wrong when it rings. */
  readonly summary: string;
  /** Of all tasks together; the second one, if any, is taken away from the first. */
  readonly metrics: readonly [Metric] | readonly [Metric, Metric];
  readonly rings: { readonly when: '>=' | '<'; readonly value: number };
  /** So many periods in a row. */
  readonly periods: number;
  /** @default 1 */
  readonly periodMinutes?: number | undefined;
}

/** The alarms over the tasks, the worst first. They are made on aggregates only, so that new tasks need no new alarm, and a
 *  number that is not told counts as a bad one. */
export function taskAlarms(thresholds: Thresholds): readonly AlarmSpec[] {
  const { lagSeconds, hoursLeft, settlingMinutes, notPlacedMinutes } = thresholds;
  const some = { when: '>=', value: 1 } as const;
  return [
    {
      slug: 'log-expires',
      severity: 'critical',
      summary: `A task has less than ${hoursLeft} hours left before the source's log forgets what it still has to read.`,
      metrics: [STACK_METRICS.hoursLeft],
      rings: { when: '<', value: hoursLeft },
      periods: 2,
      periodMinutes: 60,
    },
    {
      slug: 'tasks-failing',
      severity: 'critical',
      summary: 'A task was given up, or its replicator ends again and again.',
      metrics: [STACK_METRICS.failing],
      rings: some,
      periods: 3,
    },
    {
      slug: 'tasks-stalled',
      severity: 'critical',
      summary: 'A task has been retrying, or has not moved its checkpoint, for more than 5 minutes.',
      metrics: [STACK_METRICS.stalled],
      rings: some,
      periods: 3,
    },
    {
      slug: 'tasks-not-placed',
      severity: 'critical',
      summary: `There has been no room for a replicator for ${notPlacedMinutes} minutes.`,
      metrics: [STACK_METRICS.notPlaced],
      rings: some,
      periods: notPlacedMinutes,
    },
    {
      slug: 'tasks-not-running',
      severity: 'critical',
      summary: `A task that should run has had no acting replicator for ${settlingMinutes} minutes.`,
      metrics: [STACK_METRICS.tasksWanted, STACK_METRICS.tasksRunning],
      rings: some,
      periods: settlingMinutes,
    },
    {
      slug: 'lag-high',
      severity: 'critical',
      summary: `A target is more than ${lagSeconds} seconds behind its source.`,
      metrics: [STACK_METRICS.maxLag],
      rings: { when: '>=', value: lagSeconds },
      periods: 5,
    },
    {
      slug: 'lag-unknown',
      severity: 'warning',
      summary: `Nobody has known for ${settlingMinutes} minutes how far behind a target is.`,
      metrics: [STACK_METRICS.lagUnknown],
      rings: some,
      periods: settlingMinutes,
    },
    {
      slug: 'collections-quarantined',
      severity: 'warning',
      summary: 'A collection cannot go on while the rest of its task does.',
      metrics: [STACK_METRICS.quarantined],
      rings: some,
      periods: 5,
    },
    {
      slug: 'rollout-halted',
      severity: 'warning',
      summary: 'A task does not stream since it was moved to another release, so no other task is moved.',
      metrics: [STACK_METRICS.rolloutHalted],
      rings: some,
      periods: 3,
    },
    {
      slug: 'sweep-failures',
      severity: 'warning',
      summary: 'The reconciler cannot look after a task.',
      metrics: [STACK_METRICS.sweepFailures],
      rings: some,
      periods: 5,
    },
  ];
}
