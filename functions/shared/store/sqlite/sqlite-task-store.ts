import { z } from 'zod';
import {
  databaseSchema,
  objectSchema,
  type Run,
  type RunUpdate,
  type TaskDatabase,
  type TaskObject,
} from '../../task/run.ts';
import { type Launch, launchSchema, type Task, taskSchema } from '../../task/task.ts';
import { claimedRun, isOwnClaim } from '../claimed-run.ts';
import { itemName, parseItem, parseJson } from '../parse-item.ts';
import {
  ConflictError,
  type Fence,
  FencedError,
  type LeaseClaim,
  type ScopeRevision,
  TaskExistsError,
  TaskLimitError,
  type TaskStore,
} from '../task-store.ts';
import { accountOf, bodyOf, runOf, taskOf } from './rows.ts';
import { type Row, SqliteFile } from './sqlite-file.ts';

export interface SqliteTaskStoreOptions {
  /** Path of the database; made, with its folder, when it is not there. */
  readonly file: string;
  /** Milliseconds since 1970. @default Date.now */
  readonly now?: (() => number) | undefined;
}

/** The {@link TaskStore} of one machine: one SQLite file that the control plane and every replicator open.
 *  Conditions are `WHERE` clauses of the writes themselves, or reads under the write lock of the same transaction. */
export class SqliteTaskStore implements TaskStore {
  readonly #file: SqliteFile;
  readonly #now: () => number;

  /** Fails with `StoreUnavailableError`, or with `NewerItemError` when a newer release has written the file. */
  constructor(options: SqliteTaskStoreOptions) {
    this.#file = new SqliteFile(options.file);
    this.#now = options.now ?? Date.now;
  }

  createTask(task: Task, limits: { readonly maxTasks: number; readonly seen: ScopeRevision }): Promise<void> {
    return this.#file.transaction(() => {
      const existing = this.#task(task.id);
      if (existing !== undefined) throw new TaskExistsError(existing);
      const scope = this.#scope(task.targetIdentity);
      if (scope.revision !== limits.seen) throw new ConflictError('the scope of that target has changed');
      const count = Number(this.#file.first('SELECT count(*) AS n FROM tasks')?.['n']);
      if (count >= limits.maxTasks) throw new TaskLimitError(`there are ${count} tasks already`);
      this.#file.run(
        'INSERT INTO tasks (id, incarnation, desired, revision, reason, body) VALUES (?, ?, ?, ?, ?, ?)',
        ...[task.id, task.incarnation, task.desired, task.revision, task.reason, JSON.stringify(task)],
      );
      this.#putScope(task.targetIdentity, scope.revision + 1, [...scope.taskIds, task.id].toSorted());
    });
  }

  getTask(id: string): Promise<Task | undefined> {
    return this.#file.attempt(() => this.#task(id));
  }

  listTasks(): Promise<readonly Task[]> {
    return this.#file.attempt(() => this.#file.all('SELECT * FROM tasks ORDER BY id').map(taskOf));
  }

  listTaskIds(): Promise<readonly string[]> {
    return this.#file.attempt(() =>
      this.#file.all('SELECT id FROM tasks ORDER BY id').map((row) => String(row['id'])),
    );
  }

  getScope(targetIdentity: string): Promise<{ revision: ScopeRevision; taskIds: readonly string[] }> {
    return this.#file.attempt(() => this.#scope(targetIdentity));
  }

  setDesired(
    task: Pick<Task, 'id' | 'incarnation' | 'revision'>,
    desired: Task['desired'],
    reason: string,
  ): Promise<Task> {
    return this.#file.attempt(() => {
      const row = this.#file.first(
        `UPDATE tasks SET desired = ?, reason = ?, revision = revision + 1
         WHERE id = ? AND incarnation = ? AND revision = ? RETURNING *`,
        ...[desired, reason, task.id, task.incarnation, task.revision],
      );
      if (row === undefined) throw new ConflictError(`task ${task.id} has changed`);
      return taskOf(row);
    });
  }

  deleteTask(task: Pick<Task, 'id' | 'incarnation' | 'targetIdentity'>): Promise<void> {
    return this.#file.transaction(() => {
      const stored = this.#task(task.id);
      if (stored?.incarnation !== task.incarnation) throw new ConflictError(`task ${task.id} has changed`);
      const tombstone: Task = { ...stored, deletedAt: this.#nowText() };
      this.#file.run('DELETE FROM tasks WHERE id = ?', task.id);
      this.#file.run(
        'INSERT INTO tombstones (id, incarnation, body) VALUES (?, ?, ?)',
        ...[task.id, task.incarnation, JSON.stringify(tombstone)],
      );
      const scope = this.#scope(stored.targetIdentity);
      const others = scope.taskIds.filter((id) => id !== task.id);
      this.#putScope(stored.targetIdentity, scope.revision + 1, others);
    });
  }

  listTombstones(): Promise<readonly Task[]> {
    return this.#file.attempt(() =>
      this.#file.all('SELECT * FROM tombstones ORDER BY id, incarnation').map((row) => {
        const name = itemName.tombstone(String(row['id']));
        return parseItem(taskSchema, bodyOf(row, name), name);
      }),
    );
  }

  purge(task: Pick<Task, 'id' | 'incarnation'>): Promise<void> {
    return this.#file.transaction(() => {
      for (const table of ['runs', 'launches', 'objects', 'databases']) {
        this.#file.run(
          `DELETE FROM ${table} WHERE task_id = ? AND incarnation = ?`,
          task.id,
          task.incarnation,
        );
      }
      this.#file.run('DELETE FROM tombstones WHERE id = ? AND incarnation = ?', task.id, task.incarnation);
    });
  }

  getLaunch(taskId: string): Promise<Launch | undefined> {
    return this.#file.attempt(() => {
      const row = this.#file.first('SELECT * FROM launches WHERE task_id = ?', taskId);
      const name = itemName.launch(taskId);
      return row && parseItem(launchSchema, bodyOf(row, name), name);
    });
  }

  putLaunch(launch: Launch, expectedGeneration: number | undefined): Promise<void> {
    const { taskId, incarnation, generation } = launch;
    return this.#file.transaction(() => {
      const stored = this.#file.first(
        'SELECT generation FROM launches WHERE task_id = ? AND incarnation = ?',
        ...[taskId, incarnation],
      );
      const task = this.#file.first(
        'SELECT 1 FROM tasks WHERE id = ? AND incarnation = ?',
        taskId,
        incarnation,
      );
      if (task === undefined || stored?.['generation'] !== expectedGeneration) {
        throw new ConflictError(`the launch of task ${taskId} has changed`);
      }
      this.#file.run(
        'INSERT OR REPLACE INTO launches (task_id, incarnation, generation, body) VALUES (?, ?, ?, ?)',
        ...[taskId, incarnation, generation, JSON.stringify(launch)],
      );
    });
  }

  getRun(taskId: string): Promise<Run | undefined> {
    return this.#file.attempt(() => this.#run(taskId));
  }

  acquireLease(claim: LeaseClaim, seen: Run | undefined): Promise<Run> {
    const { taskId, incarnation, generation } = claim;
    return this.#file.transaction(() => {
      const task = this.#file.first('SELECT incarnation, desired FROM tasks WHERE id = ?', taskId);
      if (task?.['incarnation'] !== incarnation || task['desired'] !== 'Running') {
        throw new FencedError('task', `task ${taskId} is gone or not wanted Running`);
      }
      const launch = this.#file.first(
        'SELECT incarnation, generation FROM launches WHERE task_id = ?',
        taskId,
      );
      if (launch?.['incarnation'] !== incarnation || launch['generation'] !== generation) {
        throw new FencedError('launch', `another launch of task ${taskId} is the current one`);
      }
      const stored = this.#run(taskId);
      const ours = stored?.incarnation === incarnation ? stored : undefined;
      if (ours !== undefined && isOwnClaim(claim, ours)) return ours;
      const known = seen?.incarnation === incarnation ? seen : undefined;
      if (ours?.epoch !== known?.epoch || ours?.beat !== known?.beat || ours?.owner !== known?.owner) {
        throw new FencedError('moved-on', `the run of task ${taskId} moved on`);
      }
      const run = claimedRun(claim, ours, this.#nowText());
      this.#insertRun(run);
      return run;
    });
  }

  renewLease(fence: Fence, update: RunUpdate): Promise<void> {
    return this.#file.attempt(() => {
      const changed = this.#file.run(
        `UPDATE runs SET beat = beat + 1, channels = ?, body = ?
         WHERE task_id = ? AND incarnation = ? AND owner = ? AND epoch = ? AND released = 'no'`,
        ...[update.channels, accountOf(update), fence.taskId, fence.incarnation, fence.owner, fence.epoch],
      );
      if (changed === 0) throw lostLease(fence);
    });
  }

  releaseLease(fence: Fence, update: RunUpdate, released: 'drained' | 'undrained'): Promise<void> {
    return this.#file.attempt(() => {
      const changed = this.#file.run(
        `UPDATE runs SET beat = beat + 1, channels = ?, body = ?, released = ?
         WHERE task_id = ? AND incarnation = ? AND owner = ? AND epoch = ?`,
        ...[update.channels, accountOf(update), released],
        ...[fence.taskId, fence.incarnation, fence.owner, fence.epoch],
      );
      if (changed === 0) throw lostLease(fence);
    });
  }

  listObjects(task: Pick<Task, 'id' | 'incarnation'>): Promise<readonly TaskObject[]> {
    return this.#file.attempt(() =>
      this.#listKept('objects', task).map((row) => {
        const name = itemName.object(task.id, String(row['collection_id']));
        return parseItem(objectSchema, bodyOf(row, name), name);
      }),
    );
  }

  putObject(fence: Fence, object: TaskObject): Promise<void> {
    return this.#putKept('objects', fence, object.collectionId, object);
  }

  deleteObject(fence: Fence, collectionId: string): Promise<void> {
    return this.#deleteKept('objects', fence, collectionId);
  }

  listDatabases(task: Pick<Task, 'id' | 'incarnation'>): Promise<readonly TaskDatabase[]> {
    return this.#file.attempt(() =>
      this.#listKept('databases', task).map((row) => {
        const name = itemName.database(task.id, String(row['name']));
        return parseItem(databaseSchema, bodyOf(row, name), name);
      }),
    );
  }

  putDatabase(fence: Fence, database: TaskDatabase): Promise<void> {
    return this.#putKept('databases', fence, database.name, database);
  }

  deleteDatabase(fence: Fence, name: string): Promise<void> {
    return this.#deleteKept('databases', fence, name);
  }

  getLogLevel(): Promise<string | undefined> {
    return this.#file.attempt(() => {
      const row = this.#file.first('SELECT value FROM settings WHERE name = ?', LOG_LEVEL);
      return row && String(row['value']);
    });
  }

  setLogLevel(level: string | undefined): Promise<void> {
    return this.#file.attempt(() => {
      if (level === undefined) this.#file.run('DELETE FROM settings WHERE name = ?', LOG_LEVEL);
      else this.#file.run('INSERT OR REPLACE INTO settings (name, value) VALUES (?, ?)', LOG_LEVEL, level);
    });
  }

  async close(): Promise<void> {
    this.#file.close();
  }

  #task(id: string): Task | undefined {
    const row = this.#file.first('SELECT * FROM tasks WHERE id = ?', id);
    return row && taskOf(row);
  }

  #run(taskId: string): Run | undefined {
    const row = this.#file.first('SELECT * FROM runs WHERE task_id = ?', taskId);
    return row && runOf(row);
  }

  #insertRun(run: Run): void {
    this.#file.run(
      `INSERT OR REPLACE INTO runs
         (task_id, version, incarnation, generation, owner, epoch, beat, released, channels, body)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      ...[run.taskId, run.version, run.incarnation, run.generation, run.owner, run.epoch, run.beat],
      ...[run.released, run.channels, accountOf(run)],
    );
  }

  #listKept(table: Kept, task: Pick<Task, 'id' | 'incarnation'>): readonly Row[] {
    return this.#file.all(
      `SELECT * FROM ${table} WHERE task_id = ? AND incarnation = ? ORDER BY ${KEPT[table]}`,
      ...[task.id, task.incarnation],
    );
  }

  #putKept(table: Kept, fence: Fence, key: string, item: object): Promise<void> {
    return this.#file.attempt(() => {
      const changed = this.#file.run(
        `INSERT OR REPLACE INTO ${table} (task_id, incarnation, ${KEPT[table]}, body)
         SELECT task_id, incarnation, ?, ? FROM runs WHERE ${HOLDS}`,
        ...[key, JSON.stringify(item), fence.taskId, fence.incarnation, fence.owner, fence.epoch],
      );
      if (changed === 0) throw lostLease(fence);
    });
  }

  #deleteKept(table: Kept, fence: Fence, key: string): Promise<void> {
    return this.#file.transaction(() => {
      const held = this.#file.first(
        `SELECT 1 FROM runs WHERE ${HOLDS}`,
        ...[fence.taskId, fence.incarnation, fence.owner, fence.epoch],
      );
      if (held === undefined) throw lostLease(fence);
      this.#file.run(
        `DELETE FROM ${table} WHERE task_id = ? AND incarnation = ? AND ${KEPT[table]} = ?`,
        ...[fence.taskId, fence.incarnation, key],
      );
    });
  }

  #scope(targetIdentity: string): { revision: ScopeRevision; taskIds: readonly string[] } {
    const row = this.#file.first('SELECT * FROM scopes WHERE target = ?', targetIdentity);
    if (row === undefined) return { revision: 0, taskIds: [] };
    const taskIds = parseJson(String(row['task_ids']), itemName.scope());
    return parseItem(scopeSchema, { revision: row['revision'], taskIds }, itemName.scope());
  }

  #putScope(targetIdentity: string, revision: ScopeRevision, taskIds: readonly string[]): void {
    this.#file.run(
      'INSERT OR REPLACE INTO scopes (target, revision, task_ids) VALUES (?, ?, ?)',
      ...[targetIdentity, revision, JSON.stringify(taskIds)],
    );
  }

  #nowText(): string {
    return new Date(this.#now()).toISOString();
  }
}

/** Name of a setting. */
const LOG_LEVEL = 'log-level';

/** Tables of what a job keeps account of, with the column that tells two rows of a task apart. */
const KEPT = { objects: 'collection_id', databases: 'name' } as const;
type Kept = keyof typeof KEPT;

const HOLDS = "task_id = ? AND incarnation = ? AND owner = ? AND epoch = ? AND released = 'no'";

const scopeSchema = z.object({ revision: z.number().int(), taskIds: z.array(z.string()) });

function lostLease(fence: Fence): FencedError {
  return new FencedError('lease', `the lease of task ${fence.taskId} is not this job's (any more)`);
}
