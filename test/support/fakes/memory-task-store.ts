import { claimedRun, isOwnClaim } from '#shared/store/claimed-run.ts';
import { itemName, parseItem } from '#shared/store/parse-item.ts';
import {
  ConflictError,
  type Fence,
  FencedError,
  type LeaseClaim,
  StoreUnavailableError,
  TaskExistsError,
  TaskLimitError,
  type TaskStore,
} from '#shared/store/task-store.ts';
import {
  databaseSchema,
  objectSchema,
  type Run,
  type RunUpdate,
  runSchema,
  type TaskDatabase,
  type TaskObject,
} from '#shared/task/run.ts';
import { type Launch, launchSchema, type Task, taskSchema } from '#shared/task/task.ts';

/** The key of an item: its kind and what identifies it. */
export function itemKey(
  kind: 'task' | 'scope' | 'tombstone' | 'launch' | 'run' | 'object' | 'database',
  ...parts: string[]
): string {
  return [kind, ...parts].join(SEPARATOR);
}

/** No task id holds it. */
const SEPARATOR = '\u0000';

export type StoreVerb = keyof TaskStore;

/** One call, as the hooks see it. */
export interface StoreCall {
  readonly verb: StoreVerb;
  readonly args: readonly unknown[];
}

/** Runs before or after a call. What it throws is what the caller gets: before, nothing has happened; after, the call
 *  has been executed and its answer is lost. A promise delays the call. */
export type StoreHook = (call: StoreCall) => void | Promise<void>;

export interface MemoryTaskStoreOptions {
  /** Milliseconds since 1970. @default Date.now */
  readonly now?: (() => number) | undefined;
}

/** A task store in memory, for tests. It passes the contract kit, so a test on it says something about the others.
 *  Each call is one synchronous step (no timer, no I/O); items go in and come out as copies. */
export class MemoryTaskStore implements TaskStore {
  before: StoreHook | undefined;
  after: StoreHook | undefined;
  /** Everything that is stored, by kind and key; a test may spoil it. */
  readonly items = new Map<string, unknown>();
  readonly #now: () => number;
  readonly #failures: { error: Error; verb: StoreVerb | undefined; lost: boolean }[] = [];
  #logLevel: string | undefined;
  #closed = false;

  constructor(options: MemoryTaskStoreOptions = {}) {
    this.#now = options.now ?? Date.now;
  }

  /** Lets the next call (of `verb`) fail with nothing done. Several are used up one by one. */
  failNext(error: Error, verb?: StoreVerb): void {
    this.#failures.push({ error, verb, lost: false });
  }

  /** Lets the next call (of `verb`) be executed and its answer be lost. */
  loseNextAnswer(error: Error, verb?: StoreVerb): void {
    this.#failures.push({ error, verb, lost: true });
  }

  createTask(task: Task, limits: { readonly maxTasks: number; readonly seen: number }): Promise<void> {
    return this.#call('createTask', [task, limits], () => {
      const existing = this.#task(task.id);
      if (existing !== undefined) throw new TaskExistsError(existing);
      const scope = this.#scope(task.targetIdentity);
      if (scope.revision !== limits.seen) throw new ConflictError('the scope of that target has changed');
      if (this.#keys('task').length >= limits.maxTasks)
        throw new TaskLimitError('no more tasks may be created');
      this.#put(itemKey('task', task.id), task);
      this.#put(itemKey('scope', task.targetIdentity), {
        revision: scope.revision + 1,
        taskIds: [...scope.taskIds, task.id].toSorted(),
      });
    });
  }

  getTask(id: string): Promise<Task | undefined> {
    return this.#call('getTask', [id], () => this.#task(id));
  }

  listTasks(): Promise<readonly Task[]> {
    return this.#call('listTasks', [], () =>
      this.#keys('task').map((key) => parseItem(taskSchema, this.#get(key), itemName.task(partOf(key, 1)))),
    );
  }

  listTaskIds(): Promise<readonly string[]> {
    return this.#call('listTaskIds', [], () => this.#keys('task').map((key) => partOf(key, 1)));
  }

  getScope(
    targetIdentity: string,
  ): Promise<{ readonly revision: number; readonly taskIds: readonly string[] }> {
    return this.#call('getScope', [targetIdentity], () => this.#scope(targetIdentity));
  }

  setDesired(
    task: Pick<Task, 'id' | 'incarnation' | 'revision'>,
    desired: Task['desired'],
    reason: string,
  ): Promise<Task> {
    return this.#call('setDesired', [task, desired, reason], () => {
      const stored = this.#task(task.id);
      if (stored?.incarnation !== task.incarnation || stored.revision !== task.revision) {
        throw new ConflictError(`task ${task.id} has changed`);
      }
      const next = { ...stored, desired, reason, revision: stored.revision + 1 };
      this.#put(itemKey('task', task.id), next);
      return next;
    });
  }

  deleteTask(task: Pick<Task, 'id' | 'incarnation' | 'targetIdentity'>): Promise<void> {
    return this.#call('deleteTask', [task], () => {
      const stored = this.#task(task.id);
      if (stored?.incarnation !== task.incarnation) throw new ConflictError(`task ${task.id} has changed`);
      const scope = this.#scope(task.targetIdentity);
      this.items.delete(itemKey('task', task.id));
      this.#put(itemKey('tombstone', task.id, task.incarnation), { ...stored, deletedAt: this.#nowText() });
      this.#put(itemKey('scope', task.targetIdentity), {
        revision: scope.revision + 1,
        taskIds: scope.taskIds.filter((id) => id !== task.id),
      });
    });
  }

  listTombstones(): Promise<readonly Task[]> {
    return this.#call('listTombstones', [], () =>
      this.#keys('tombstone').map((key) =>
        parseItem(taskSchema, this.#get(key), itemName.tombstone(partOf(key, 1))),
      ),
    );
  }

  purge(task: Pick<Task, 'id' | 'incarnation'>): Promise<void> {
    return this.#call('purge', [task], () => {
      for (const key of [itemKey('run', task.id), itemKey('launch', task.id)]) {
        const stored = this.#get(key) as { incarnation?: unknown } | undefined;
        if (stored?.incarnation === task.incarnation) this.items.delete(key);
      }
      for (const kind of ['object', 'database'] as const) {
        for (const key of this.#keys(kind, task.id, task.incarnation)) this.items.delete(key);
      }
      this.items.delete(itemKey('tombstone', task.id, task.incarnation));
    });
  }

  getLaunch(taskId: string): Promise<Launch | undefined> {
    return this.#call('getLaunch', [taskId], () => this.#launch(taskId));
  }

  putLaunch(launch: Launch, expectedGeneration: number | undefined): Promise<void> {
    return this.#call('putLaunch', [launch, expectedGeneration], () => {
      const stored = this.#launch(launch.taskId);
      const generation = stored?.incarnation === launch.incarnation ? stored.generation : undefined;
      if (
        this.#task(launch.taskId)?.incarnation !== launch.incarnation ||
        generation !== expectedGeneration
      ) {
        throw new ConflictError(`the launch of task ${launch.taskId} has changed`);
      }
      this.#put(itemKey('launch', launch.taskId), launch);
    });
  }

  getRun(taskId: string): Promise<Run | undefined> {
    return this.#call('getRun', [taskId], () => this.#run(taskId));
  }

  acquireLease(claim: LeaseClaim, seen: Run | undefined): Promise<Run> {
    return this.#call('acquireLease', [claim, seen], () => {
      const task = this.#task(claim.taskId);
      if (task?.incarnation !== claim.incarnation || task.desired !== 'Running') {
        throw new FencedError('task', `task ${claim.taskId} is gone or not wanted Running`);
      }
      const launch = this.#launch(claim.taskId);
      if (launch?.incarnation !== claim.incarnation || launch.generation !== claim.generation) {
        throw new FencedError('launch', `another launch of task ${claim.taskId} is the current one`);
      }
      const stored = this.#run(claim.taskId);
      const ours = stored?.incarnation === claim.incarnation ? stored : undefined;
      if (ours !== undefined && isOwnClaim(claim, ours)) return ours;
      const known = seen?.incarnation === claim.incarnation ? seen : undefined;
      if (ours?.epoch !== known?.epoch || ours?.beat !== known?.beat || ours?.owner !== known?.owner) {
        throw new FencedError('moved-on', `the run of task ${claim.taskId} moved on`);
      }
      const next = claimedRun(claim, ours, this.#nowText());
      this.#put(itemKey('run', claim.taskId), next);
      return next;
    });
  }

  renewLease(fence: Fence, update: RunUpdate): Promise<void> {
    return this.#call('renewLease', [fence, update], () => {
      const held = this.#held(fence);
      if (held.released !== 'no')
        throw new FencedError('lease', `the lease of task ${fence.taskId} was given back`);
      this.#put(itemKey('run', fence.taskId), told(held, update));
    });
  }

  releaseLease(fence: Fence, update: RunUpdate, released: 'drained' | 'undrained'): Promise<void> {
    return this.#call('releaseLease', [fence, update, released], () => {
      this.#put(itemKey('run', fence.taskId), { ...told(this.#held(fence), update), released });
    });
  }

  listObjects(task: Pick<Task, 'id' | 'incarnation'>): Promise<readonly TaskObject[]> {
    return this.#call('listObjects', [task], () =>
      this.#keys('object', task.id, task.incarnation).map((key) =>
        parseItem(objectSchema, this.#get(key), itemName.object(task.id, partOf(key, 3))),
      ),
    );
  }

  putObject(fence: Fence, object: TaskObject): Promise<void> {
    return this.#call('putObject', [fence, object], () => {
      if (this.#held(fence).released !== 'no') throw new FencedError('lease', 'the lease was given back');
      this.#put(itemKey('object', fence.taskId, fence.incarnation, object.collectionId), object);
    });
  }

  deleteObject(fence: Fence, collectionId: string): Promise<void> {
    return this.#call('deleteObject', [fence, collectionId], () => {
      if (this.#held(fence).released !== 'no') throw new FencedError('lease', 'the lease was given back');
      this.items.delete(itemKey('object', fence.taskId, fence.incarnation, collectionId));
    });
  }

  listDatabases(task: Pick<Task, 'id' | 'incarnation'>): Promise<readonly TaskDatabase[]> {
    return this.#call('listDatabases', [task], () =>
      this.#keys('database', task.id, task.incarnation).map((key) =>
        parseItem(databaseSchema, this.#get(key), itemName.database(task.id, partOf(key, 3))),
      ),
    );
  }

  putDatabase(fence: Fence, database: TaskDatabase): Promise<void> {
    return this.#call('putDatabase', [fence, database], () => {
      if (this.#held(fence).released !== 'no') throw new FencedError('lease', 'the lease was given back');
      this.#put(itemKey('database', fence.taskId, fence.incarnation, database.name), database);
    });
  }

  deleteDatabase(fence: Fence, name: string): Promise<void> {
    return this.#call('deleteDatabase', [fence, name], () => {
      if (this.#held(fence).released !== 'no') throw new FencedError('lease', 'the lease was given back');
      this.items.delete(itemKey('database', fence.taskId, fence.incarnation, name));
    });
  }

  getLogLevel(): Promise<string | undefined> {
    return this.#call('getLogLevel', [], () => this.#logLevel);
  }

  setLogLevel(level: string | undefined): Promise<void> {
    return this.#call('setLogLevel', [level], () => {
      this.#logLevel = level;
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  async #call<T>(verb: StoreVerb, args: readonly unknown[], work: () => T): Promise<T> {
    const call = { verb, args };
    const delay = this.before?.(call);
    if (delay !== undefined) await delay;
    if (this.#closed) throw new StoreUnavailableError('the store is closed');
    const index = this.#failures.findIndex((f) => f.verb === undefined || f.verb === verb);
    const failure = index < 0 ? undefined : this.#failures.splice(index, 1)[0];
    if (failure?.lost === false) throw failure.error;
    const result = structuredClone(work());
    const wait = this.after?.(call);
    if (wait !== undefined) await wait;
    if (failure !== undefined) throw failure.error;
    return result;
  }

  #held(fence: Fence): Run {
    const run = this.#run(fence.taskId);
    if (run?.incarnation !== fence.incarnation || run.owner !== fence.owner || run.epoch !== fence.epoch) {
      throw new FencedError('lease', `the lease of task ${fence.taskId} is someone else's`);
    }
    return run;
  }

  #task(id: string): Task | undefined {
    return this.#read(itemKey('task', id), (raw) => parseItem(taskSchema, raw, itemName.task(id)));
  }

  #launch(id: string): Launch | undefined {
    return this.#read(itemKey('launch', id), (raw) => parseItem(launchSchema, raw, itemName.launch(id)));
  }

  #run(id: string): Run | undefined {
    return this.#read(itemKey('run', id), (raw) => parseItem(runSchema, raw, itemName.run(id)));
  }

  #scope(identity: string): { revision: number; taskIds: readonly string[] } {
    const stored = this.items.get(itemKey('scope', identity)) as
      | { revision: number; taskIds: string[] }
      | undefined;
    return stored ?? { revision: 0, taskIds: [] };
  }

  #read<T>(key: string, parse: (raw: unknown) => T): T | undefined {
    const raw = this.#get(key);
    return raw === undefined ? undefined : parse(raw);
  }

  #get(key: string): unknown {
    return this.items.get(key);
  }

  #put(key: string, item: unknown): void {
    this.items.set(key, structuredClone(item));
  }

  #keys(...start: Parameters<typeof itemKey>): string[] {
    const prefix = itemKey(...start) + SEPARATOR;
    return [...this.items.keys()].filter((key) => key.startsWith(prefix)).toSorted();
  }

  #nowText(): string {
    return new Date(this.#now()).toISOString();
  }
}

/** A renewal replaces the whole account: what it leaves out is no longer so. */
function told(run: Run, update: RunUpdate): Run {
  const { reason: _r, watermark: _w, advancedAt: _a, quarantined: _q, ...others } = run;
  const { lastError: _e, scopeRevision: _s, ...kept } = others;
  return { ...kept, ...update, beat: run.beat + 1 };
}

function partOf(key: string, index: number): string {
  return key.split(SEPARATOR)[index] ?? '';
}
