import {
  ConflictError,
  type ScopeRevision,
  StoreUnavailableError,
  TaskExistsError,
  TaskLimitError,
} from '#shared/store/task-store.ts';
import type { Scope } from '#shared/task/scope.ts';
import { neighboursOf, yieldsTo } from '#shared/task/shared-target.ts';
import { ITEM_VERSION, type Task } from '#shared/task/task.ts';
import type { CdcDeps } from './deps.ts';
import { decideScope } from './duplicates.ts';
import { type ApiError, sentenceOf, serverError } from './errors.ts';
import { startPositionsOf } from './given-positions.ts';
import type { CreateRequest } from './requests.ts';
import { mappingsOf, patternsOf } from './scope-of.ts';
import { shownRequest } from './shown-request.ts';
import type { PreparedTarget } from './target.ts';

/** Creates and deletes on one target that may come between reading its scope and storing the task. */
const ATTEMPTS = 20;
const LONGEST_PAUSE_MS = 500;

export interface Preview {
  readonly task: Task;
  /** True when the task exists already. */
  readonly known: boolean;
  /** The other tasks of the same target. */
  readonly neighbours: readonly Task[];
}

/** Stores one task, or finds the one that has its id. Decides on what it read and stores on the condition that this
 *  still holds, as often as others come between.
 *
 *  The credentials are stored before the task, so that no task lacks them, and removed when the task did not come
 *  about; where that is not known they stay, because a task without its credentials is worse than a leftover. What is
 *  left over is found and removed later, on AWS each hour and on one machine at the next start. */
export class Creation {
  readonly #deps: CdcDeps;
  readonly #request: CreateRequest;
  readonly #target: PreparedTarget;
  readonly #id: string;
  readonly #incarnation: string;
  #secretRef: string | undefined;
  #outcomeUnknown = false;

  constructor(deps: CdcDeps, request: CreateRequest, target: PreparedTarget) {
    this.#deps = deps;
    this.#request = request;
    this.#target = target;
    this.#id = request.task_id || deps.randomId();
    this.#incarnation = deps.randomId();
  }

  /** Answers the stored task, which is another one when the id was taken. Fails with an {@link ApiError}. */
  async run(): Promise<Task> {
    let stored: Task | undefined;
    try {
      stored = await this.#store();
      return stored;
    } finally {
      if (stored?.incarnation !== this.#incarnation) await this.#forgetSecret();
    }
  }

  /** The task as it would be stored now, or the one that has its id; stores nothing. Fails as {@link run} does. */
  async preview(): Promise<Preview> {
    const { tasks, revision } = await this.#look();
    const known = tasks.find((task) => task.id === this.#id);
    const task = known ?? this.#decide(tasks, revision);
    return { task, known: known !== undefined, neighbours: neighboursOf(task, tasks) };
  }

  async #store(): Promise<Task> {
    for (let attempt = 1; ; attempt++) {
      const { tasks, revision } = await this.#look();
      const taken = tasks.find((task) => task.id === this.#id);
      if (taken !== undefined) return taken;
      const decided = this.#decide(tasks, revision);
      const task = { ...decided, secretRef: await this.#storeSecret() };
      const stored = await this.#tryStore(task, revision, attempt === ATTEMPTS);
      if (stored !== undefined) return stored;
      await this.#deps.clock.sleep(Math.random() * Math.min(LONGEST_PAUSE_MS, 5 * 2 ** attempt));
    }
  }

  /** The revision is read first: whatever changes after it makes storing fail. */
  async #look(): Promise<{ readonly tasks: readonly Task[]; readonly revision: ScopeRevision }> {
    const { tasks } = this.#deps;
    try {
      const { revision } = await tasks.getScope(this.#target.identity);
      return { revision, tasks: await tasks.listTasks() };
    } catch (error) {
      throw serverError(`fail to get task list to check num: ${sentenceOf(error)}`, error);
    }
  }

  /** Everything that depends on other tasks, in milvus-cdc's order: scope, number of tasks, positions. */
  #decide(tasks: readonly Task[], revision: ScopeRevision): Task {
    const request = this.#request;
    const mappings = mappingsOf(request);
    const neighbours = tasks.filter((task) => task.targetIdentity === this.#target.identity);
    const replicateRoles = request.extra_info.enable_user_role;
    const scope = decideScope({ include: patternsOf(request), mappings, replicateRoles }, neighbours);
    if (tasks.length >= this.#deps.settings.maxTasks) throw this.#limitError();
    const task = this.#task(scope, startPositionsOf(request));
    const yielded = neighbours.some((neighbour) => yieldsTo(neighbour, task));
    return yielded ? { ...task, scopeRevision: revision + 1 } : task;
  }

  #task(scope: Scope, startPositions: Task['startPositions']): Task {
    const request = this.#request;
    return {
      version: ITEM_VERSION,
      id: this.#id,
      incarnation: this.#incarnation,
      desired: 'Running',
      reason: '',
      revision: 0,
      createdAt: new Date(this.#deps.clock.now()).toISOString(),
      target: this.#target.connection,
      targetIdentity: this.#target.identity,
      userSecrets: this.#target.userSecrets,
      scope,
      mappings: mappingsOf(request),
      startPositions,
      replicateRoles: request.extra_info.enable_user_role,
      disableAutoStart: request.disable_auto_start,
      request: shownRequest(request),
    };
  }

  /** Undefined when it has to be decided anew. */
  async #tryStore(task: Task, seen: ScopeRevision, last: boolean): Promise<Task | undefined> {
    try {
      await this.#deps.tasks.createTask(task, { maxTasks: this.#deps.settings.maxTasks, seen });
      return task;
    } catch (error) {
      if (error instanceof TaskExistsError) return error.task;
      if (error instanceof TaskLimitError) throw this.#limitError();
      // The store may have been away only for the answer: the next look tells.
      const again =
        error instanceof ConflictError || (error instanceof StoreUnavailableError && !this.#outcomeUnknown);
      this.#outcomeUnknown ||= !(error instanceof ConflictError);
      if (again && !last) return undefined;
      throw serverError(`fail to put the task info to etcd: ${sentenceOf(error)}`, error);
    }
  }

  #limitError(): ApiError {
    return serverError(`the task num has reach the limit, ${this.#deps.settings.maxTasks}`);
  }

  /** Once, however often the task is decided anew. */
  async #storeSecret(): Promise<string | undefined> {
    const { storedSecret: secret } = this.#target;
    if (secret === undefined) return undefined;
    try {
      this.#secretRef ??= await this.#deps.secrets.put(this.#incarnation, secret);
      return this.#secretRef;
    } catch (error) {
      throw serverError(`fail to put the task info to etcd: ${sentenceOf(error)}`, error);
    }
  }

  async #forgetSecret(): Promise<void> {
    if (this.#secretRef === undefined || this.#outcomeUnknown) return;
    try {
      await this.#deps.secrets.delete(this.#secretRef);
    } catch (error) {
      this.#deps.log.warn(
        { err: error },
        'the credentials of a task that was not created could not be removed',
      );
    }
  }
}
