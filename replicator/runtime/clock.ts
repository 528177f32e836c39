import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';

/** Time as the runtime sees it; tests bring their own. */
export interface Clock {
  /** Milliseconds that only ever grow; for leases, deadlines and backoff. */
  monotonic(): number;
  /** Unix milliseconds; for people and for lag only. */
  wall(): number;
  /** Rejects with the signal's reason as soon as it aborts. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  monotonic: () => performance.now(),
  wall: () => Date.now(),
  async sleep(ms, signal) {
    signal.throwIfAborted();
    try {
      await delay(ms, undefined, { signal });
    } catch {
      signal.throwIfAborted();
    }
  },
};

/** An ISO time of the wall clock. */
export function isoTime(clock: Clock, inMs = 0): string {
  return new Date(clock.wall() + inMs).toISOString();
}
