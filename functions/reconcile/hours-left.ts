import { unpackPositions } from '#shared/task/positions.ts';
import type { LogRetention } from '#shared/task/retention.ts';
import type { Run, TaskObject } from '#shared/task/run.ts';
import type { Task } from '#shared/task/task.ts';
import { tickMillis } from '#shared/task/tick.ts';

/** What one task still has to read of the source's log. */
export interface Needed {
  readonly taskId: string;
  /** Milliseconds since 1970: nothing older is needed. */
  readonly since: number;
  readonly channels: readonly string[];
}

/** A year: a metric has to say something when the log is kept for ever. */
export const MOST_HOURS = 365 * 24;

/** From where on a task, running or not, needs the log: the oldest of its cursors, also of collections in quarantine,
 *  because a later job tries them again. A cursor that met no tick yet counts from the task's creation. Undefined when it
 *  has no cursor. Pure. */
export function neededOf(
  task: Pick<Task, 'id' | 'incarnation' | 'createdAt'>,
  run: Run | undefined,
  objects: readonly TaskObject[],
): Needed | undefined {
  const main = run?.incarnation === task.incarnation ? unpackPositions(run.channels) : [];
  const own = objects.filter(({ state }) => state !== 'dropping').flatMap(({ cursors }) => cursors);
  const cursors = [...main, ...own].map(({ channel, tick }) => ({ channel, tick: BigInt(tick) }));
  if (cursors.length === 0) return undefined;
  const times = cursors.map(({ tick }) => (tick === 0n ? Date.parse(task.createdAt) : tickMillis(tick)));
  return {
    taskId: task.id,
    since: Math.min(...times),
    channels: [...new Set(cursors.map(({ channel }) => channel))],
  };
}

/** Hours until the log may forget what the worst of the tasks still has to read; 0 when it may have already. Pure. */
export function leastHoursLeft(
  needed: readonly Needed[],
  retention: LogRetention,
  now: number,
): { readonly hours: number; readonly taskId: string | undefined } {
  const worst = needed.reduce<Needed | undefined>(
    (a, b) => (a === undefined || b.since < a.since ? b : a),
    undefined,
  );
  if (worst === undefined || retention.ms === null) return { hours: MOST_HOURS, taskId: undefined };
  const left = (retention.ms - (now - worst.since)) / 3_600_000;
  return { hours: Math.min(MOST_HOURS, Math.max(0, left)), taskId: worst.taskId };
}
