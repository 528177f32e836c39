import type { Code } from '#shared/errors.ts';
import type { Logger } from '#shared/log.ts';
import type { TaskDatabase } from '#shared/task/run.ts';
import type { Task } from '#shared/task/task.ts';
import { type Catalog, DEFAULT_DATABASE } from '../engine/catalog.ts';
import {
  type DatabaseStep,
  type DatabaseView,
  leftDatabases,
  planDatabase,
  wantedDatabases,
} from '../engine/database-plan.ts';
import {
  type Target,
  type TargetDatabase,
  TargetRefusedError,
  TargetUnavailableError,
} from '../target/target.ts';
import { Backoff } from './backoff.ts';
import { type Clock, sleep } from './clock.ts';
import type { FollowedCollection } from './collection.ts';
import { DatabaseRecords } from './database-records.ts';
import type { ObjectRecordOptions } from './object-record.ts';
import type { Settings } from './settings.ts';
import type { JobStatus } from './status.ts';
import { WaitSet } from './wait-set.ts';
import { Wake } from './wake.ts';

export interface DatabaseActorOptions {
  readonly task: Task;
  readonly databases: readonly TaskDatabase[];
  readonly recordOptions: ObjectRecordOptions;
  readonly target: Target;
  readonly clock: Clock;
  readonly settings: Settings;
  readonly status: JobStatus;
  readonly log: Logger;
  /** Resolves when the target may be changed: the lease has room, and what a predecessor sent has settled. */
  readonly permit: (signal: AbortSignal) => Promise<void>;
  /** True while a collection of the task is in that database of the target, or will be. */
  readonly inUse: (name: string) => boolean;
}

/** How a look at a database ended. */
interface Look {
  /** Those who asked up to this number were answered by it. */
  readonly asked: number;
  readonly refusal: TargetRefusedError | undefined;
}

const PART = 'databases';

/** Keeps the databases of the target as the source's catalog has them, and makes those that a collection waits for.
 *  Level-triggered: it looks at a database whenever something about it may have changed, and at all of them now and then.
 *  One loop does it all, so a database is never made and dropped at the same time.
 *
 *  **Invariant:** what is dropped was made by this task, which is written down before the target is asked, is still that
 *  very one where the target tells them apart, and holds no collection. See SPEC.md I11. */
export class DatabaseActor {
  readonly #options: DatabaseActorOptions;
  readonly #records: DatabaseRecords;
  /** Undefined until the catalog was read: until then nothing is known to be unwanted. */
  #wanted: ReadonlySet<string> | undefined;
  #left: ReadonlySet<string> = new Set();
  /** Names to be looked at. */
  readonly #due = new Set<string>();
  #allDueAt = 0;
  readonly #wake = new Wake();
  readonly #waiting = new Set<FollowedCollection>();
  #asked = 0;
  readonly #looks = new Map<string, Look>();
  readonly #looked = new WaitSet();
  readonly #warned = new Map<string, string>();

  constructor(options: DatabaseActorOptions) {
    this.#options = options;
    this.#records = new DatabaseRecords(options.task, options.databases, options.recordOptions);
  }

  /** Takes a reading of the catalog; collections were told before. */
  apply(catalog: Catalog): void {
    const before = this.#wanted ?? new Set<string>();
    const wanted = wantedDatabases(catalog, this.#options.task);
    for (const name of wanted) if (!before.has(name)) this.#due.add(name);
    for (const name of before) if (!wanted.has(name)) this.#due.add(name);
    this.#wanted = wanted;
    this.#left = leftDatabases(catalog, this.#options.task);
    this.#wake.notify();
  }

  /** A collection in that database of the target is gone: the last one of a dropped database takes it with it. */
  released(name: string): void {
    if (this.#records.get(name) !== undefined && this.#wanted?.has(name) === false) this.#look(name);
  }

  /** Resolves once the database that the collection is to be made in is there, as seen after this call, or the source has
   *  dropped the collection. Fails with {@link TargetRefusedError}. */
  async ready(collection: FollowedCollection, signal: AbortSignal): Promise<void> {
    const { database } = collection.target;
    // It need not be listed: a target may know no others and not understand the question.
    if (database === DEFAULT_DATABASE) return;
    const asked = ++this.#asked;
    this.#waiting.add(collection);
    this.#look(database);
    try {
      let look: Look | undefined;
      while (look === undefined || look.asked < asked) {
        await this.#looked.next(signal);
        look = this.#looks.get(database);
      }
      if (look.refusal !== undefined) throw look.refusal;
    } finally {
      this.#waiting.delete(collection);
    }
  }

  /** Works until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, settings, status, log } = this.#options;
    const backoff = new Backoff({ clock });
    try {
      while (!signal.aborted) {
        try {
          await this.#lookAtDue(signal);
          status.clear(PART);
          backoff.reset();
          const ms = Math.max(1, this.#allDueAt - clock.monotonic());
          await this.#wake.wait(signal, this.#wanted && { clock, ms });
        } catch (error) {
          if (signal.aborted) return;
          if (!(error instanceof TargetUnavailableError)) throw error;
          log.warn({ err: error }, 'databases not kept yet; trying again');
          status.trouble(PART, 'target_unavailable', error.message);
          // A call that failed may still be executed; the next look has to see its effect.
          await sleep(clock, settings.settleMs, signal).catch(() => undefined);
          if (!signal.aborted) await backoff.wait(signal).catch(() => undefined);
        }
      }
    } finally {
      status.clear(PART);
    }
  }

  #look(name: string): void {
    this.#due.add(name);
    this.#wake.notify();
  }

  async #lookAtDue(signal: AbortSignal): Promise<void> {
    const { clock, settings } = this.#options;
    if (this.#wanted === undefined) return;
    if (clock.monotonic() >= this.#allDueAt) {
      for (const name of [...this.#wanted, ...this.#records.names]) this.#due.add(name);
      this.#allDueAt = clock.monotonic() + settings.resyncMs;
    }
    for (const name of [...this.#due]) {
      this.#due.delete(name);
      const asked = this.#asked;
      const refusal = await this.#keep(name, signal);
      this.#looks.set(name, { asked, refusal });
      this.#looked.notify();
    }
  }

  async #keep(name: string, signal: AbortSignal): Promise<TargetRefusedError | undefined> {
    try {
      if (await this.#step(name, signal)) await this.#step(name, signal);
      return undefined;
    } catch (error) {
      if (!(error instanceof TargetRefusedError)) {
        // Behind the others: it may be the only one that fails.
        this.#due.add(name);
        throw error;
      }
      const message = `the target refuses the database ${name}: ${error.message} (code ${error.code})`;
      this.#warn(name, 'target_refused', message);
      return error;
    }
  }

  /** Answers true when it made the database, which is to be looked at again then. */
  async #step(name: string, signal: AbortSignal): Promise<boolean> {
    const { target, permit, log } = this.#options;
    await permit(signal);
    const found = (await target.listDatabases()).find((database) => database.name === name);
    await permit(signal);
    const step = planDatabase(this.#view(name, found));
    if (step.kind !== 'create') {
      const warning = await this.#take(step, name);
      if (warning === undefined) this.#unwarn(name);
      else this.#warn(name, 'target_foreign', warning);
      return false;
    }
    if (step.noted) {
      await this.#records.put(name, { createdHere: true, createdAt: undefined });
      await permit(signal);
    }
    log.info({ database: name }, 'making a database on the target');
    await target.createDatabase(name);
    return true;
  }

  /** Answers why the database stays, where it does. */
  async #take(step: Exclude<DatabaseStep, { kind: 'create' }>, name: string): Promise<string | undefined> {
    const { target, log } = this.#options;
    switch (step.kind) {
      case 'note':
        await this.#records.put(name, step.as);
        return undefined;
      case 'drop':
        log.info({ database: name }, 'dropping a database on the target');
        if (!(await target.dropDatabase(name)))
          return `${stays(name)}: it holds collections that are not this task's`;
        await this.#records.remove(name);
        return undefined;
      case 'forget':
        await this.#records.remove(name);
        return undefined;
      case 'leave':
        return `${stays(name)}: this task did not make it`;
      case 'none':
        return undefined;
    }
  }

  #view(name: string, found: TargetDatabase | undefined): DatabaseView {
    return {
      wanted: this.#wanted?.has(name) ?? false,
      left: this.#left.has(name),
      awaited: [...this.#waiting].some((c) => !c.dropped && c.target.database === name),
      inUse: this.#options.inUse(name),
      known: this.#records.get(name),
      found,
    };
  }

  #warn(name: string, code: Code, message: string): void {
    if (this.#warned.get(name) === message) return;
    this.#warned.set(name, message);
    const { status, log } = this.#options;
    log.warn({ database: name, code, reason: message }, 'database left as it is');
    status.warn(`database ${name}`, code, message);
  }

  #unwarn(name: string): void {
    if (this.#warned.delete(name)) this.#options.status.unwarn(`database ${name}`);
  }
}

function stays(name: string): string {
  return `the database ${name} of the target stays, though the source has dropped its own`;
}
