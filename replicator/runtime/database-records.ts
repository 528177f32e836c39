import type { TaskDatabase } from '#shared/task/run.ts';
import { ITEM_VERSION, type Task } from '#shared/task/task.ts';
import type { KnownDatabase } from '../engine/database-plan.ts';
import { durably } from './durably.ts';
import type { ObjectRecordOptions } from './object-record.ts';

/** The durable account of the databases that a task keeps on the target, by name. One writer: writes do not overlap. */
export class DatabaseRecords {
  readonly #task: Pick<Task, 'id' | 'incarnation'>;
  readonly #options: ObjectRecordOptions;
  readonly #known = new Map<string, TaskDatabase>();

  constructor(
    task: Pick<Task, 'id' | 'incarnation'>,
    databases: readonly TaskDatabase[],
    options: ObjectRecordOptions,
  ) {
    this.#task = task;
    this.#options = options;
    for (const database of databases) this.#known.set(database.name, database);
  }

  get names(): readonly string[] {
    return [...this.#known.keys()];
  }

  get(name: string): TaskDatabase | undefined {
    return this.#known.get(name);
  }

  /** Resolves when it is durable. */
  put(name: string, known: KnownDatabase): Promise<void> {
    const { id: taskId, incarnation } = this.#task;
    const { store, fence } = this.#options;
    const database: TaskDatabase = { version: ITEM_VERSION, taskId, incarnation, name, ...known };
    this.#known.set(name, database);
    return durably(() => store.putDatabase(fence, database), this.#options);
  }

  /** Forgets it for good. */
  remove(name: string): Promise<void> {
    const { store, fence } = this.#options;
    this.#known.delete(name);
    return durably(() => store.deleteDatabase(fence, name), this.#options);
  }
}
