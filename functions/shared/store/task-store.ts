import type { Run, RunUpdate, TaskDatabase, TaskObject } from '../task/run.ts';
import type { Launch, Task } from '../task/task.ts';

/** Who may act for a task: every write of a job carries it. */
export interface Fence {
  readonly taskId: string;
  readonly incarnation: string;
  readonly owner: string;
  readonly epoch: number;
}

/** Port: the durable state of all tasks. Adapters: DynamoDB on AWS, SQLite on one machine; both pass one contract kit.
 *
 *  Every write is conditional and there is no read-modify-write: a caller says what it saw, and loses with a
 *  {@link ConflictError} (or {@link FencedError}) when that is no longer so. Reads are consistent. Items are
 *  validated when read: an item of a newer release fails with {@link NewerItemError}, one that is not what it should be
 *  with {@link CorruptItemError}. Members that only a newer release knows stay in task, launch and object when those
 *  are written back; in the run they end with the next claim.
 *  A store that is away fails with {@link StoreUnavailableError} within a bounded time; the call may then have been
 *  executed or not, and repeating it is safe: it succeeds, or fails with a conflict that a read explains. */
export interface TaskStore {
  /** Stores a task, reserves its scope on the target and counts it, in one transaction.
   *  `seen` is what the duplicate rules were decided on: the scope entry's revision of that target.
   *  Errors, the first that holds: {@link TaskExistsError} (the id is taken; carries the task), {@link ConflictError}
   *  when another create or delete on that target came between (read again and decide anew), {@link TaskLimitError}. */
  createTask(task: Task, limits: { readonly maxTasks: number; readonly seen: ScopeRevision }): Promise<void>;

  /** Undefined for an unknown id and for a tombstone. */
  getTask(id: string): Promise<Task | undefined>;

  /** All tasks that are not tombstones, by id. One item that cannot be read fails them all. */
  listTasks(): Promise<readonly Task[]>;

  /** The ids of all tasks that are not tombstones, in order; also of those whose items cannot be read. */
  listTaskIds(): Promise<readonly string[]>;

  /** The scope entry of a target: who has taken what. `revision` 0 when nobody ever had. */
  getScope(
    targetIdentity: string,
  ): Promise<{ readonly revision: ScopeRevision; readonly taskIds: readonly string[] }>;

  /** Sets the desired state if the task's revision still is `revision`, else fails with {@link ConflictError}; answers
   *  the new task, its revision raised by one. `reason` is stored as given. */
  setDesired(
    task: Pick<Task, 'id' | 'incarnation' | 'revision'>,
    desired: Task['desired'],
    reason: string,
  ): Promise<Task>;

  /** Turns the task into a tombstone and frees its id, its scope and its place in the count, in one transaction.
   *  The caller has stopped the job before. Tombstones keep launch, run, objects and databases until {@link purge}, unless a new
   *  task under the same id replaces launch and run. Fails with {@link ConflictError} when that incarnation is gone. */
  deleteTask(task: Pick<Task, 'id' | 'incarnation' | 'targetIdentity'>): Promise<void>;

  /** Tombstones that are still to be purged. */
  listTombstones(): Promise<readonly Task[]>;

  /** Removes every trace of one incarnation: launch, run, objects, databases, tombstone. Harmless when repeated, and never
   *  touches a newer incarnation under the same id. */
  purge(task: Pick<Task, 'id' | 'incarnation'>): Promise<void>;

  getLaunch(taskId: string): Promise<Launch | undefined>;

  /** Writes the launch item if the stored generation still is `expectedGeneration` (undefined: none stored, or one of
   *  another incarnation) and the task of that incarnation exists; else fails with {@link ConflictError}. */
  putLaunch(launch: Launch, expectedGeneration: number | undefined): Promise<void>;

  getRun(taskId: string): Promise<Run | undefined>;

  /** Takes the lease. `seen` is the run item as the caller last read it (undefined: none, or another incarnation's).
   *  Fails with {@link FencedError} when the task is gone, not of that incarnation or no longer wanted Running, when
   *  the launch item's generation is another one, or when the run item moved on since `seen` ({@link FencedError.why}
   *  tells them apart). Answers the item as this very update left it: owner and generation the claim's, epoch and beat
   *  raised, `released` no, phase `starting` without a reason; positions, horizons, watermark and counters untouched.
   *  A claim that is repeated because its first answer was lost is answered with the item that it made. */
  acquireLease(claim: LeaseClaim, seen: Run | undefined): Promise<Run>;

  /** Renews the lease and replaces the job's account of itself, the beat raised by one; one conditional write.
   *  Fails with {@link FencedError} when the lease is someone else's, was given back, or the item is gone. */
  renewLease(fence: Fence, update: RunUpdate): Promise<void>;

  /** Gives the lease back with the last account; see {@link Run.released}. Harmless when the holder repeats it;
   *  fails with {@link FencedError} like {@link renewLease}. */
  releaseLease(fence: Fence, update: RunUpdate, released: 'drained' | 'undrained'): Promise<void>;

  /** All objects of an incarnation, by collection id. */
  listObjects(task: Pick<Task, 'id' | 'incarnation'>): Promise<readonly TaskObject[]>;

  /** Writes one object under the fence: in one transaction with the check that the lease still is the caller's. */
  putObject(fence: Fence, object: TaskObject): Promise<void>;

  /** Forgets one object under the fence; harmless when it is not there. */
  deleteObject(fence: Fence, collectionId: string): Promise<void>;

  /** All databases of an incarnation, by name. */
  listDatabases(task: Pick<Task, 'id' | 'incarnation'>): Promise<readonly TaskDatabase[]>;

  /** Writes one database under the fence, like {@link putObject}. */
  putDatabase(fence: Fence, database: TaskDatabase): Promise<void>;

  /** Forgets one database under the fence; harmless when it is not there. */
  deleteDatabase(fence: Fence, name: string): Promise<void>;

  /** The log level that was set for all programs while they run; undefined: each has its configured one. */
  getLogLevel(): Promise<string | undefined>;

  /** Sets it, or takes it back; the last write wins. */
  setLogLevel(level: string | undefined): Promise<void>;

  close(): Promise<void>;
}

export type ScopeRevision = number;

export interface LeaseClaim {
  readonly taskId: string;
  readonly incarnation: string;
  readonly generation: number;
  /** Random, new for each job. */
  readonly owner: string;
  readonly leaseExpiresAt: string;
}

/** Somebody else changed what the caller had seen; read again and decide anew. */
export class ConflictError extends Error {
  override readonly name: string = 'ConflictError';
}

/** Why a job may not act (any more). `task`: gone, another incarnation's, or no longer wanted Running. `launch`: a newer
 *  launch is the current one. `moved-on`: the run item changed since the claimant read it; whoever holds the lease is
 *  alive, so read again and wait. `lease`: the lease is someone else's, or was given back. */
export type FencedWhy = 'task' | 'launch' | 'moved-on' | 'lease';

/** The caller's right to act has ended; it stops at once. */
export class FencedError extends Error {
  override readonly name = 'FencedError';
  readonly why: FencedWhy;

  constructor(why: FencedWhy, message: string) {
    super(message);
    this.why = why;
  }
}

export class TaskExistsError extends Error {
  override readonly name = 'TaskExistsError';
  readonly task: Task;

  constructor(task: Task) {
    super(`a task with the id ${task.id} exists`);
    this.task = task;
  }
}

export class TaskLimitError extends Error {
  override readonly name = 'TaskLimitError';
}

/** An item was written by a newer release than this one. */
export class NewerItemError extends Error {
  override readonly name = 'NewerItemError';
}

/** An item is not what this product writes; the message names it and what is wrong, never its content. */
export class CorruptItemError extends Error {
  override readonly name = 'CorruptItemError';
}

/** The store, or the way to it, is away; the same call may succeed later. */
export class StoreUnavailableError extends Error {
  override readonly name = 'StoreUnavailableError';
}
