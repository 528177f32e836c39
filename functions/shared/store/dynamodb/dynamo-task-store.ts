import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { Run, RunUpdate, TaskDatabase, TaskObject } from '../../task/run.ts';
import type { Launch, Task } from '../../task/task.ts';
import type { Fence, LeaseClaim, ScopeRevision, TaskStore } from '../task-store.ts';
import { DynamoTable } from './dynamo-table.ts';
import { JobItems } from './job-items.ts';
import { key } from './keys.ts';
import { TaskItems } from './task-items.ts';

export interface DynamoTaskStoreOptions {
  /** From `createDynamoClient`; closed with the store. */
  readonly client: DynamoDBClient;
  /** Name of a table as `table.ts` defines it. */
  readonly table: string;
  /** Milliseconds since 1970. @default Date.now */
  readonly now?: (() => number) | undefined;
}

/** The {@link TaskStore} on AWS: one DynamoDB table (see `table.ts`). Every write carries its condition; what involves
 *  several items is one transaction, whose cancellation reasons say which condition failed. */
export class DynamoTaskStore implements TaskStore {
  readonly #table: DynamoTable;
  readonly #tasks: TaskItems;
  readonly #jobs: JobItems;

  constructor(options: DynamoTaskStoreOptions) {
    const now = options.now ?? Date.now;
    this.#table = new DynamoTable(options.client, options.table);
    this.#tasks = new TaskItems(this.#table, now);
    this.#jobs = new JobItems(this.#table, now);
  }

  createTask(task: Task, limits: { readonly maxTasks: number; readonly seen: ScopeRevision }): Promise<void> {
    return this.#tasks.create(task, limits);
  }

  getTask(id: string): Promise<Task | undefined> {
    return this.#tasks.get(id);
  }

  listTasks(): Promise<readonly Task[]> {
    return this.#tasks.list();
  }

  listTaskIds(): Promise<readonly string[]> {
    return this.#tasks.listIds();
  }

  getScope(
    targetIdentity: string,
  ): Promise<{ readonly revision: ScopeRevision; readonly taskIds: readonly string[] }> {
    return this.#tasks.getScope(targetIdentity);
  }

  setDesired(
    task: Pick<Task, 'id' | 'incarnation' | 'revision'>,
    desired: Task['desired'],
    reason: string,
  ): Promise<Task> {
    return this.#tasks.setDesired(task, desired, reason);
  }

  deleteTask(task: Pick<Task, 'id' | 'incarnation' | 'targetIdentity'>): Promise<void> {
    return this.#tasks.delete(task);
  }

  listTombstones(): Promise<readonly Task[]> {
    return this.#tasks.listTombstones();
  }

  purge(task: Pick<Task, 'id' | 'incarnation'>): Promise<void> {
    return this.#tasks.purge(task);
  }

  getLaunch(taskId: string): Promise<Launch | undefined> {
    return this.#jobs.getLaunch(taskId);
  }

  putLaunch(launch: Launch, expectedGeneration: number | undefined): Promise<void> {
    return this.#jobs.putLaunch(launch, expectedGeneration);
  }

  getRun(taskId: string): Promise<Run | undefined> {
    return this.#jobs.getRun(taskId);
  }

  acquireLease(claim: LeaseClaim, seen: Run | undefined): Promise<Run> {
    return this.#jobs.acquireLease(claim, seen);
  }

  renewLease(fence: Fence, update: RunUpdate): Promise<void> {
    return this.#jobs.renewLease(fence, update);
  }

  releaseLease(fence: Fence, update: RunUpdate, released: 'drained' | 'undrained'): Promise<void> {
    return this.#jobs.releaseLease(fence, update, released);
  }

  listObjects(task: Pick<Task, 'id' | 'incarnation'>): Promise<readonly TaskObject[]> {
    return this.#jobs.listObjects(task);
  }

  putObject(fence: Fence, object: TaskObject): Promise<void> {
    return this.#jobs.putObject(fence, object);
  }

  deleteObject(fence: Fence, collectionId: string): Promise<void> {
    return this.#jobs.deleteObject(fence, collectionId);
  }

  listDatabases(task: Pick<Task, 'id' | 'incarnation'>): Promise<readonly TaskDatabase[]> {
    return this.#jobs.listDatabases(task);
  }

  putDatabase(fence: Fence, database: TaskDatabase): Promise<void> {
    return this.#jobs.putDatabase(fence, database);
  }

  deleteDatabase(fence: Fence, name: string): Promise<void> {
    return this.#jobs.deleteDatabase(fence, name);
  }

  async getLogLevel(): Promise<string | undefined> {
    const level: unknown = (await this.#table.get(key.logLevel()))?.['level'];
    return typeof level === 'string' ? level : undefined;
  }

  async setLogLevel(level: string | undefined): Promise<void> {
    const names = { level: 'level' };
    await this.#table.update(
      key.logLevel(),
      level === undefined
        ? { update: 'REMOVE #level', names }
        : { update: 'SET #level = :level', names, values: { level } },
    );
  }

  async close(): Promise<void> {
    this.#table.close();
  }
}
