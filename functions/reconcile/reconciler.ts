import type { ReplicatorState } from '#shared/fleet/fleet.ts';
import { ConflictError, CorruptItemError, NewerItemError, type TaskStore } from '#shared/store/task-store.ts';
import { yieldsTo } from '#shared/task/shared-target.ts';
import type { Launch, Task } from '#shared/task/task.ts';
import { apply, type ReconcilerDeps } from './apply.ts';
import { KeyedQueue } from './keyed-queue.ts';
import { type Action, type Move, reconcile, type Situation } from './reconcile.ts';
import { type Rollout, rollOut } from './rollout.ts';

export type { ReconcilerDeps } from './apply.ts';

export interface Outcome {
  /** What was done or found, in order, over all lives of the id. */
  readonly actions: readonly Action[];
  /** When to look again if nothing happens before; undefined: the next sweep is soon enough. */
  readonly wakeAt: number | undefined;
  /** What was found last, of the life that has the id; undefined when none has. */
  readonly found?: Situation | undefined;
}

export interface SweepOutcome {
  readonly checked: number;
  /** Ids that could not be reconciled; each is logged. */
  readonly failed: number;
  readonly wakeAt: number | undefined;
  /** What was found last of each task that could be reconciled; tombstones are none. */
  readonly found: readonly Situation[];
  /** What the roll-out came to, and the same as a number for a metric: tasks that keep it halted. */
  readonly rollout: Rollout;
  readonly rolloutHalted: number;
}

/** A task is brought from one state to the next; more steps than this at once are a fault, not work. */
const MAX_STEPS = 8;
/** How many tasks a sweep looks at at once. */
const SWEEP_WIDTH = 8;

/** One queue per store: who reconciles through the same store must not do so for one task at once. */
const queues = new WeakMap<TaskStore, KeyedQueue<Outcome>>();

/** Brings one task, and what is left of deleted ones under its id, nearer to what is wanted. Does not wait for
 *  replicators to start or stop. One at a time per task in this process; across processes the store's conditions decide.
 *  Fails as the store does. */
export async function reconcileTask(deps: ReconcilerDeps, id: string): Promise<Outcome> {
  const living = await reconcileLiving(deps, id);
  const outcomes = [living];
  for (const tombstone of await deps.tasks.listTombstones()) {
    if (tombstone.id === id) outcomes.push(await reconcileTombstone(deps, tombstone));
  }
  const wakes = outcomes.flatMap((o) => o.wakeAt ?? []);
  return {
    actions: outcomes.flatMap((o) => o.actions),
    wakeAt: wakes.length === 0 ? undefined : Math.min(...wakes),
    found: living.found,
  };
}

/** Reconciles every task and tombstone, then takes the roll-out one step further. One task that fails does not keep the
 *  others; fails when the tasks cannot be listed. */
export async function sweep(deps: ReconcilerDeps): Promise<SweepOutcome> {
  let failed = 0;
  let unseen = 0;
  const wakes: number[] = [];
  const found: Situation[] = [];
  const guarded = async (what: object, work: () => Promise<Outcome>) => {
    try {
      const outcome = await work();
      if (outcome.wakeAt !== undefined) wakes.push(outcome.wakeAt);
      if (outcome.found !== undefined && outcome.found.task.deletedAt === undefined)
        found.push(outcome.found);
    } catch (error) {
      failed++;
      if (!(error instanceof NewerItemError || error instanceof CorruptItemError)) unseen++;
      deps.log.error({ ...what, err: error }, 'not reconciled');
    }
  };
  const ids = await deps.tasks.listTaskIds();
  const jobs = ids.map((taskId) => () => guarded({ taskId }, () => reconcileLiving(deps, taskId)));
  await guarded({ tombstones: 'all' }, async () => {
    for (const tombstone of await deps.tasks.listTombstones()) {
      jobs.push(() => guarded({ taskId: tombstone.id }, () => reconcileTombstone(deps, tombstone)));
    }
    return NOTHING;
  });
  const pending = jobs.values();
  const worker = async () => {
    for (const job of pending) await job();
  };
  await Promise.all(Array.from({ length: SWEEP_WIDTH }, worker));
  const wakeAt = wakes.length === 0 ? undefined : Math.min(...wakes);
  const rollout = await stepRollout(deps, found, unseen);
  const rolloutHalted = rollout.kind === 'halted' ? rollout.failed.length : 0;
  return { checked: jobs.length, failed, wakeAt, found, rollout, rolloutHalted };
}

/** One step of the roll-out, on what a sweep found. When a task could not be looked at for now, nobody is moved: it may
 *  be the one to wait for. One whose items cannot be read is not waited for. That a move does not come about (somebody
 *  else reconciles the task at this moment, or the store is away) leaves it to the next sweep. */
async function stepRollout(
  deps: ReconcilerDeps,
  found: readonly Situation[],
  unseen: number,
): Promise<Rollout> {
  const rollout = rollOut(found, deps.fleet.release, deps.now());
  const { release } = deps.fleet;
  switch (rollout.kind) {
    case 'none':
      return rollout;
    case 'wait':
      deps.log.debug({ release, ...rollout }, 'roll-out waits');
      return rollout;
    case 'halted':
      deps.log.error({ release, ...rollout }, 'roll-out halted: a task does not stream since it was moved');
      return rollout;
    case 'move': {
      const { taskId, move, left } = rollout;
      if (unseen > 0) return { kind: 'wait', why: `${unseen} tasks could not be looked at`, left };
      deps.log.info({ release, taskId, left, ...move }, 'roll-out moves a replicator');
      try {
        await reconcileLiving(deps, taskId, move);
      } catch (error) {
        deps.log.error({ taskId, err: error }, 'not moved');
      }
      return rollout;
    }
  }
}

const NOTHING: Outcome = { actions: [], wakeAt: undefined };

function reconcileLiving(deps: ReconcilerDeps, id: string, move?: Move): Promise<Outcome> {
  return queueOf(deps).run(`task ${id}`, () => reconcileLife(deps, () => deps.tasks.getTask(id), move));
}

/** A tombstone never changes, so it needs no reading again. */
function reconcileTombstone(deps: ReconcilerDeps, tombstone: Task): Promise<Outcome> {
  return queueOf(deps).run(`tombstone ${tombstone.incarnation}`, () =>
    reconcileLife(deps, async () => tombstone),
  );
}

function queueOf(deps: ReconcilerDeps): KeyedQueue<Outcome> {
  const queue = queues.get(deps.tasks) ?? new KeyedQueue<Outcome>();
  queues.set(deps.tasks, queue);
  return queue;
}

/** Decides and applies until nothing is left to do now. */
async function reconcileLife(
  deps: ReconcilerDeps,
  read: () => Promise<Task | undefined>,
  move?: Move,
): Promise<Outcome> {
  const actions: Action[] = [];
  let wakeAt: number | undefined;
  let found: Situation | undefined;
  const outcome = (): Outcome => ({ actions, wakeAt, found });
  for (let step = 0; step < MAX_STEPS; step++) {
    const situation = await look(deps, await read());
    found = situation;
    if (situation === undefined) return outcome();
    let again = false;
    wakeAt = undefined;
    for (const action of reconcile({ ...situation, move })) {
      actions.push(action);
      if (action.kind === 'wait') wakeAt = action.until;
      else deps.log.info({ taskId: situation.task.id, action: action.kind, ...detail(action) }, 'reconcile');
      try {
        again = (await apply(deps, situation.task, action)) === 'again' || again;
      } catch (error) {
        if (!(error instanceof ConflictError)) throw error;
        deps.log.debug({ taskId: situation.task.id, action: action.kind }, 'somebody else was faster');
        return outcome();
      }
    }
    if (!again) return outcome();
  }
  return outcome();
}

async function look(deps: ReconcilerDeps, task: Task | undefined): Promise<Situation | undefined> {
  if (task === undefined) return undefined;
  const [launch, run] = await Promise.all([deps.tasks.getLaunch(task.id), deps.tasks.getRun(task.id)]);
  const observed = await observe(deps, task, launch);
  const hasHeirs = task.deletedAt !== undefined && (await findHeirs(deps, task));
  return { task, launch, run, observed, hasHeirs, release: deps.fleet.release, now: deps.now() };
}

/** True when a living task of the same target left something to this one and no job of it has taken that over yet. */
async function findHeirs({ tasks }: ReconcilerDeps, tombstone: Task): Promise<boolean> {
  const { revision, taskIds } = await tasks.getScope(tombstone.targetIdentity);
  for (const id of taskIds) {
    const neighbour = await tasks.getTask(id);
    if (neighbour === undefined || !yieldsTo(neighbour, tombstone)) continue;
    const run = await tasks.getRun(id);
    const told = run?.incarnation === neighbour.incarnation ? run.scopeRevision : undefined;
    if ((told ?? -1) < revision) return true;
  }
  return false;
}

async function observe(
  deps: ReconcilerDeps,
  task: Task,
  launch: Launch | undefined,
): Promise<ReplicatorState | undefined> {
  if (launch?.handle === undefined || launch.incarnation !== task.incarnation) return undefined;
  try {
    return await deps.fleet.describe(launch.handle);
  } catch (error) {
    deps.log.warn({ taskId: task.id, err: error }, 'fleet does not answer');
    return undefined;
  }
}

function detail(action: Action): object {
  switch (action.kind) {
    case 'start':
    case 'find':
      return {
        generation: action.launch.generation,
        attempts: action.launch.attempts,
        release: action.launch.release,
      };
    case 'record-exit':
      return { generation: action.launch.generation, exit: action.launch.lastExit };
    case 'park':
      return { reason: action.reason };
    default:
      return {};
  }
}
