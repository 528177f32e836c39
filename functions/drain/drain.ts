import type { Logger } from '#shared/log.ts';
import type { DrainClock, Leftovers, Replicators, Starters } from './ports.ts';

export interface DrainDeps {
  readonly starters: Starters;
  readonly replicators: Replicators;
  readonly leftovers: readonly Leftovers[];
  readonly clock: DrainClock;
  readonly log: Logger;
  /** How long what is under way in a starter can go on, and start another replicator. */
  readonly settleMs: number;
}

/** The time was over. The message is one sentence that says what is left; the same drain again goes on from there. */
export class DrainError extends Error {
  override readonly name = 'DrainError';
}

const LOOK_MS = 5_000;

/** Empties a stack that is about to be deleted: first nobody starts replicators any more, then those that run are
 *  stopped, then what the control plane made at run time is removed. What is durable, the table of tasks, is not touched.
 *
 *  **Nothing is removed while a replicator runs**, and it ends only when what was under way cannot have started another
 *  one. Bounded by `timeoutMs`, then it fails with {@link DrainError}; also fails as its ports do. */
export async function drainStack(deps: DrainDeps, timeoutMs: number): Promise<void> {
  const deadline = deps.clock.monotonic() + timeoutMs;
  await deps.starters.silence();
  await stopReplicators(deps, deadline);
  for (const leftovers of deps.leftovers) await removeAll(deps, leftovers, deadline);
}

async function stopReplicators(deps: DrainDeps, deadline: number): Promise<void> {
  const { replicators, clock, log } = deps;
  const settled = clock.monotonic() + deps.settleMs;
  for (;;) {
    const left = await replicators.list();
    const now = clock.monotonic();
    if (left.length === 0 && now >= settled) return;
    if (now >= deadline) {
      throw new DrainError(`${left.length} replicators have not stopped in time; delete the stack again`);
    }
    log.info({ replicators: left.length, settled: now >= settled }, 'waiting for replicators to stop');
    for (const { id, stopping } of left) if (!stopping) await replicators.stop(id);
    await clock.sleep(Math.min(LOOK_MS, deadline - now));
  }
}

async function removeAll({ clock, log }: DrainDeps, leftovers: Leftovers, deadline: number): Promise<void> {
  const removed = new Set<string>();
  for (;;) {
    // Lists lag behind what was done.
    const page = (await leftovers.list()).filter((id) => !removed.has(id));
    if (page.length === 0) break;
    for (const id of page) {
      if (clock.monotonic() >= deadline) {
        throw new DrainError(`not all ${leftovers.name} could be removed in time; delete the stack again`);
      }
      await leftovers.remove(id);
      removed.add(id);
    }
  }
  log.info({ kind: leftovers.name, removed: removed.size }, 'removed');
}
