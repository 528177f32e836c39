import { TIMING } from '#shared/names.ts';

/** Milliseconds and counts that the decisions of `reconcile.ts` rest on. */
export const POLICY = {
  /** A launch without a handle may still be under way this long; then its start is repeated. */
  startGraceMs: 30_000,
  /** A fleet may not know a replicator yet (or not any more) for this long after its launch. */
  missingGraceMs: 5 * 60_000,
  /** A running replicator whose lease ran out this long ago hangs. */
  leaseGraceMs: 60_000,
  /** A running replicator that has had no lease after this long hangs. */
  firstLeaseMs: TIMING.firstLeaseSeconds * 1_000,
  /** From the request to drain until the replicator is killed. */
  stopTimeoutMs: TIMING.stopTimeoutSeconds * 1_000,
  /** Streaming for this long makes the earlier starts forgotten; less, and a record that ends every job that comes to it
   *  would be tried for ever. */
  streamingProofMs: 30_000,
  /** A task that a roll-out moved to another release streams by then, or the roll-out halts. */
  trialMs: 5 * 60_000,
  /** Delay before the next start: this, doubled with each start in a row that did not stream. */
  backoffBaseMs: 1_000,
  backoffCapMs: 5 * 60_000,
  /** Delay after a start that was not possible, doubled with each such start in a row. */
  notPlacedBaseMs: 5_000,
  /** So many starts in a row that did not stream park the task (about 13 minutes of trying). */
  maxAttempts: 10,
  /** So many ends in a row are told as a failure. */
  failingEnds: 2,
  /** Retrying, or a checkpoint that does not move, for this long is told as a standstill. */
  stalledMs: 5 * 60_000,
  /** How long a deleted task's items are kept for those that have what it had and do not run: longer than most logs reach
   *  back. */
  keepForHeirsMs: 7 * 24 * 3_600_000,
  /** How soon to look again when the fleet could not be asked. */
  askAgainMs: 10_000,
} as const;
