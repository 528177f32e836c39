import type { Logger } from '#shared/log.ts';
import {
  type Fence,
  type ScopeRevision,
  StoreUnavailableError,
  type TaskStore,
} from '#shared/store/task-store.ts';
import type { ChannelPosition } from '#shared/task/positions.ts';
import type { TaskObject } from '#shared/task/run.ts';
import { inScope, type Scope } from '#shared/task/scope.ts';
import { hasSamePart, neighboursOf, scopeBeside, yieldsTo } from '#shared/task/shared-target.ts';
import type { Task } from '#shared/task/task.ts';
import { type Clock, isoTime, sleep } from './clock.ts';
import { atRest, readEstate } from './estate.ts';
import { LeaseWatch } from './lease-watch.ts';
import type { Settings } from './settings.ts';
import type { JobStatus } from './status.ts';

export interface OwnScopeOptions {
  readonly store: TaskStore;
  readonly task: Task;
  readonly clock: Clock;
  readonly settings: Settings;
  readonly log: Logger;
}

/** How soon a job notices that a neighbour came or went. */
const LOOK_EVERY_MS = 3_000;
const LET_GO_POLL_MS = 500;

interface View {
  readonly revision: ScopeRevision;
  readonly scope: Scope;
  readonly neighbours: readonly Task[];
}

/** What a task has of what it asked for, beside the other tasks of its target (`shared-target.ts` says who has what).
 *
 *  **Invariant:** a collection never has two writers, also while it changes hands. A task that leaves something to others
 *  tells the scope's revision that its job goes by ({@link revision}); one that takes such a thing over sends nothing
 *  until that job has told a revision from which on it leaves it alone, or has ended ({@link taken}).
 *  Has to be read while the lease is held: whoever looks before sees that no job holds it, and what comes after is in
 *  what is read here. See SPEC.md, "Beside other tasks". */
export class OwnScope {
  readonly #options: OwnScopeOptions;
  #view: View;

  private constructor(options: OwnScopeOptions, view: View) {
    this.#options = options;
    this.#view = view;
  }

  static async read(options: OwnScopeOptions): Promise<OwnScope> {
    const { task } = options;
    const view = isAlone(task) ? { revision: 0, scope: task.scope, neighbours: [] } : await look(options);
    return new OwnScope(options, view);
  }

  get scope(): Scope {
    return this.#view.scope;
  }

  /** Of the scope that this job goes by; undefined for a task that leaves nothing to others. */
  get revision(): ScopeRevision | undefined {
    return leavesSomething(this.#options.task) ? this.#view.revision : undefined;
  }

  /** What the task knows of the collections that it has. What another task has now is written down as it stands, for that
   *  one to go on from, and stays on the target; only a drop that was begun is finished. `positions`: the main cursors as
   *  the job found them. */
  async objects(fence: Fence, positions: readonly ChannelPosition[]): Promise<readonly TaskObject[]> {
    const { store, task, clock, log } = this.#options;
    const own: TaskObject[] = [];
    for (const object of await store.listObjects(task)) {
      if (object.leftAt !== undefined) continue;
      const { database, name } = object.source;
      if (object.state === 'dropping' || inScope(this.scope, database, name)) {
        own.push(object);
        continue;
      }
      log.info({ collection: object.source, id: object.collectionId }, 'left to another task');
      const left = atRest(object, positions);
      if (left === undefined) await store.deleteObject(fence, object.collectionId);
      else await store.putObject(fence, { ...left, leftAt: isoTime(clock) });
    }
    return own;
  }

  /** Resolves once no job goes by a scope from before this task was created. Answers what others knew of the collections
   *  that are this task's now, as it was when they left them. */
  async taken(status: JobStatus, signal: AbortSignal): Promise<readonly TaskObject[]> {
    const { store, task } = this.#options;
    if (isAlone(task)) return [];
    const { neighbours, scope } = this.#view;
    for (const neighbour of neighbours) {
      if (yieldsTo(neighbour, task)) await this.#letGo(neighbour, status, signal);
    }
    return this.#insist(() => readEstate(store, { ...task, scope }, neighbours), signal);
  }

  async #letGo(neighbour: Task, status: JobStatus, signal: AbortSignal): Promise<void> {
    const { clock, settings } = this.#options;
    const part = `handover ${neighbour.id}`;
    const watch = new LeaseWatch({ clock, settings });
    for (let first = true; ; first = false) {
      const settleMs = await this.#insist(() => this.#settleMs(neighbour, watch), signal);
      if (settleMs !== undefined) {
        await sleep(clock, settleMs, signal);
        status.clear(part);
        return;
      }
      if (first) {
        const message = `task ${neighbour.id} still replicates what this task takes over; it stops within seconds`;
        status.trouble(part, 'handover', message);
      }
      await sleep(clock, LET_GO_POLL_MS, signal);
    }
  }

  /** After how long nothing comes from a neighbour any more; undefined while its job goes by an old scope. */
  async #settleMs({ id, incarnation }: Task, watch: LeaseWatch): Promise<number | undefined> {
    const { store, task } = this.#options;
    const run = await store.getRun(id);
    const told = run?.scopeRevision ?? -1;
    if (run?.incarnation !== incarnation || told >= (task.scopeRevision ?? 0)) return 0;
    return watch.settleMs(run, (await store.getLaunch(id))?.lastExit);
  }

  async #insist<T>(ask: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const { clock, log } = this.#options;
    for (;;) {
      try {
        return await ask();
      } catch (error) {
        // The lease ends with the store, and this with the lease.
        if (!(error instanceof StoreUnavailableError)) throw error;
        log.warn({ err: error }, 'neighbours not looked at; trying again');
        await sleep(clock, LET_GO_POLL_MS, signal);
      }
    }
  }

  /** Resolves when the task has another part than this job goes by: the next job begins with it. */
  async changed(signal: AbortSignal): Promise<void> {
    const { store, task, clock, log } = this.#options;
    if (!leavesSomething(task)) return aborted(signal);
    for (;;) {
      await sleep(clock, LOOK_EVERY_MS, signal);
      try {
        const { revision } = await store.getScope(task.targetIdentity);
        if (revision === this.#view.revision) continue;
        const now = await look(this.#options);
        if (!hasSamePart(task, this.#view.neighbours, now.neighbours)) return;
        this.#view = now;
      } catch (error) {
        // Until it can be read the job goes by what it knows, and tells no more than that.
        log.debug({ err: error }, 'scope not looked at');
      }
    }
  }
}

function leavesSomething({ scope }: Task): boolean {
  return scope.exclude.length > 0;
}

/** True for a task that gives way to nobody and that nobody gave way to: it has what it asked for. */
function isAlone(task: Task): boolean {
  return !leavesSomething(task) && task.scopeRevision === undefined;
}

/** The revision comes first: what changes after it makes the next one. */
async function look({ store, task }: Pick<OwnScopeOptions, 'store' | 'task'>): Promise<View> {
  const { revision, taskIds } = await store.getScope(task.targetIdentity);
  const tasks = await Promise.all(taskIds.map((id) => store.getTask(id)));
  const neighbours = neighboursOf(
    task,
    tasks.filter((other) => other !== undefined),
  );
  return { revision, neighbours, scope: scopeBeside(task, neighbours) };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
