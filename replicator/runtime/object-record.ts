import { CdcError } from '#shared/errors.ts';
import { type Fence, FencedError, StoreUnavailableError, type TaskStore } from '#shared/store/task-store.ts';
import type { TaskObject } from '#shared/task/run.ts';
import { Backoff } from './backoff.ts';
import type { Clock } from './clock.ts';

export interface ObjectRecordOptions {
  readonly store: TaskStore;
  readonly fence: Fence;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** The durable account of one collection. Writes are serialised, each made from the latest state, and retried while the
 *  store is away; the end of the lease ends the job. */
export class ObjectRecord {
  readonly #options: ObjectRecordOptions;
  #current: TaskObject;
  #stored: boolean;
  #last: Promise<void> = Promise.resolve();

  constructor(object: TaskObject, stored: boolean, options: ObjectRecordOptions) {
    this.#current = object;
    this.#stored = stored;
    this.#options = options;
  }

  /** The latest state; durable once the {@link update} that made it has resolved. */
  get value(): TaskObject {
    return this.#current;
  }

  get stored(): boolean {
    return this.#stored;
  }

  /** Changes the state and resolves when it is durable. */
  update(change: (object: TaskObject) => Partial<TaskObject>): Promise<void> {
    this.#current = { ...this.#current, ...change(this.#current) };
    return this.#enqueue(async () => {
      const { store, fence } = this.#options;
      await store.putObject(fence, this.#current);
      this.#stored = true;
    });
  }

  /** Forgets the object for good. */
  remove(): Promise<void> {
    return this.#enqueue(async () => {
      const { store, fence } = this.#options;
      if (this.#stored) await store.deleteObject(fence, this.#current.collectionId);
      this.#stored = false;
    });
  }

  #enqueue(write: () => Promise<void>): Promise<void> {
    const done = this.#last.then(() => this.#persist(write));
    this.#last = done.catch(() => undefined);
    return done;
  }

  async #persist(write: () => Promise<void>): Promise<void> {
    const { clock, signal } = this.#options;
    const backoff = new Backoff({ clock, capMs: 1_000 });
    for (;;) {
      signal.throwIfAborted();
      try {
        return await write();
      } catch (error) {
        if (error instanceof FencedError) {
          throw new CdcError('lease_lost', 'another job has taken this task over', { cause: error });
        }
        if (!(error instanceof StoreUnavailableError)) throw error;
        await backoff.wait(signal);
      }
    }
  }
}
