import { EXIT, type ReplicatorState } from '#shared/fleet/fleet.ts';
import type { Run } from '#shared/task/run.ts';
import type { Launch, Task } from '#shared/task/task.ts';
import {
  exited,
  hasEnded,
  hasStreamed,
  holdsLease,
  nextLaunch,
  sameWish,
  stopAsked,
  streaming,
} from './launches.ts';
import { POLICY } from './policy.ts';

/** Everything that a decision rests on, read one after the other and so perhaps not of one moment. */
export interface Situation {
  /** A task, or the tombstone of one. */
  readonly task: Task;
  /** The stored items; those of another incarnation count as none. */
  readonly launch: Launch | undefined;
  readonly run: Run | undefined;
  /** What the fleet says about the launch's handle; undefined: there is none, or the fleet did not answer. */
  readonly observed: ReplicatorState | undefined;
  /** The release that a start would run; undefined: the fleet knows none. */
  readonly release?: string | undefined;
  /** A roll-out has chosen this task: the replicator of that generation makes room for one of the present release. */
  readonly move?: Move | undefined;
  /** Of a tombstone: another task has what it had, and has not taken it over yet from what is written of it. */
  readonly hasHeirs?: boolean | undefined;
  /** Milliseconds since 1970. */
  readonly now: number;
}

export interface Move {
  readonly generation: number;
  /** The task streamed, so it is expected to do so on the present release too. */
  readonly trial: boolean;
}

export type Action =
  /** Write the launch item (generation raised), then start that generation. */
  | { readonly kind: 'start'; readonly launch: Launch; readonly after: number | undefined }
  /** Repeat the start of a launch whose handle was never written. */
  | { readonly kind: 'find'; readonly launch: Launch }
  /** Ask to drain and stop; `launch`, if any, notes since when. */
  | { readonly kind: 'stop'; readonly handle: string; readonly launch: Launch | undefined }
  | { readonly kind: 'kill'; readonly handle: string }
  /** Write that the replicator of the current launch has ended. */
  | { readonly kind: 'record-exit'; readonly launch: Launch }
  /** Write that it streams, so that earlier starts do not count any more. */
  | { readonly kind: 'record-streaming'; readonly launch: Launch }
  | { readonly kind: 'park'; readonly reason: string }
  | { readonly kind: 'purge' }
  /** Nothing before that time, unless something happens. */
  | { readonly kind: 'wait'; readonly until: number; readonly why: string };

/** Who restarts, when and how often is decided here and nowhere else: what is wanted against what is so -> what to do
 *  next. None: all is as wanted. Called again after each change, so one decision takes one step.
 *  **Invariant:** a generation is only started when the one before it is known to have ended, was never placed, or is
 *  missing from the fleet with its lease run out.
 *  Pure. A decision on an outdated situation is harmless: `apply.ts` writes conditionally. */
export function reconcile(situation: Situation): readonly Action[] {
  const { task, now, hasHeirs = false } = situation;
  const keptUntil = Date.parse(task.deletedAt ?? '') + POLICY.keepForHeirsMs;
  return decide(situation).map((action) =>
    action.kind === 'purge' && hasHeirs && now < keptUntil
      ? { kind: 'wait', until: keptUntil, why: 'another task goes on from what this one left' }
      : action,
  );
}

function decide(situation: Situation): readonly Action[] {
  const { task, release, now } = situation;
  const launch = situation.launch?.incarnation === task.incarnation ? situation.launch : undefined;
  const run = situation.run?.incarnation === task.incarnation ? situation.run : undefined;
  if (launch === undefined || launch.pendingReason !== undefined || hasEnded(launch)) {
    return withoutReplicator({ task, launch, run, release, now });
  }
  // A lease that was taken for this launch tells about its replicator; an older one does not.
  const itsRun = run?.generation === launch.generation ? run : undefined;
  if (launch.handle === undefined) return withoutHandle(task, launch, itsRun, now);
  return withHandle({ ...situation, launch, run: itsRun, handle: launch.handle });
}

function withoutReplicator({
  task,
  launch,
  run,
  release,
  now,
}: Omit<Situation, 'observed' | 'move'>): readonly Action[] {
  if (isTombstone(task)) return [{ kind: 'purge' }];
  if (task.desired === 'Paused') return [];
  if (launch !== undefined && sameWish(task, launch)) {
    const reason = parkReason(launch, run);
    if (reason !== undefined) return [{ kind: 'park', reason }];
    const until = Date.parse(launch.notBefore);
    if (now < until)
      return [{ kind: 'wait', until, why: launch.pendingReason ?? 'a pause between two starts' }];
  }
  return [{ kind: 'start', launch: nextLaunch(task, launch, { release, now }), after: launch?.generation }];
}

/** The start is under way, or whoever ordered it died before writing the handle. Fleets start no second replicator for
 *  one generation, so repeating the order finds what there is. */
function withoutHandle(task: Task, launch: Launch, run: Run | undefined, now: number): readonly Action[] {
  // No job gets the lease of a task that is gone, and one that has it loses it.
  if (isTombstone(task)) return [{ kind: 'purge' }];
  const until = Date.parse(launch.launchedAt) + POLICY.startGraceMs;
  if (now < until) return [{ kind: 'wait', until, why: 'a start is under way' }];
  if (task.desired === 'Running' || holdsLease(run, now)) return [{ kind: 'find', launch }];
  return [];
}

interface Placed {
  readonly task: Task;
  readonly launch: Launch;
  readonly handle: string;
  readonly run: Run | undefined;
  readonly observed: ReplicatorState | undefined;
  readonly move?: Move | undefined;
  readonly now: number;
}

function withHandle(placed: Placed): readonly Action[] {
  const { observed, now } = placed;
  switch (observed?.kind) {
    case undefined:
      return [{ kind: 'wait', until: now + POLICY.askAgainMs, why: 'the fleet does not answer' }];
    case 'running':
      // Its event loop or its lease stands still, so it would not drain either.
      if (observed.healthy === false) return [{ kind: 'kill', handle: placed.handle }];
      return whileRunning(placed);
    case 'missing':
      return whileMissing(placed);
    case 'stopped':
      return afterEnd(placed, { code: observed.exitCode, confirmed: true, message: observed.message });
  }
}

function whileRunning({ task, launch, handle, run, move, now }: Placed): readonly Action[] {
  const leaseEnd =
    run === undefined
      ? Date.parse(launch.launchedAt) + POLICY.firstLeaseMs
      : Date.parse(run.leaseExpiresAt) + POLICY.leaseGraceMs;
  if (now >= leaseEnd) return [{ kind: 'kill', handle }];

  // Once asked to stop, a replicator ends, also when the task was resumed meanwhile.
  const askedAt = isTombstone(task) ? task.deletedAt : launch.stopAskedAt;
  if (askedAt !== undefined) {
    const until = Date.parse(askedAt) + POLICY.stopTimeoutMs;
    if (now >= until) return [{ kind: 'kill', handle }];
    const wait = { kind: 'wait', until, why: 'the replicator drains' } as const;
    return isTombstone(task) ? [{ kind: 'stop', handle, launch: undefined }, wait] : [wait];
  }
  if (task.desired === 'Paused') {
    return [{ kind: 'stop', handle, launch: stopAsked(launch, { now, trial: false }) }];
  }
  if (move?.generation === launch.generation) {
    return [{ kind: 'stop', handle, launch: stopAsked(launch, { now, trial: move.trial }) }];
  }
  if (launch.attempts > 0 && hasStreamed(launch, run, now)) {
    return [{ kind: 'record-streaming', launch: streaming(launch) }];
  }
  return [];
}

/** The fleet does not know the handle: not yet, or not any more. A lease that is being renewed says that it lives. */
function whileMissing(placed: Placed): readonly Action[] {
  const { task, launch, run, now } = placed;
  if (run !== undefined && holdsLease(run, now)) {
    return [
      { kind: 'wait', until: Date.parse(run.leaseExpiresAt), why: 'it is missing and renews its lease' },
    ];
  }
  const until = Date.parse(launch.launchedAt) + POLICY.missingGraceMs;
  if (now < until && !isTombstone(task)) return [{ kind: 'wait', until, why: 'the fleet does not know it' }];
  return afterEnd(placed, { code: null, confirmed: false, message: 'the fleet does not know it any more' });
}

function afterEnd(
  { task, launch, run, now }: Placed,
  exit: { readonly code: number | null; readonly confirmed: boolean; readonly message: string },
): readonly Action[] {
  if (isTombstone(task)) return [{ kind: 'purge' }];
  return [{ kind: 'record-exit', launch: exited(launch, run, { ...exit, at: now }) }];
}

function parkReason(launch: Launch, run: Run | undefined): string | undefined {
  const exit = launch.lastExit;
  // A start that was not possible proves nothing about what came before it.
  if (exit === undefined || launch.pendingReason !== undefined) return undefined;
  // What fails on trial may be the release: then another one heals the task, and nobody has to resume it.
  if (launch.onTrialSince !== undefined) return undefined;
  if (exit.code === EXIT.permanent) {
    const told = run?.generation === exit.generation ? run.reason : undefined;
    return told === undefined
      ? 'internal: the replicator gave up and left no reason; its log has more'
      : `${told.code}: ${told.message}`;
  }
  if (launch.attempts < POLICY.maxAttempts) return undefined;
  return (
    `crash_loop: the replicator ended ${launch.attempts} times in a row without streaming for long, ` +
    `the last time it ${describeExit(exit.code, exit.message)}; its log has more`
  );
}

function describeExit(code: number | null, message: string): string {
  return code === null ? `was lost (${message})` : `ended with code ${code}`;
}

function isTombstone(task: Task): task is Task & { readonly deletedAt: string } {
  return task.deletedAt !== undefined;
}
