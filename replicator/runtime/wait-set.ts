/** Lets many wait for the next of a kind of event. */
export class WaitSet {
  #next = Promise.withResolvers<void>();

  notify(): void {
    const { resolve } = this.#next;
    this.#next = Promise.withResolvers<void>();
    resolve();
  }

  /** Resolves at the next notification; rejects with the signal's reason. */
  async next(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { promise } = this.#next;
    const done = new AbortController();
    const aborted = new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve(), { once: true, signal: done.signal });
    });
    await Promise.race([promise, aborted]);
    done.abort();
    signal.throwIfAborted();
  }
}
