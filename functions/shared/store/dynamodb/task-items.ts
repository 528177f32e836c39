import type { Task } from '../../task/task.ts';
import { itemName } from '../parse-item.ts';
import {
  ConflictError,
  CorruptItemError,
  type ScopeRevision,
  TaskExistsError,
  TaskLimitError,
} from '../task-store.ts';
import type { DynamoTable } from './dynamo-table.ts';
import { taskItem, taskOf, tombstoneItem, tombstoneOf } from './items.ts';
import { databasePrefix, type Key, key, objectPrefix, ofTask, TASKS, TOMBSTONES } from './keys.ts';
import type { Expression, Item } from './statements.ts';

/** How often a delete starts over when the desired state changes under it. */
const DELETE_ROUNDS = 10;

/** The control plane's items: tasks, tombstones, scope entries and the counter. */
export class TaskItems {
  readonly #table: DynamoTable;
  readonly #now: () => number;

  constructor(table: DynamoTable, now: () => number) {
    this.#table = table;
    this.#now = now;
  }

  /** One transaction over task, scope and counter; which of the three conditions failed decides the error. */
  async create(
    task: Task,
    limits: { readonly maxTasks: number; readonly seen: ScopeRevision },
  ): Promise<void> {
    const failed = await this.#table.transact([
      { put: taskItem(task), when: isNew },
      { update: key.scope(task.targetIdentity), by: takeScope(task.id, limits.seen) },
      { update: key.counter(), by: countUpTo(limits.maxTasks) },
    ]);
    if (failed === undefined) return;
    const [exists, scope] = failed;
    if (exists?.old !== undefined && exists.failed) throw new TaskExistsError(taskOf(exists.old));
    // Answers without the old item only when that was deleted meanwhile: then everything has changed.
    if (exists?.failed || scope?.failed) throw new ConflictError('the scope of that target has changed');
    throw new TaskLimitError(`there are ${limits.maxTasks} tasks already`);
  }

  async get(id: string): Promise<Task | undefined> {
    const item = await this.#table.get(key.task(id));
    return item && taskOf(item);
  }

  async list(): Promise<readonly Task[]> {
    return (await this.#table.query(TASKS)).map(taskOf);
  }

  async listIds(): Promise<readonly string[]> {
    return (await this.#table.query(TASKS, '', ['sk'])).map((item) => String(item['sk']));
  }

  async getScope(
    targetIdentity: string,
  ): Promise<{ readonly revision: ScopeRevision; readonly taskIds: readonly string[] }> {
    const item = await this.#table.get(key.scope(targetIdentity));
    if (item === undefined) return { revision: 0, taskIds: [] };
    const { revision, taskIds = new Set() } = item;
    if (typeof revision !== 'number' || !(taskIds instanceof Set)) {
      throw new CorruptItemError(`${itemName.scope()} cannot be read`);
    }
    return { revision, taskIds: [...taskIds].map(String).toSorted() };
  }

  async setDesired(
    task: Pick<Task, 'id' | 'incarnation' | 'revision'>,
    desired: Task['desired'],
    reason: string,
  ): Promise<Task> {
    const item = await this.#table.update(key.task(task.id), {
      update: 'SET #desired = :desired, #reason = :reason, #revision = #revision + :one',
      condition: `${UNCHANGED}`,
      names: { ...UNCHANGED_NAMES, desired: 'desired', reason: 'reason' },
      values: { incarnation: task.incarnation, revision: task.revision, desired, reason, one: 1 },
    });
    if (item === undefined) throw new ConflictError(`task ${task.id} has changed`);
    return taskOf(item);
  }

  /** The tombstone holds the task as it was last, so the delete is conditional on what was read and starts over when the
   *  desired state changed between. */
  async delete(task: Pick<Task, 'id' | 'incarnation' | 'targetIdentity'>): Promise<void> {
    for (let round = 0; round < DELETE_ROUNDS; round++) {
      const stored = await this.get(task.id);
      if (stored?.incarnation !== task.incarnation) break;
      const failed = await this.#table.transact([
        { delete: key.task(task.id), when: unchanged(stored) },
        { put: tombstoneItem({ ...stored, deletedAt: new Date(this.#now()).toISOString() }) },
        { update: key.scope(stored.targetIdentity), by: freeScope(task.id) },
        { update: key.counter(), by: countDown },
      ]);
      if (failed === undefined) return;
    }
    throw new ConflictError(`task ${task.id} has changed`);
  }

  async listTombstones(): Promise<readonly Task[]> {
    return (await this.#table.query(TOMBSTONES)).map(tombstoneOf);
  }

  /** The run goes first: from then on no job of that incarnation can write. The tombstone goes last: as long as it is
   *  there, the purge is repeated. */
  async purge({ id, incarnation }: Pick<Task, 'id' | 'incarnation'>): Promise<void> {
    await this.#deleteOf(incarnation, key.run(id), 'i');
    await this.#deleteOf(incarnation, key.launch(id), 'incarnation');
    for (const prefix of [objectPrefix(incarnation), databasePrefix(incarnation)]) {
      const items = await this.#table.query(ofTask(id), prefix, ['pk', 'sk']);
      await this.#table.deleteAll(items.map(keyOf));
    }
    await this.#table.deleteAll([key.tombstone(incarnation)]);
  }

  async #deleteOf(incarnation: string, item: Key, attribute: string): Promise<void> {
    const when: Expression = {
      condition: '#incarnation = :incarnation',
      names: { incarnation: attribute },
      values: { incarnation },
    };
    // A failed condition: it is gone, or another incarnation's.
    await this.#table.transact([{ delete: item, when }]);
  }
}

const isNew: Expression = { condition: 'attribute_not_exists(#pk)', names: { pk: 'pk' } };

const UNCHANGED = '#incarnation = :incarnation AND #revision = :revision';
const UNCHANGED_NAMES = { incarnation: 'incarnation', revision: 'revision' };

function unchanged({ incarnation, revision }: Pick<Task, 'incarnation' | 'revision'>): Expression {
  return { condition: UNCHANGED, names: UNCHANGED_NAMES, values: { incarnation, revision } };
}

/** The entry is never deleted, so its revision never begins anew and no create can take an old one for a new one. */
function takeScope(taskId: string, seen: ScopeRevision): Expression {
  return {
    update: 'SET #revision = :next ADD #taskIds :task',
    condition: seen === 0 ? 'attribute_not_exists(#revision)' : '#revision = :seen',
    names: { revision: 'revision', taskIds: 'taskIds' },
    values: { next: seen + 1, task: new Set([taskId]), seen: seen === 0 ? undefined : seen },
  };
}

function freeScope(taskId: string): Expression {
  return {
    update: 'ADD #revision :one DELETE #taskIds :task',
    names: { revision: 'revision', taskIds: 'taskIds' },
    values: { one: 1, task: new Set([taskId]) },
  };
}

/** A counter that is not there yet counts as 0, and below a limit of 0 there is nothing. */
function countUpTo(limit: number): Expression {
  const below =
    limit > 0
      ? 'attribute_not_exists(#tasks) OR #tasks < :limit'
      : 'attribute_exists(#tasks) AND #tasks < :limit';
  return {
    update: 'ADD #tasks :one',
    condition: below,
    names: { tasks: 'tasks' },
    values: { one: 1, limit },
  };
}

const countDown: Expression = {
  update: 'ADD #tasks :minus',
  names: { tasks: 'tasks' },
  values: { minus: -1 },
};

function keyOf(item: Item): Key {
  return { pk: String(item['pk']), sk: String(item['sk']) };
}
