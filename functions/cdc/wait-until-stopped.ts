import { TIMING } from '#shared/names.ts';
import { StoreUnavailableError } from '#shared/store/task-store.ts';
import type { Run } from '#shared/task/run.ts';
import type { Launch, Task } from '#shared/task/task.ts';
import { type CdcDeps, WAITS } from './deps.ts';

const FIRST_POLL_MS = 50;
const LONGEST_POLL_MS = 1000;
const SETTLE_MS = TIMING.settleSeconds * 1000;
const REQUEST_MS = TIMING.requestSeconds * 1000;
const LEASE_MS = TIMING.leaseSeconds * 1000;

/** Waits, for {@link WAITS.stopMs} at most, until nothing of a job for the task can reach the target any more. Answers
 *  whether that came about: it gave its lease back with nothing in flight, or it cannot send any more and what it sent
 *  last has been executed or never will be, by this process's own clock.
 *  The caller has set the desired state to Paused before, so no new job gets the lease meanwhile. */
export async function waitUntilStopped(
  { tasks, clock, log }: Pick<CdcDeps, 'tasks' | 'clock' | 'log'>,
  task: Pick<Task, 'id' | 'incarnation'>,
): Promise<boolean> {
  const end = clock.monotonic() + WAITS.stopMs;
  let poll = FIRST_POLL_MS;
  let seen: { readonly sign: string; readonly at: number } | undefined;
  for (;;) {
    try {
      const run = await tasks.getRun(task.id);
      if (run?.incarnation !== task.incarnation || isLongOver(run, clock.now())) return true;
      const dead = isDead(run, await tasks.getLaunch(task.id));
      const sign = `${run.epoch} ${run.beat} ${dead}`;
      if (seen?.sign !== sign) seen = { sign, at: clock.monotonic() };
      if (clock.monotonic() - seen.at >= stillnessOf(run, dead)) return true;
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
      log.warn({ err: error, taskId: task.id }, 'store unavailable while waiting for a job to stop');
    }
    const left = end - clock.monotonic();
    if (left <= 0) return false;
    await clock.sleep(Math.min(poll, left));
    poll = Math.min(poll * 2, LONGEST_POLL_MS);
  }
}

/** How long a run has to stay as it is until nothing comes from its job any more. */
function stillnessOf(run: Run, dead: boolean): number {
  if (run.released === 'drained') return 0;
  if (dead) return SETTLE_MS;
  return (run.released === 'undrained' ? 0 : LEASE_MS) + REQUEST_MS + SETTLE_MS;
}

/** The wall clocks of two machines differ, so the end of a lease counts only when it is a whole lease more ago. */
function isLongOver({ leaseExpiresAt }: Run, now: number): boolean {
  return now - Date.parse(leaseExpiresAt) > LEASE_MS + REQUEST_MS + SETTLE_MS;
}

function isDead(run: Run, launch: Launch | undefined): boolean {
  const exit = launch?.incarnation === run.incarnation ? launch.lastExit : undefined;
  return exit?.confirmed === true && exit.generation >= run.generation;
}
