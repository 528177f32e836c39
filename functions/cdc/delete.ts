import { ConflictError } from '#shared/store/task-store.ts';
import type { Task } from '#shared/task/task.ts';
import type { CdcDeps } from './deps.ts';
import { clientError, sentenceOf, serverError } from './errors.ts';
import type { Request } from './requests.ts';
import { hurry, setDesired } from './set-desired.ts';
import { findTask } from './task-id.ts';
import { waitUntilStopped } from './wait-until-stopped.ts';

const FAILURE = 'fail to delete the task meta';

/** `delete`: stops the job, waits until it can write no more, and only then frees the task's id and scope: another task
 *  may take them the moment they are free, and a collection never has two writers. A job that does not stop in time
 *  leaves the task Paused, and the answer asks for the delete to be sent again; sending it again goes on where this
 *  one ended. What is left of a deleted task is removed by reconcile. */
export async function deleteTask(
  deps: CdcDeps,
  { task_id: id, ignore_not_found: ignoreNotFound }: Request<'delete'>,
): Promise<undefined> {
  const found = await findTask(deps, id);
  if (found === undefined) {
    if (ignoreNotFound) return;
    throw clientError(`not found the task, task_id: ${id}`);
  }
  const task = await stopped(deps, found);
  try {
    await deps.tasks.deleteTask(task);
  } catch (error) {
    const now = error instanceof ConflictError ? await deps.tasks.getTask(id) : task;
    // Somebody else deleted this life of the task meanwhile; what has the id now is another task.
    if (now?.incarnation === task.incarnation) {
      throw serverError(`${FAILURE}, task_id: ${id}: ${sentenceOf(error)}`, error);
    }
  }
  await forgetSecret(deps, task);
  await hurry(deps, id);
}

/** Paused, and nobody acts for it. */
async function stopped(deps: CdcDeps, found: Task): Promise<Task> {
  const task =
    found.desired === 'Paused'
      ? found
      : await setDesired(deps, found.id, {
          desired: 'Paused',
          reason: 'the task is being deleted; send the delete again if it stays',
          failure: FAILURE,
        });
  await hurry(deps, task.id);
  if (!(await waitUntilStopped(deps, task))) {
    throw serverError(
      `${FAILURE}, task_id: ${task.id}: its replicator has not stopped yet; the task is paused, send the delete again`,
    );
  }
  return task;
}

/** Reconcile does it again when it purges; a failure here is not the caller's business. */
async function forgetSecret({ secrets, log }: CdcDeps, { id, secretRef }: Task): Promise<void> {
  if (secretRef === undefined) return;
  try {
    await secrets.delete(secretRef);
  } catch (error) {
    log.warn({ err: error, taskId: id }, 'the credentials of a deleted task could not be removed');
  }
}
