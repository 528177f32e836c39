import { EXIT } from '#shared/fleet/fleet.ts';
import { TIMING } from '#shared/names.ts';
import type { Run } from '#shared/task/run.ts';
import { ITEM_VERSION, type Launch, type Task } from '#shared/task/task.ts';
import { POLICY } from './policy.ts';

/** The launch items that follow one another; pure. Times are milliseconds since 1970. */

/** The next generation, written before anything is started. The last exit stays: the new job reads from it whether its
 *  predecessor is proven dead. */
export function nextLaunch(task: Task, last: Launch | undefined, now: number): Launch {
  const again = last !== undefined && sameWish(task, last) ? last : undefined;
  return {
    version: ITEM_VERSION,
    taskId: task.id,
    incarnation: task.incarnation,
    generation: (last?.generation ?? 0) + 1,
    launchedAt: iso(now),
    revision: task.revision,
    wantedSince: again?.wantedSince ?? again?.launchedAt ?? iso(now),
    attempts: (again?.attempts ?? 0) + 1,
    notBefore: iso(now),
    unplaced: last?.unplaced,
    lastExit: last?.lastExit,
  };
}

/** The start returned: from now on the fleet knows the replicator. */
export function placed(launch: Launch, handle: string): Launch {
  const { unplaced: _, ...rest } = launch;
  return { ...rest, handle };
}

/** The fleet had no room: that is no crash, so the attempt does not count. */
export function notPlaced(launch: Launch, reason: string, now: number): Launch {
  const before = launch.unplaced ?? 0;
  const delay = Math.min(POLICY.backoffCapMs, POLICY.notPlacedBaseMs * 2 ** before);
  return {
    ...launch,
    notBefore: iso(now + delay),
    attempts: Math.max(0, launch.attempts - 1),
    unplaced: before + 1,
    pendingReason: reason,
  };
}

/** The replicator of this launch has ended, or (unconfirmed) nothing is known of it any more. */
export function exited(
  launch: Launch,
  run: Run | undefined,
  exit: {
    readonly code: number | null;
    readonly confirmed: boolean;
    readonly message: string;
    readonly at: number;
  },
): Launch {
  const attempts = hasStreamed(launch, run, exit.at)
    ? 0
    : // Somebody stopped it from outside, so it is no crash.
      Math.max(0, launch.attempts - (exit.code === EXIT.stopped ? 1 : 0));
  const { code, confirmed, message } = exit;
  return {
    ...launch,
    attempts,
    notBefore: iso(exit.at + backoff(attempts)),
    lastExit: { generation: launch.generation, code, at: iso(exit.at), confirmed, message },
  };
}

/** True when the job of this launch has streamed long enough to be called healthy. Its last sign of life is one lease
 *  before the end of the lease, by its own clock like the rest. */
export function hasStreamed(launch: Launch, run: Run | undefined, now: number): boolean {
  if (run?.generation !== launch.generation || run.phase !== 'streaming') return false;
  const lastSign = Math.min(now, Date.parse(run.leaseExpiresAt) - TIMING.leaseSeconds * 1_000);
  return lastSign - Date.parse(run.phaseSince) >= POLICY.streamingProofMs;
}

/** True when nobody has paused or resumed the task since this launch: what it taught still holds. */
export function sameWish(task: Task, launch: Launch): boolean {
  return (launch.revision ?? task.revision) === task.revision;
}

export function iso(ms: number): string {
  return new Date(ms).toISOString();
}

function backoff(attempts: number): number {
  return Math.min(POLICY.backoffCapMs, POLICY.backoffBaseMs * 2 ** attempts);
}
