import type { Logger } from '#shared/log.ts';
import { type ScopeRevision, StoreUnavailableError, type TaskStore } from '#shared/store/task-store.ts';
import type { Scope } from '#shared/task/scope.ts';
import { neighboursOf, scopeBeside, yieldsTo } from '#shared/task/shared-target.ts';
import type { Task } from '#shared/task/task.ts';
import { type Clock, sleep } from './clock.ts';
import { LeaseWatch } from './lease-watch.ts';
import type { Settings } from './settings.ts';
import type { JobStatus } from './status.ts';

export interface OwnScopeOptions {
  readonly store: Pick<TaskStore, 'getScope' | 'getTask' | 'getRun' | 'getLaunch'>;
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
    const alone = !leavesSomething(task) && task.scopeRevision === undefined;
    const view = alone ? { revision: 0, scope: task.scope, neighbours: [] } : await look(options);
    return new OwnScope(options, view);
  }

  get scope(): Scope {
    return this.#view.scope;
  }

  /** Of the scope that this job goes by; undefined for a task that leaves nothing to others. */
  get revision(): ScopeRevision | undefined {
    return leavesSomething(this.#options.task) ? this.#view.revision : undefined;
  }

  /** Resolves once no job goes by a scope from before this task was created. */
  async taken(status: JobStatus, signal: AbortSignal): Promise<void> {
    const { task } = this.#options;
    for (const neighbour of this.#view.neighbours) {
      if (!yieldsTo(neighbour, task)) continue;
      const part = `handover ${neighbour.id}`;
      await this.#letGo(neighbour, signal, () =>
        status.trouble(
          part,
          'handover',
          `task ${neighbour.id} still replicates what this task takes over; it stops within seconds`,
        ),
      );
      status.clear(part);
    }
  }

  async #letGo(neighbour: Task, signal: AbortSignal, onWait: () => void): Promise<void> {
    const { store, task, clock, settings, log } = this.#options;
    const watch = new LeaseWatch({ clock, settings });
    for (let first = true; ; first = false) {
      try {
        const [run, launch] = [await store.getRun(neighbour.id), await store.getLaunch(neighbour.id)];
        if (run?.incarnation !== neighbour.incarnation) return;
        if ((run.scopeRevision ?? -1) >= (task.scopeRevision ?? 0)) return;
        const settleMs = watch.settleMs(run, launch?.lastExit);
        if (settleMs !== undefined) return await sleep(clock, settleMs, signal);
      } catch (error) {
        if (!(error instanceof StoreUnavailableError)) throw error;
        log.warn({ err: error }, 'a neighbour could not be looked at; trying again');
      }
      if (first) onWait();
      await sleep(clock, LET_GO_POLL_MS, signal);
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
        if (JSON.stringify(now.scope) !== JSON.stringify(this.#view.scope)) return;
        this.#view = now;
      } catch (error) {
        // The lease ends with the store; until then the job goes by what it knows, and tells no more than that.
        log.debug({ err: error }, 'scope not looked at');
      }
    }
  }
}

function leavesSomething({ scope }: Task): boolean {
  return scope.exclude.length > 0;
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
