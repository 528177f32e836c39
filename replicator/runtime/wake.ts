import type { Clock } from './clock.ts';

/** Lets a loop sleep until there may be something to do. A notification between two waits is not lost. */
export class Wake {
  #pending = false;
  #waiter: (() => void) | undefined;

  notify(): void {
    this.#pending = true;
    this.#waiter?.();
  }

  /** Resolves at the next notification, or after `ms` where given. Rejects with the signal's reason. One waiter at a
   *  time. */
  async wait(signal: AbortSignal, timeout?: { readonly clock: Clock; readonly ms: number }): Promise<void> {
    signal.throwIfAborted();
    if (!this.#pending) {
      const done = new AbortController();
      const notified = new Promise<void>((resolve) => {
        this.#waiter = resolve;
        signal.addEventListener('abort', () => resolve(), { once: true, signal: done.signal });
      });
      try {
        if (timeout === undefined) await notified;
        else
          await Promise.race([notified, timeout.clock.sleep(timeout.ms, done.signal).catch(() => undefined)]);
      } finally {
        this.#waiter = undefined;
        done.abort();
      }
    }
    this.#pending = false;
    signal.throwIfAborted();
  }
}
