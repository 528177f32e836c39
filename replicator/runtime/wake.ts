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
  wait(signal: AbortSignal, timeout?: { readonly clock: Clock; readonly ms: number }): Promise<void> {
    return new Promise((resolve, reject) => {
      let cancel: (() => void) | undefined;
      const end = () => {
        cancel?.();
        signal.removeEventListener('abort', end);
        this.#waiter = undefined;
        if (signal.aborted) {
          reject(signal.reason as Error);
          return;
        }
        this.#pending = false;
        resolve();
      };
      if (this.#pending || signal.aborted) {
        end();
        return;
      }
      this.#waiter = end;
      signal.addEventListener('abort', end);
      if (timeout !== undefined) cancel = timeout.clock.after(timeout.ms, end);
    });
  }
}
