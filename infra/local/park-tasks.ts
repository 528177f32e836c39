import type { Logger } from '#shared/log.ts';
import { ConflictError, type TaskStore } from '#shared/store/task-store.ts';
import { onControlPlaneStart } from '../../functions/reconcile/on-control-plane-start.ts';

/** Parks the tasks that a restart of the control plane must not run again. Called before anything is started. */
export async function parkTasks(tasks: TaskStore, log: Logger): Promise<void> {
  for (const task of await tasks.listTasks()) {
    const reason = onControlPlaneStart(task);
    if (reason === undefined) continue;
    try {
      await tasks.setDesired(task, 'Paused', reason);
      log.info({ taskId: task.id, reason }, 'task parked');
    } catch (error) {
      // Deleted or changed this moment: what was wanted last stands.
      if (!(error instanceof ConflictError)) throw error;
    }
  }
}
