import { type Counters, type Run, runSchema } from '../task/run.ts';
import { ITEM_VERSION } from '../task/task.ts';
import type { LeaseClaim } from './task-store.ts';

/** The run item as taking the lease leaves it; every adapter writes exactly this under the condition that `seen` is
 *  what is stored, so that the positions and horizons answered are those of that very update.
 *  The phase begins anew because the old one was another job's: a crash loop would else look like streaming.
 *  `at`: now, by the store's clock. */
export function claimedRun(claim: LeaseClaim, seen: Run | undefined, at: string): Run {
  const mine = {
    version: ITEM_VERSION,
    taskId: claim.taskId,
    incarnation: claim.incarnation,
    generation: claim.generation,
    owner: claim.owner,
    released: 'no',
    leaseExpiresAt: claim.leaseExpiresAt,
    phase: 'starting',
    phaseSince: at,
  } as const;
  if (seen === undefined || seen.incarnation !== claim.incarnation) {
    return { ...mine, epoch: 1, beat: 1, channels: new Uint8Array(), counters: NO_COUNTS, warnings: [] };
  }
  // Without what only a newer release knows: that was the old job's account, and would not be kept up to date.
  const { reason: _ofTheOldJob, ...kept } = runSchema.parse(seen);
  return { ...kept, ...mine, epoch: seen.epoch + 1, beat: seen.beat + 1 };
}

/** True when the stored item is what this claim made before, its answer having been lost. */
export function isOwnClaim(claim: LeaseClaim, stored: Run): boolean {
  return (
    stored.incarnation === claim.incarnation &&
    stored.owner === claim.owner &&
    stored.generation === claim.generation &&
    stored.released === 'no'
  );
}

const NO_COUNTS: Counters = {
  rowsInserted: 0,
  rowsUpserted: 0,
  keysDeleted: 0,
  bytes: 0,
  requests: 0,
  retries: 0,
  ambiguous: 0,
  rowsOfDroppedCollections: 0,
};
