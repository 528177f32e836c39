import type { Task } from '#shared/task/task.ts';
import type { CdcDeps } from './deps.ts';
import { loadStatus } from './load-status.ts';
import { mapConcurrently } from './map-concurrently.ts';
import { type TaskView, viewOf } from './view.ts';

/** Reads of the store at a time. */
const CONCURRENCY = 8;

/** `list`: all tasks by id, without their collections. */
export async function list(deps: CdcDeps): Promise<object> {
  const view = async (task: Task): Promise<TaskView> =>
    viewOf(task, await loadStatus(deps, task, { collections: false }));
  return { tasks: await mapConcurrently(await deps.tasks.listTasks(), CONCURRENCY, view) };
}
