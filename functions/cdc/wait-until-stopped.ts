import { TIMING } from '#shared/names.ts';
import { StoreUnavailableError } from '#shared/store/task-store.ts';
import type { Run } from '#shared/task/run.ts';
import type { Launch, Task } from '#shared/task/task.ts';
import { type CdcDeps, WAITS } from './deps.ts';

const FIRST_POLL_MS = 50;
const LONGEST_POLL_MS = 1000;
const LEASE_MS = TIMING.leaseSeconds * 1000;

/** Waits, for {@link WAITS.stopMs} at most, until no job can write for the task: it gave its lease back, is known to be
 *  dead, or has not renewed for the lease's length by this process's own clock. Answers whether that came about.
 *  The caller has set the desired state to Paused before, so no new job gets the lease meanwhile. */
export async function waitUntilStopped(
  { tasks, clock, log }: Pick<CdcDeps, 'tasks' | 'clock' | 'log'>,
  task: Pick<Task, 'id' | 'incarnation'>,
): Promise<boolean> {
  const end = clock.monotonic() + WAITS.stopMs;
  let poll = FIRST_POLL_MS;
  let seen: { readonly beat: string; readonly at: number } | undefined;
  for (;;) {
    try {
      const run = await tasks.getRun(task.id);
      if (run === undefined || hasEnded(run, task, clock.now())) return true;
      if (isDead(run, await tasks.getLaunch(task.id))) return true;
      const beat = `${run.epoch} ${run.beat}`;
      if (seen?.beat !== beat) seen = { beat, at: clock.monotonic() };
      else if (clock.monotonic() - seen.at >= LEASE_MS) return true;
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

/** True when the run item says by itself that nobody acts for this life of the task. The wall clocks of two machines
 *  differ, so an expired lease counts only when it expired a whole lease ago. */
export function hasEnded(run: Run, task: Pick<Task, 'incarnation'>, now: number): boolean {
  return (
    run.incarnation !== task.incarnation ||
    run.released !== 'no' ||
    now - Date.parse(run.leaseExpiresAt) > LEASE_MS
  );
}

function isDead(run: Run, launch: Launch | undefined): boolean {
  const exit = launch?.incarnation === run.incarnation ? launch.lastExit : undefined;
  return exit?.confirmed === true && exit.generation >= run.generation;
}
