import type { Run, RunUpdate, TaskDatabase, TaskObject } from '../../task/run.ts';
import type { Launch, Task } from '../../task/task.ts';
import { claimedRun, isOwnClaim } from '../claimed-run.ts';
import {
  ConflictError,
  type Fence,
  FencedError,
  type LeaseClaim,
  StoreUnavailableError,
} from '../task-store.ts';
import type { DynamoTable } from './dynamo-table.ts';
import { databaseItem, databaseOf, launchItem, launchOf, objectItem, objectOf } from './items.ts';
import { databasePrefix, type Key, key, objectPrefix, ofTask } from './keys.ts';
import { Lane } from './lane.ts';
import { accountAttributes, RUN, runItem, runOf } from './run-item.ts';
import type { Expression, Item } from './statements.ts';

/** The items around a job: launch, run, objects and databases. What a job writes goes one at a time per task (see {@link Lane}). */
export class JobItems {
  readonly #table: DynamoTable;
  readonly #now: () => number;
  readonly #lanes = new Map<string, Lane>();

  constructor(table: DynamoTable, now: () => number) {
    this.#table = table;
    this.#now = now;
  }

  async getLaunch(taskId: string): Promise<Launch | undefined> {
    const item = await this.#table.get(key.launch(taskId));
    return item && launchOf(taskId, item);
  }

  async putLaunch(launch: Launch, expected: number | undefined): Promise<void> {
    const failed = await this.#table.transact([
      { check: key.task(launch.taskId), when: isOf(launch.incarnation) },
      { put: launchItem(launch), when: isAt(launch.incarnation, expected) },
    ]);
    if (failed !== undefined) throw new ConflictError(`the launch of task ${launch.taskId} has changed`);
  }

  async getRun(taskId: string): Promise<Run | undefined> {
    const item = await this.#table.get(key.run(taskId));
    return item && runOf(taskId, item);
  }

  /** One transaction: the task is wanted, the launch is the current one, and the run still is what the claimant saw.
   *  A transaction answers no item, but under the last condition the item before is `seen` and so the item after is
   *  known, positions and horizons included. */
  async acquireLease(claim: LeaseClaim, seen: Run | undefined): Promise<Run> {
    const { taskId, incarnation, generation } = claim;
    const known = seen?.incarnation === incarnation ? seen : undefined;
    const run = claimedRun(claim, known, new Date(this.#now()).toISOString());
    const failed = await this.#fenced(taskId, true, () =>
      this.#table.transact([
        { check: key.task(taskId), when: isWanted(incarnation) },
        { check: key.launch(taskId), when: isAt(incarnation, generation) },
        { put: runItem(run), when: known === undefined ? isNoneOf(incarnation) : isStill(known) },
      ]),
    );
    if (failed === undefined) return run;
    const [task, launch, stored] = failed;
    if (task?.failed) throw new FencedError('task', `task ${taskId} is gone or not wanted Running`);
    if (launch?.failed)
      throw new FencedError('launch', `another launch of task ${taskId} is the current one`);
    const before = stored?.old && runOf(taskId, stored.old);
    if (before !== undefined && isOwnClaim(claim, before)) return before;
    throw new FencedError('moved-on', `the run of task ${taskId} moved on`);
  }

  async renewLease(fence: Fence, update: RunUpdate): Promise<void> {
    await this.#tell(fence, update, undefined);
  }

  async releaseLease(fence: Fence, update: RunUpdate, released: 'drained' | 'undrained'): Promise<void> {
    await this.#tell(fence, update, released);
  }

  async listObjects(task: Pick<Task, 'id' | 'incarnation'>): Promise<readonly TaskObject[]> {
    const items = await this.#table.query(ofTask(task.id), objectPrefix(task.incarnation));
    return items.map((item) => objectOf(task, item));
  }

  putObject(fence: Fence, object: TaskObject): Promise<void> {
    return this.#underLease(fence, { put: objectItem(object) });
  }

  deleteObject(fence: Fence, collectionId: string): Promise<void> {
    return this.#underLease(fence, { delete: key.object(fence.taskId, fence.incarnation, collectionId) });
  }

  async listDatabases(task: Pick<Task, 'id' | 'incarnation'>): Promise<readonly TaskDatabase[]> {
    const items = await this.#table.query(ofTask(task.id), databasePrefix(task.incarnation));
    return items.map((item) => databaseOf(task, item));
  }

  putDatabase(fence: Fence, database: TaskDatabase): Promise<void> {
    return this.#underLease(fence, { put: databaseItem(database) });
  }

  deleteDatabase(fence: Fence, name: string): Promise<void> {
    return this.#underLease(fence, { delete: key.database(fence.taskId, fence.incarnation, name) });
  }

  async #underLease(fence: Fence, write: { readonly put: Item } | { readonly delete: Key }): Promise<void> {
    const failed = await this.#fenced(fence.taskId, false, () =>
      this.#table.transact([{ check: key.run(fence.taskId), when: holds(fence) }, write]),
    );
    if (failed !== undefined) throw lostLease(fence);
  }

  async #tell(fence: Fence, update: RunUpdate, released: Run['released'] | undefined): Promise<void> {
    const account = accountUpdate(update, released);
    const fenced = released === undefined ? holds(fence) : owns(fence);
    const written = await this.#fenced(fence.taskId, true, () =>
      this.#table.update(key.run(fence.taskId), {
        update: account.update,
        condition: fenced.condition,
        names: { ...account.names, ...fenced.names },
        values: { ...account.values, ...fenced.values },
      }),
    );
    if (written === undefined) throw lostLease(fence);
  }

  async #fenced<T>(taskId: string, urgent: boolean, work: () => Promise<T>): Promise<T> {
    const lane = this.#lanes.get(taskId) ?? new Lane({ failsAll: isAway });
    this.#lanes.set(taskId, lane);
    try {
      return await lane.run(() => this.#asJob(work), urgent);
    } finally {
      if (lane.idle) this.#lanes.delete(taskId);
    }
  }

  /** Writes of others that keep being in the way: for a job that is no different from a store that is away. */
  async #asJob<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof ConflictError) throw new StoreUnavailableError(error.message, { cause: error });
      throw error;
    }
  }
}

function isAway(error: unknown): boolean {
  return error instanceof StoreUnavailableError;
}

/** `SET` for what the account says, `REMOVE` for what it no longer does. */
function accountUpdate(update: RunUpdate, released: Run['released'] | undefined): Expression {
  const attributes = Object.entries({ ...accountAttributes(update), ...(released && { released }) });
  const names: Record<string, string> = { beat: RUN.beat };
  const values: Record<string, unknown> = { one: 1 };
  const set = ['#beat = #beat + :one'];
  const remove: string[] = [];
  for (const [member, value] of attributes) {
    names[member] = RUN[member as keyof typeof RUN];
    if (value === undefined) {
      remove.push(`#${member}`);
    } else {
      values[member] = value;
      set.push(`#${member} = :${member}`);
    }
  }
  const removal = remove.length === 0 ? '' : ` REMOVE ${remove.join(', ')}`;
  return { update: `SET ${set.join(', ')}${removal}`, names, values };
}

function isOf(incarnation: string): Expression {
  return {
    condition: '#incarnation = :incarnation',
    names: { incarnation: 'incarnation' },
    values: { incarnation },
  };
}

function isWanted(incarnation: string): Expression {
  return {
    condition: '#incarnation = :incarnation AND #desired = :running',
    names: { incarnation: 'incarnation', desired: 'desired' },
    values: { incarnation, running: 'Running' },
  };
}

/** The launch of that incarnation is of that generation; undefined: there is no launch of that incarnation. */
function isAt(incarnation: string, generation: number | undefined): Expression {
  if (generation === undefined) {
    return {
      condition: 'attribute_not_exists(#incarnation) OR #incarnation <> :incarnation',
      names: { incarnation: 'incarnation' },
      values: { incarnation },
    };
  }
  return {
    condition: '#incarnation = :incarnation AND #generation = :generation',
    names: { incarnation: 'incarnation', generation: 'generation' },
    values: { incarnation, generation },
  };
}

function isNoneOf(incarnation: string): Expression {
  return {
    condition: 'attribute_not_exists(#run) OR #run <> :run',
    names: { run: RUN.incarnation },
    values: { run: incarnation },
  };
}

/** Every write raises the beat, so owner, epoch and beat name one content of the item. */
function isStill({ incarnation, owner, epoch, beat }: Run): Expression {
  const fenced = owns({ incarnation, owner, epoch });
  return {
    condition: `${fenced.condition} AND #beat = :beat`,
    names: { ...fenced.names, beat: RUN.beat },
    values: { ...fenced.values, beat },
  };
}

/** The lease is the caller's, perhaps given back. */
function owns({ incarnation, owner, epoch }: Pick<Fence, 'incarnation' | 'owner' | 'epoch'>): Expression {
  return {
    condition: '#incarnation = :incarnation AND #owner = :owner AND #epoch = :epoch',
    names: { incarnation: RUN.incarnation, owner: RUN.owner, epoch: RUN.epoch },
    values: { incarnation, owner, epoch },
  };
}

/** The lease is the caller's and in use. */
function holds(fence: Fence): Expression {
  const owned = owns(fence);
  return {
    condition: `${owned.condition} AND #released = :held`,
    names: { ...owned.names, released: RUN.released },
    values: { ...owned.values, held: 'no' },
  };
}

function lostLease(fence: Fence): FencedError {
  return new FencedError('lease', `the lease of task ${fence.taskId} is not this job's (any more)`);
}
