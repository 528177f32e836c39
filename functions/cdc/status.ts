import { EXIT } from '#shared/fleet/fleet.ts';
import { TIMING } from '#shared/names.ts';
import { lagOf } from '#shared/task/lag.ts';
import { parkedFor } from '#shared/task/parked.ts';
import type { Run, TaskObject } from '#shared/task/run.ts';
import { leftOut, neighboursOf } from '#shared/task/shared-target.ts';
import type { Launch, Task } from '#shared/task/task.ts';
import { tickMillis } from '#shared/task/tick.ts';
import { patternText } from './scope-of.ts';
import { furtherMembers } from './shown-request.ts';
import type { CollectionStatus, ScopeStatus, StatusCounters, TaskStatus } from './task-status.ts';

export interface StatusFacts {
  readonly task: Task;
  readonly launch?: Launch | undefined;
  readonly run?: Run | undefined;
  /** Left out where collections are not shown. */
  readonly objects?: readonly TaskObject[] | undefined;
  /** Tasks that may have what this one leaves out; left out where the scope is not shown. */
  readonly others?: readonly Task[] | undefined;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly log: string;
}

const MAX_COLLECTIONS = 1000;
/** Two machines' clocks differ; a lease that expired less than this ago may still be held. */
const CLOCK_SKEW_MS = TIMING.renewSeconds * 1000;

/** Tells a task's status from what the store holds. Pure. */
export function statusOf(facts: StatusFacts): TaskStatus {
  const { task, objects } = facts;
  const run = facts.run?.incarnation === task.incarnation ? facts.run : undefined;
  const launch = facts.launch?.incarnation === task.incarnation ? facts.launch : undefined;
  const view = phaseOf(task, launch, run, facts.now);
  return {
    ...view,
    last_error: lastErrorOf(view, launch, run),
    ...lagView(run, facts.now),
    counters: run === undefined ? null : countersOf(run),
    warnings: run?.warnings ?? [],
    ...(facts.others === undefined ? {} : { scope: scopeOf(task, facts.others) }),
    ...(objects === undefined ? {} : collectionsOf(objects)),
    ...(objects === undefined
      ? {}
      : { request: furtherMembers(task.request), credentials: hasCredentials(task) }),
    log: facts.log,
  };
}

function hasCredentials({ secretRef, userSecrets }: Task): boolean {
  return secretRef !== undefined || userSecrets !== undefined;
}

type PhaseView = Pick<TaskStatus, 'phase' | 'since' | 'reason'>;

function phaseOf(task: Task, launch: Launch | undefined, run: Run | undefined, now: number): PhaseView {
  const alive =
    run?.released === 'no' && now <= Date.parse(run.leaseExpiresAt) + CLOCK_SKEW_MS ? run : undefined;
  if (alive !== undefined) {
    const phase = task.desired === 'Paused' ? 'stopping' : alive.phase;
    return { phase, since: alive.phaseSince, reason: alive.reason ?? null };
  }
  if (task.desired === 'Paused') return pausedPhase(task, run);
  return waitingPhase(task, launch, run);
}

/** Paused, and no job acts: it was stopped, or it gave up and the task was parked. */
function pausedPhase(task: Task, run: Run | undefined): PhaseView {
  const since = run?.phaseSince ?? task.createdAt;
  const parked = parkedFor(task);
  if (parked !== undefined) return { phase: 'failed', since, reason: parked };
  if (run?.phase === 'failed') return { phase: 'failed', since, reason: run.reason ?? null };
  return { phase: 'stopped', since, reason: null };
}

/** Wanted Running, but no job acts: the first start is under way, or the last job ended. */
function waitingPhase(task: Task, launch: Launch | undefined, run: Run | undefined): PhaseView {
  if (launch?.pendingReason !== undefined) {
    const reason = { code: 'not_placed', message: launch.pendingReason };
    return { phase: 'starting', since: launch.launchedAt, reason };
  }
  const exit = launch?.lastExit;
  if (launch !== undefined && exit?.generation === launch.generation) {
    const message = `the replicator ended (${exit.message}); it is started again, not before ${launch.notBefore}`;
    const reason = run?.reason ?? { code: 'replicator_ended', message };
    return { phase: 'retrying', since: exit.at, reason };
  }
  if (run !== undefined && run.generation === launch?.generation) {
    const message = `the replicator has not been heard of since ${run.leaseExpiresAt}`;
    return { phase: 'retrying', since: run.leaseExpiresAt, reason: { code: 'replicator_silent', message } };
  }
  return { phase: 'starting', since: launch?.launchedAt ?? task.createdAt, reason: null };
}

function lagView(run: Run | undefined, now: number): Pick<TaskStatus, 'lag_ms' | 'lag_reason'> {
  const lag = lagOf(run, now);
  return lag.kind === 'known' ? { lag_ms: lag.ms } : { lag_ms: null, lag_reason: lag.why };
}

/** What a job told, or how one ended: whatever was last. */
function lastErrorOf(
  { reason, since }: PhaseView,
  launch: Launch | undefined,
  run: Run | undefined,
): TaskStatus['last_error'] {
  const exit = launch?.lastExit;
  const crashed = exit !== undefined && exit.code !== EXIT.stopped;
  const candidates = [
    ...(reason === null ? [] : [{ ...reason, at: since }]),
    ...(run?.lastError === undefined ? [] : [run.lastError]),
    ...(crashed ? [{ code: 'replicator_ended', message: exit.message, at: exit.at }] : []),
  ];
  const [newest] = candidates.toSorted((a, b) => Date.parse(b.at) - Date.parse(a.at));
  return newest ?? null;
}

function scopeOf(task: Task, others: readonly Task[]): ScopeStatus {
  return {
    include: task.scope.include.map(patternText),
    left_out: leftOut(task, neighboursOf(task, others)).map(({ pattern, taskId }) => ({
      pattern: patternText(pattern),
      task: taskId,
    })),
  };
}

function countersOf({ counters }: Run): StatusCounters {
  return {
    rows_inserted: counters.rowsInserted,
    rows_upserted: counters.rowsUpserted,
    keys_deleted: counters.keysDeleted,
    bytes: counters.bytes,
    requests: counters.requests,
    retries: counters.retries,
    ambiguous_answers: counters.ambiguous,
    rows_of_dropped_collections: counters.rowsOfDroppedCollections,
  };
}

function collectionsOf(
  objects: readonly TaskObject[],
): Pick<TaskStatus, 'collections' | 'collections_left_out'> {
  const all = objects
    .filter(({ leftAt }) => leftAt === undefined)
    .map(collectionOf)
    .toSorted((a, b) => rank(a) - rank(b) || (a.source < b.source ? -1 : 1));
  const left = all.length - MAX_COLLECTIONS;
  return {
    collections: all.slice(0, MAX_COLLECTIONS),
    ...(left > 0 ? { collections_left_out: left } : {}),
  };
}

/** What needs a person comes first. */
function rank({ state }: CollectionStatus): number {
  return state === 'quarantined' ? 0 : 1;
}

function collectionOf(object: TaskObject): CollectionStatus {
  const { source, target, quarantine } = object;
  const common = {
    source: `${source.database}.${source.name}`,
    target: `${target.database}.${target.name}`,
    collection_id: object.collectionId,
    warnings: object.warnings,
  };
  if (quarantine !== undefined) {
    const { since, code, message } = quarantine;
    const reason = { code, message };
    return { ...common, state: 'quarantined', applied_until: appliedUntil(object), since, reason };
  }
  if (object.state !== 'bound') return { ...common, state: object.state };
  if (object.cursors.length === 0) return { ...common, state: 'streaming' };
  return { ...common, state: 'catching_up', applied_until: appliedUntil(object) };
}

/** How far a collection that reads for itself is: where the last of its cursors stands. */
function appliedUntil({ cursors }: TaskObject): string | null {
  const ticks = cursors.map(({ tick }) => tickMillis(BigInt(tick)));
  return ticks.length === 0 || ticks.includes(0) ? null : new Date(Math.min(...ticks)).toISOString();
}
