interface Lane<T> {
  readonly running: Promise<T>;
  next: Promise<T> | undefined;
}

/** Runs work one at a time per key. Work that is asked for while the key's next run has not begun shares that run: it
 *  will see everything that was so when it was asked for. */
export class KeyedQueue<T> {
  readonly #lanes = new Map<string, Lane<T>>();

  run(key: string, work: () => Promise<T>): Promise<T> {
    const lane = this.#lanes.get(key);
    if (lane === undefined) return this.#begin(key, work);
    lane.next ??= lane.running.then(
      () => this.#begin(key, work),
      () => this.#begin(key, work),
    );
    return lane.next;
  }

  #begin(key: string, work: () => Promise<T>): Promise<T> {
    const lane: Lane<T> = { running: work(), next: undefined };
    this.#lanes.set(key, lane);
    const end = () => {
      if (this.#lanes.get(key) === lane && lane.next === undefined) this.#lanes.delete(key);
    };
    lane.running.then(end, end);
    return lane.running;
  }
}
