import { type Fleet, NotPlacedError } from '#shared/fleet/fleet.ts';
import type { Logger } from '#shared/log.ts';
import type { SecretStore } from '#shared/secrets/secret-store.ts';
import { ConflictError, type TaskStore } from '#shared/store/task-store.ts';
import type { Task } from '#shared/task/task.ts';
import { notPlaced, placed } from './launches.ts';
import type { Action } from './reconcile.ts';

export interface ReconcilerDeps {
  readonly tasks: TaskStore;
  readonly fleet: Fleet;
  /** A purge takes the target's credentials too. */
  readonly secrets: Pick<SecretStore, 'delete'>;
  readonly log: Logger;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** What an action left: `again`, a state to decide on anew; `done`, nothing more to do now. */
export type Applied = 'again' | 'done';

/** Executes one action. Fails with `ConflictError` when somebody else was faster: then their decision stands. */
export async function apply(deps: ReconcilerDeps, task: Task, action: Action): Promise<Applied> {
  const { tasks, fleet } = deps;
  switch (action.kind) {
    case 'start':
      await tasks.putLaunch(action.launch, action.after);
      return place(deps, task, action);
    case 'find':
      return place(deps, task, action);
    case 'stop':
      // Asked first and noted then: what was noted only would not be asked again.
      await fleet.stop(action.handle, 'drain');
      if (action.launch === undefined) return 'done';
      await tasks.putLaunch(action.launch, action.launch.generation);
      return 'again';
    case 'kill':
      await fleet.stop(action.handle, 'kill');
      return 'done';
    case 'record-exit':
    case 'record-streaming':
      await tasks.putLaunch(action.launch, action.launch.generation);
      return 'again';
    case 'park':
      await tasks.setDesired(task, 'Paused', action.reason);
      return 'done';
    case 'purge':
      // The tombstone goes last: as long as it is there, the purge is tried again.
      if (task.secretRef !== undefined) await deps.secrets.delete(task.secretRef);
      await fleet.retire?.(task.incarnation);
      await tasks.purge(task);
      return 'done';
    case 'wait':
      return 'done';
  }
}

/** Starts the replicator of a launch that is written, and writes what became of it. Where it cannot be told whether
 *  there is one now, nothing is written: the order will be repeated under the same generation. */
async function place(
  deps: ReconcilerDeps,
  task: Task,
  order: Extract<Action, { kind: 'start' | 'find' }>,
): Promise<Applied> {
  const { taskId, incarnation, generation } = order.launch;
  let handle: string;
  try {
    const { secretRef, userSecrets } = task;
    handle = await deps.fleet.start({ taskId, incarnation, generation, secretRef, userSecrets });
  } catch (error) {
    const definite = error instanceof NotPlacedError;
    deps.log[definite ? 'warn' : 'error']({ taskId, generation, err: error }, 'replicator not started');
    // That a repeated order is refused now does not say that the first one was.
    if (!definite || order.kind === 'find') return 'done';
    await deps.tasks.putLaunch(notPlaced(order.launch, error.message, deps.now()), generation);
    return 'again';
  }
  try {
    await deps.tasks.putLaunch(placed(order.launch, handle), generation);
  } catch (error) {
    // The task went away meanwhile: nobody will ever ask for this replicator.
    if (error instanceof ConflictError) await deps.fleet.stop(handle, 'kill');
    throw error;
  }
  return 'again';
}
