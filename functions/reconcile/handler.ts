import middy from '@middy/core';
import { taskIdOf } from './event.ts';
import { type ReconcilerDeps, reconcileTask, sweep } from './reconciler.ts';

/** The Lambda of the reconciler: a state change of an ECS task reconciles the task it belongs to; every other event, the
 *  one of each minute for one, sweeps over all. `connect` is called once per cold start (see `connect.ts`).
 *  What fails is thrown, so that it is counted and tried again: by Lambda for events, by the next minute for sweeps. */
export function reconcileHandler(connect: () => ReconcilerDeps) {
  let deps: ReconcilerDeps | undefined;
  return middy().handler(async (event: unknown) => {
    deps ??= connect();
    const taskId = taskIdOf(event);
    if (taskId === undefined) {
      const { checked, failed, wakeAt } = await sweep(deps);
      return { checked, failed, wakeAt };
    }
    const { actions, wakeAt } = await reconcileTask(deps, taskId);
    return { actions: actions.map((a) => a.kind), wakeAt };
  });
}
