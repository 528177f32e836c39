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

  /** Resolves when it is durable. What a newer release added stays. */
  put(name: string, known: Required<KnownDatabase>): Promise<void> {
    const { id: taskId, incarnation } = this.#task;
    const { store, fence } = this.#options;
    const whose = { version: ITEM_VERSION, taskId, incarnation, name };
    const database: TaskDatabase = { ...this.#known.get(name), ...whose, ...known };
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
