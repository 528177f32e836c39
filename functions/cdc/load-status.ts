import type { Task } from '#shared/task/task.ts';
import type { CdcDeps } from './deps.ts';
import { statusOf } from './status.ts';
import type { TaskStatus } from './task-status.ts';

/** Reads what a task's status is told from; undefined where a setting leaves it out. */
export async function loadStatus(
  { tasks, clock, settings, logsOf }: CdcDeps,
  task: Task,
  options: { readonly collections: boolean },
): Promise<TaskStatus | undefined> {
  if (!settings.showStatus) return undefined;
  const leavesOut = task.scope.exclude.length > 0;
  const [launch, run, objects, others] = await Promise.all([
    tasks.getLaunch(task.id),
    tasks.getRun(task.id),
    options.collections ? tasks.listObjects(task) : undefined,
    options.collections ? (leavesOut ? tasks.listTasks() : []) : undefined,
  ]);
  return statusOf({ task, launch, run, objects, others, now: clock.now(), log: logsOf(task.id) });
}
