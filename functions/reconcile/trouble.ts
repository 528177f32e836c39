import { parkedFor } from '#shared/task/parked.ts';
import type { Reason, Run } from '#shared/task/run.ts';
import type { Launch, Task } from '#shared/task/task.ts';
import { sameWish } from './launches.ts';
import { POLICY } from './policy.ts';
import type { Situation } from './reconcile.ts';

/** What keeps a task from getting on. `failing`: it was given up with a code, or its replicator ends again and again.
 *  `not-placed`: there is no room for its replicator. `stalled`: its replicator should get on and does not. */
export interface Trouble {
  readonly kind: 'failing' | 'not-placed' | 'stalled';
  readonly why: string;
}

type Looked = Pick<Situation, 'task' | 'launch' | 'run' | 'now'>;

/** The one trouble of a task, the nearest to its cause first, so that one fault is told once. Items of another life of the
 *  id count as none. Pure. */
export function troubleOf({ task, launch, run, now }: Looked): Trouble | undefined {
  const parked = parkedFor(task);
  if (parked !== undefined) return { kind: 'failing', why: textOf(parked) };
  if (task.desired === 'Paused') return undefined;
  const itsLaunch = launch?.incarnation === task.incarnation ? launch : undefined;
  const itsRun = run?.incarnation === task.incarnation ? run : undefined;
  if (itsLaunch?.pendingReason !== undefined) return { kind: 'not-placed', why: itsLaunch.pendingReason };
  return failing(task, itsLaunch, itsRun) ?? stalled(task, itsLaunch, itsRun, now);
}

/** One end is no failure: roll-outs and lost machines are part of the plan. */
function failing(task: Task, launch: Launch | undefined, run: Run | undefined): Trouble | undefined {
  const exit = launch?.lastExit;
  if (launch === undefined || exit === undefined || !sameWish(task, launch)) return undefined;
  const ends = launch.attempts - (exit.generation === launch.generation ? 0 : 1);
  if (ends < POLICY.failingEnds) return undefined;
  const reason = run?.reason === undefined ? exit.message : textOf(run.reason);
  return { kind: 'failing', why: `ended ${ends} times in a row: ${reason}` };
}

/** Counted from when the task was last wanted: a pause is no standstill. */
function stalled(
  task: Task,
  launch: Launch | undefined,
  run: Run | undefined,
  now: number,
): Trouble | undefined {
  const wanted = Date.parse(launch?.wantedSince ?? launch?.launchedAt ?? task.createdAt);
  const lasts = (since: string) => now - Math.max(wanted, Date.parse(since)) >= POLICY.stalledMs;
  if (run?.phase === 'retrying' && lasts(run.phaseSince)) {
    return { kind: 'stalled', why: run.reason === undefined ? 'retrying' : textOf(run.reason) };
  }
  // A replicator of a release before 0.2 does not tell when its checkpoint moved.
  const untold = run?.watermark !== undefined && run.advancedAt === undefined;
  const moved = run?.advancedAt ?? task.createdAt;
  if (untold || !lasts(moved)) return undefined;
  return { kind: 'stalled', why: `the checkpoint has not moved since ${moved}` };
}

function textOf({ code, message }: Reason): string {
  return `${code}: ${message}`;
}
