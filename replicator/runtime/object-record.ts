import type { Fence, TaskStore } from '#shared/store/task-store.ts';
import type { TaskObject } from '#shared/task/run.ts';
import type { Clock } from './clock.ts';
import { durably } from './durably.ts';

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
    const done = this.#last.then(() => durably(write, this.#options));
    this.#last = done.catch(() => undefined);
    return done;
  }
}
