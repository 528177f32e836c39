import type { Task } from '#shared/task/task.ts';

/** What `disable_auto_start` means: it does not keep a new task from running, only a restart of the control plane from
 *  starting the task again. Answers the reason to park it with, or undefined to leave it as it is. */
export function onControlPlaneStart(task: Pick<Task, 'desired' | 'disableAutoStart'>): string | undefined {
  return task.disableAutoStart && task.desired === 'Running' ? 'the task is disabled auto start' : undefined;
}
