import { DIMENSION, emf, STACK_METRICS } from '#shared/metrics.ts';
import type { TaskStore } from '#shared/store/task-store.ts';
import type { SourceProbe } from '../probe/source-probe.ts';
import { leastHoursLeft, type Needed, neededOf } from './hours-left.ts';
import type { StackMetrics } from './publish-aggregates.ts';

export interface HoursLeftDeps extends StackMetrics {
  readonly tasks: Pick<TaskStore, 'listTasks' | 'getRun' | 'listObjects'>;
  readonly sourceProbe: Pick<SourceProbe, 'retention'>;
}

/** The source is far away at times; the reconciler's Lambda has longer than this. */
const PROBE_MS = 15_000;

/** Publishes how long all tasks, also paused ones, can still be continued. Reads every cursor and asks the source, so once
 *  an hour is enough. Fails as the store and the probe do; then nothing is published, which is seen by the alarm. */
export async function publishHoursLeft(deps: HoursLeftDeps): Promise<void> {
  const { tasks, sourceProbe, stack, write, now } = deps;
  const needed: Needed[] = [];
  for (const task of await tasks.listTasks()) {
    const [run, objects] = await Promise.all([tasks.getRun(task.id), tasks.listObjects(task)]);
    const one = neededOf(task, run, objects);
    if (one !== undefined) needed.push(one);
  }
  const channels = [...new Set(needed.flatMap((one) => one.channels))];
  const kept =
    channels.length === 0 ? { ms: null, bytes: null } : await sourceProbe.retention(channels, PROBE_MS);
  const { hours, taskId } = leastHoursLeft(needed, kept, now());
  const line = emf({
    at: now(),
    dimensions: { [DIMENSION.stack]: stack },
    measurements: [{ metric: STACK_METRICS.hoursLeft, value: hours }],
    properties: { worstTask: taskId, retentionHours: kept.ms === null ? undefined : kept.ms / 3_600_000 },
  });
  if (line !== undefined) write(line);
}
