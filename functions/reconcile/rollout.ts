import { EXIT } from '#shared/fleet/fleet.ts';
import type { Run } from '#shared/task/run.ts';
import type { LastExit, Launch, Task } from '#shared/task/task.ts';
import { hasEnded, hasStreamed, holdsLease } from './launches.ts';
import { POLICY } from './policy.ts';
import type { Move, Situation } from './reconcile.ts';

export type Rollout =
  /** Nobody is on trial and nobody is left to move. */
  | { readonly kind: 'none' }
  /** The replicator of this task makes room for one of the present release. `left`: so many are still to be moved. */
  | { readonly kind: 'move'; readonly taskId: string; readonly move: Move; readonly left: number }
  | { readonly kind: 'wait'; readonly why: string; readonly left: number }
  /** These tasks streamed before they were moved and do not any more, so nobody else is moved. */
  | { readonly kind: 'halted'; readonly failed: readonly FailedTrial[]; readonly left: number };

export interface FailedTrial {
  readonly taskId: string;
  readonly why: string;
}

type Found = Omit<Situation, 'move' | 'release' | 'now'>;

/** Moves running replicators to the release that the fleet runs now, one at a time: who is moved next, what is waited for,
 *  or why nobody is moved any more. Looks at the tasks as they are found, so a control plane that is started anew goes on
 *  where the one before was, and another deployment in the middle simply is the release to move to.
 *
 *  **Invariant:** as long as a task that streamed before it was moved does not stream again, nobody else is moved; after
 *  {@link POLICY.trialMs} that is told as halted, until it streams, is deleted, or another release is deployed. It is not
 *  parked meanwhile.
 *
 *  Who goes first: tasks that an earlier roll-out broke, then those that stream, then, once one streams on the present
 *  release, those that do not: they prove nothing, and have nothing to lose when the release is known to be good. Where
 *  nobody streams, one of them is moved to see whether the release helps. What starts by itself meanwhile (crash, resume)
 *  runs the present release anyway and is no trial. Paused tasks stay as they are.
 *  Pure. `tasks`: the living ones; a tombstone is none. */
export function rollOut(tasks: readonly Found[], release: string | undefined, now: number): Rollout {
  if (release === undefined) return { kind: 'none' };
  const parts = tasks.map((found) => ({ taskId: found.task.id, ...partOf(found, release, now) }));
  const outdated = parts
    .filter((part) => part.kind === 'outdated')
    .toSorted((a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state) || (a.taskId < b.taskId ? -1 : 1));
  const left = outdated.length;

  const failed = parts.filter((part) => part.kind === 'failed');
  if (failed.length > 0) {
    return { kind: 'halted', failed: failed.map(({ taskId, why }) => ({ taskId, why })), left };
  }
  const moving = parts.find((part) => part.kind === 'moving');
  if (moving !== undefined) return { kind: 'wait', why: `${moving.taskId} ${moving.why}`, left };

  const [next] = outdated;
  if (next === undefined) return { kind: 'none' };
  const { taskId, generation, state } = next;
  const known = (kind: Part['kind']) => parts.some((part) => part.kind === kind);
  if (state === 'silent' && known('untried') && !known('proven')) {
    return { kind: 'wait', why: 'nobody streams on the present release yet', left };
  }
  return { kind: 'move', taskId, move: { generation, trial: state !== 'silent' }, left };
}

/** Who goes first. */
const ORDER = ['broken', 'streaming', 'silent'] as const;

/** What one task means for the roll-out. `aside`: nothing. On the present release: `proven` has streamed, `untried` was
 *  started by itself, `moving` and `failed` were moved. On another one: `outdated`; by a roll-out it was `broken`. */
type Part =
  | { readonly kind: 'aside' | 'proven' | 'untried' }
  | { readonly kind: 'moving'; readonly why: string }
  | { readonly kind: 'failed'; readonly why: string }
  | { readonly kind: 'outdated'; readonly state: (typeof ORDER)[number]; readonly generation: number };

const ASIDE: Part = { kind: 'aside' };

function partOf(found: Found, release: string, now: number): Part {
  const { task, observed } = found;
  const launch = found.launch?.incarnation === task.incarnation ? found.launch : undefined;
  if (launch === undefined) return ASIDE;
  const run = found.run?.incarnation === task.incarnation ? found.run : undefined;
  const { generation } = launch;
  const onTrial = isOnTrial(launch);
  if (onTrial && launch.release === release) return verdict(task, launch, run, now);
  if (task.desired === 'Paused') return ASIDE;

  const ended = hasEnded(launch);
  if (launch.stopAskedAt !== undefined && !ended) return { kind: 'moving', why: 'is being stopped' };
  const stands =
    launch.handle !== undefined && !ended && observed?.kind === 'running' && observed.healthy !== false;
  if (launch.release === release) return { kind: stands && launch.attempts === 0 ? 'proven' : 'untried' };
  if (!stands) return onTrial ? { kind: 'moving', why: 'is being started' } : ASIDE;
  const streams = holdsLease(run, now) && hasStreamed(launch, run, now);
  const state = onTrial ? 'broken' : streams ? 'streaming' : 'silent';
  return { kind: 'outdated', state, generation };
}

type OnTrial = Launch & { readonly onTrialSince: string };

function isOnTrial(launch: Launch): launch is OnTrial {
  return launch.onTrialSince !== undefined;
}

/** Of a task that was moved to the present release and has not streamed since. A pause ends the trial as it stands: one
 *  that had failed by then does not become good by it. */
function verdict(task: Task, launch: OnTrial, run: Run | undefined, now: number): Part {
  const exit = exitOnTrial(launch);
  const paused = task.desired === 'Paused';
  const pausedAt = paused ? (launch.stopAskedAt ?? exit?.at) : undefined;
  const tried = (pausedAt === undefined ? now : Date.parse(pausedAt)) - Date.parse(launch.onTrialSince);
  if (exit?.code === EXIT.permanent || tried >= POLICY.trialMs) {
    const minutes = Math.floor(tried / 60_000);
    return { kind: 'failed', why: `has not streamed in ${minutes} minutes: ${reasonOf(launch, run)}` };
  }
  return paused ? ASIDE : { kind: 'moving', why: 'does not stream yet' };
}

function reasonOf(launch: OnTrial, run: Run | undefined): string {
  if (launch.pendingReason !== undefined) return launch.pendingReason;
  if (run?.generation === launch.generation && run.reason !== undefined) {
    return `${run.reason.code}: ${run.reason.message}`;
  }
  return exitOnTrial(launch)?.message ?? 'its log has more';
}

/** The last end, but not that of the replicator that made room. */
function exitOnTrial({ lastExit, onTrialSince }: OnTrial): LastExit | undefined {
  return lastExit !== undefined && Date.parse(lastExit.at) > Date.parse(onTrialSince) ? lastExit : undefined;
}
