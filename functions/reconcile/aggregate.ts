import type { STACK_METRICS } from '#shared/metrics.ts';
import { TIMING } from '#shared/names.ts';
import { lagOf } from '#shared/task/lag.ts';
import type { Run } from '#shared/task/run.ts';
import type { Situation } from './reconcile.ts';
import type { SweepOutcome } from './reconciler.ts';
import { type Trouble, troubleOf } from './trouble.ts';

/** The metrics that are told each minute. */
export type MinuteMetric = Exclude<keyof typeof STACK_METRICS, 'hoursLeft'>;

/** What the numbers are made of. */
export type Swept = Pick<SweepOutcome, 'found' | 'failed'> & { readonly rolloutHalted?: number | undefined };

export interface Aggregates {
  /** Undefined: not known now. */
  readonly values: Readonly<Record<MinuteMetric, number | undefined>>;
  /** The tasks behind the numbers, each with its reason, for whoever looks. */
  readonly tasks: Readonly<Record<Trouble['kind'] | 'lag-unknown' | 'quarantined', readonly string[]>>;
}

/** Two machines' clocks differ; a lease that expired less than this ago may still be held. */
const CLOCK_SKEW_MS = TIMING.renewSeconds * 1_000;

/** One set of numbers over all tasks that should run, and those that were given up. Pure. */
export function aggregate(swept: Swept, now: number): Aggregates {
  const { found, failed, rolloutHalted = 0 } = swept;
  const wanted = found.filter(({ task }) => task.desired === 'Running').map(itsOwn);
  const lags = wanted.map(({ task, run }) => ({ task, lag: lagOf(run, now) }));
  const known = lags.flatMap(({ lag }) => (lag.kind === 'known' ? [lag.ms / 1_000] : []));
  const unknown = lags.flatMap(({ task, lag }) =>
    lag.kind === 'unknown' ? [`${task.id} (${lag.why})`] : [],
  );
  const troubles = found.flatMap((situation) => {
    const trouble = troubleOf({ ...situation, now });
    return trouble === undefined ? [] : [{ ...trouble, task: `${situation.task.id} (${trouble.why})` }];
  });
  const inTrouble = (kind: Trouble['kind']) =>
    troubles.filter((t) => t.kind === kind).map(({ task }) => task);
  const tasks = {
    failing: inTrouble('failing'),
    'not-placed': inTrouble('not-placed'),
    stalled: inTrouble('stalled'),
    'lag-unknown': unknown,
    quarantined: wanted.flatMap(({ task, run }) =>
      run?.quarantined ? [`${task.id} (${run.quarantined})`] : [],
    ),
  };
  return {
    values: {
      tasksWanted: wanted.length,
      tasksRunning: wanted.filter(({ run }) => isActing(run, now)).length,
      maxLag: known.length > 0 ? Math.max(...known) : unknown.length > 0 ? undefined : 0,
      lagUnknown: unknown.length,
      stalled: tasks.stalled.length,
      failing: tasks.failing.length,
      notPlaced: tasks['not-placed'].length,
      quarantined: wanted.reduce((sum, { run }) => sum + (run?.quarantined ?? 0), 0),
      sweepFailures: failed,
      rolloutHalted,
    },
    tasks,
  };
}

/** Without what another life of the id left. */
function itsOwn({ task, run }: Situation): Pick<Situation, 'task' | 'run'> {
  return { task, run: run?.incarnation === task.incarnation ? run : undefined };
}

function isActing(run: Run | undefined, now: number): boolean {
  return run?.released === 'no' && now <= Date.parse(run.leaseExpiresAt) + CLOCK_SKEW_MS;
}
