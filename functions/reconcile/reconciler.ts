import type { ReplicatorState } from '#shared/fleet/fleet.ts';
import { ConflictError, type TaskStore } from '#shared/store/task-store.ts';
import { yieldsTo } from '#shared/task/shared-target.ts';
import type { Launch, Task } from '#shared/task/task.ts';
import { apply, type ReconcilerDeps } from './apply.ts';
import { KeyedQueue } from './keyed-queue.ts';
import { type Action, reconcile, type Situation } from './reconcile.ts';

export type { ReconcilerDeps } from './apply.ts';

export interface Outcome {
  /** What was done or found, in order, over all lives of the id. */
  readonly actions: readonly Action[];
  /** When to look again if nothing happens before; undefined: the next sweep is soon enough. */
  readonly wakeAt: number | undefined;
}

export interface SweepOutcome {
  readonly checked: number;
  /** Ids that could not be reconciled; each is logged. */
  readonly failed: number;
  readonly wakeAt: number | undefined;
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
  const outcomes = [await reconcileLiving(deps, id)];
  for (const tombstone of await deps.tasks.listTombstones()) {
    if (tombstone.id === id) outcomes.push(await reconcileTombstone(deps, tombstone));
  }
  const wakes = outcomes.flatMap((o) => o.wakeAt ?? []);
  return {
    actions: outcomes.flatMap((o) => o.actions),
    wakeAt: wakes.length === 0 ? undefined : Math.min(...wakes),
  };
}

/** Reconciles every task and tombstone. One that fails does not keep the others; fails when the tasks cannot be listed. */
export async function sweep(deps: ReconcilerDeps): Promise<SweepOutcome> {
  let failed = 0;
  const wakes: number[] = [];
  const guarded = async (what: object, work: () => Promise<Outcome>) => {
    try {
      const { wakeAt } = await work();
      if (wakeAt !== undefined) wakes.push(wakeAt);
    } catch (error) {
      failed++;
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
  return { checked: jobs.length, failed, wakeAt: wakes.length === 0 ? undefined : Math.min(...wakes) };
}

const NOTHING: Outcome = { actions: [], wakeAt: undefined };

function reconcileLiving(deps: ReconcilerDeps, id: string): Promise<Outcome> {
  return queueOf(deps).run(`task ${id}`, () => reconcileLife(deps, () => deps.tasks.getTask(id)));
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
async function reconcileLife(deps: ReconcilerDeps, read: () => Promise<Task | undefined>): Promise<Outcome> {
  const actions: Action[] = [];
  let wakeAt: number | undefined;
  const outcome = (): Outcome => ({ actions, wakeAt });
  for (let step = 0; step < MAX_STEPS; step++) {
    const situation = await look(deps, await read());
    if (situation === undefined) return outcome();
    let again = false;
    wakeAt = undefined;
    for (const action of reconcile(situation)) {
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
  return { task, launch, run, observed, hasHeirs, now: deps.now() };
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
      return { generation: action.launch.generation, attempts: action.launch.attempts };
    case 'record-exit':
      return { generation: action.launch.generation, exit: action.launch.lastExit };
    case 'park':
      return { reason: action.reason };
    default:
      return {};
  }
}
