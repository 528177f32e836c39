import middy, { type MiddlewareObj } from '@middy/core';
import { occasionOf } from './event.ts';
import { type ReconcilerDeps, reconcileTask, type SweepOutcome, sweep } from './reconciler.ts';
import { stayAwake, wakesOf } from './stay-awake.ts';

export interface ReconcileDeps extends ReconcilerDeps {
  /** What is made of each sweep. */
  readonly afterSweep: readonly ((swept: SweepOutcome) => void | Promise<void>)[];
  /** What is done once an hour. */
  readonly hourly: readonly (() => Promise<void>)[];
  readonly sleep: (ms: number) => Promise<void>;
  readonly middleware?: readonly MiddlewareObj[] | undefined;
}

/** How long an invocation stays for what is due soon: the next sweep comes after a minute. */
const AWAKE_MS = 50_000;
/** Time that is left for the last thing that it begins. */
const RESERVE_MS = 15_000;

/** The Lambda of the reconciler. The state change of an ECS task reconciles the task it belongs to, `{"kind": "hourly"}`
 *  does the work of each hour, every other event sweeps over all. What is due again soon is waited for, see
 *  {@link stayAwake}. What fails is thrown, so that it is counted and tried again: by Lambda, or by the next minute. */
export function reconcileHandler(deps: ReconcileDeps) {
  return middy()
    .use([...(deps.middleware ?? [])])
    .handler(async (event: unknown, context) => {
      const left = context.getRemainingTimeInMillis() - RESERVE_MS;
      const awake = { ...deps, until: deps.now() + Math.min(AWAKE_MS, left) };
      const occasion = occasionOf(event);
      switch (occasion.kind) {
        case 'hourly':
          return each(deps.hourly);
        case 'task': {
          const { wakeAt } = await reconcileTask(deps, occasion.taskId);
          return stayAwake(awake, new Map(wakeAt === undefined ? [] : [[occasion.taskId, wakeAt]]));
        }
        case 'sweep': {
          const swept = await sweep(deps);
          const made = each(deps.afterSweep.map((work) => async () => work(swept)));
          // Both come to their end: nothing runs on once an invocation has failed.
          await Promise.allSettled([made, stayAwake(awake, wakesOf(swept.found))]);
          return made;
        }
      }
    });
}

/** One after the other, and one that fails does not keep the others. Fails with all that failed. */
async function each(works: readonly (() => Promise<void>)[]): Promise<void> {
  const errors: unknown[] = [];
  for (const work of works) {
    try {
      await work();
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 0) throw new AggregateError(errors, errors.map(String).join('; '));
}
