import { ConflictError } from '#shared/store/task-store.ts';
import type { DesiredState, Task } from '#shared/task/task.ts';
import type { CdcDeps } from './deps.ts';
import { clientError, sentenceOf, serverError } from './errors.ts';
import { findTask } from './task-id.ts';

/** Others that change one task at the same time are few: a second client, or reconcile when it parks the task. */
const ATTEMPTS = 5;

export interface DesiredChange {
  readonly desired: DesiredState;
  readonly reason: string;
  /** Refuses a task that must not be changed so, by throwing. Asked again after each conflict. */
  readonly check?: ((task: Task) => void) | undefined;
  /** What a failure of the store is called. */
  readonly failure: string;
}

/** Sets what is wanted of a task, or fails with an `ApiError`. */
export async function setDesired(
  { tasks }: Pick<CdcDeps, 'tasks'>,
  id: string,
  change: DesiredChange,
): Promise<Task> {
  for (let attempt = 1; ; attempt++) {
    const task = await findTask({ tasks }, id);
    if (task === undefined) throw clientError(`not found the task, task_id: ${id}`);
    change.check?.(task);
    try {
      return await tasks.setDesired(task, change.desired, change.reason);
    } catch (error) {
      if (error instanceof ConflictError && attempt < ATTEMPTS) continue;
      throw serverError(`${change.failure}, task_id: ${id}: ${sentenceOf(error)}`, error);
    }
  }
}

/** Has the task looked at now instead of at the next sweep. That it cannot be is no failure of the request. */
export async function hurry(
  { reconcile, log }: Pick<CdcDeps, 'reconcile' | 'log'>,
  id: string,
): Promise<void> {
  try {
    await reconcile(id);
  } catch (error) {
    log.warn({ err: error, taskId: id }, 'reconciling at once failed; the next sweep does it');
  }
}
