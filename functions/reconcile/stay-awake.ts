import { reconcile, type Situation } from './reconcile.ts';
import { type ReconcilerDeps, reconcileTask } from './reconciler.ts';

export interface Awake extends ReconcilerDeps {
  readonly sleep: (ms: number) => Promise<void>;
  /** Milliseconds since 1970: what is due later is somebody else's. */
  readonly until: number;
}

/** When to look at tasks again: id -> milliseconds since 1970. */
export type Wakes = ReadonlyMap<string, number>;

/** A task that is due at once again and again must not keep a processor busy. */
const SOONEST_MS = 500;

/** Looks at tasks again when it is time, as long as that is soon, and at what comes of it. A Lambda has no timer: without
 *  this, the second of pause before a replicator is started again would last until the next sweep. Never fails: what
 *  cannot be done is logged and left to that sweep. */
export async function stayAwake(deps: Awake, wakes: Wakes): Promise<void> {
  const due = new Map(wakes);
  for (;;) {
    const [next] = [...due].toSorted(([, a], [, b]) => a - b);
    if (next === undefined) return;
    const [taskId, at] = next;
    const wakeAt = Math.max(at, deps.now() + SOONEST_MS);
    if (wakeAt >= deps.until) return;
    await deps.sleep(wakeAt - deps.now());
    due.delete(taskId);
    try {
      const again = (await reconcileTask(deps, taskId)).wakeAt;
      if (again !== undefined) due.set(taskId, again);
    } catch (error) {
      deps.log.error({ taskId, err: error }, 'not reconciled; the next sweep does it');
    }
  }
}

/** What a sweep left to wait for. Decisions are pure, so each is made a second time instead of being handed around. */
export function wakesOf(found: readonly Situation[]): Wakes {
  return new Map(
    found.flatMap((situation) =>
      reconcile(situation).flatMap((action) =>
        action.kind === 'wait' ? [[situation.task.id, action.until] as const] : [],
      ),
    ),
  );
}
