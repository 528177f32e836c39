import type { Task } from '#shared/task/task.ts';
import type { CdcDeps } from './deps.ts';
import { statusOf, type TaskStatus } from './status.ts';

/** Reads what a task's status is told from; undefined where a setting leaves it out. */
export async function loadStatus(
  { tasks, clock, settings, logsOf }: CdcDeps,
  task: Task,
  options: { readonly collections: boolean },
): Promise<TaskStatus | undefined> {
  if (!settings.showStatus) return undefined;
  const [launch, run, objects] = await Promise.all([
    tasks.getLaunch(task.id),
    tasks.getRun(task.id),
    options.collections ? tasks.listObjects(task) : undefined,
  ]);
  return statusOf({ task, launch, run, objects, now: clock.now(), log: logsOf(task.id) });
}
