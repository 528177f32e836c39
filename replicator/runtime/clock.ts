import { performance } from 'node:perf_hooks';

/** Time, and chance, as the runtime sees them; tests bring their own. */
export interface Clock {
  /** Milliseconds that only ever grow; for leases, deadlines and backoff. */
  monotonic(): number;
  /** Unix milliseconds; for people and for lag only. */
  wall(): number;
  /** Calls back once, unless cancelled by the function it answers. */
  after(ms: number, callback: () => void): () => void;
  /** A number in [0, 1), for jitter. */
  random(): number;
}

export const systemClock: Clock = {
  monotonic: () => performance.now(),
  wall: () => Date.now(),
  random: () => Math.random(),
  after(ms, callback) {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
};

/** Waits; rejects with the signal's reason as soon as it aborts. */
export function sleep(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = () => {
      cancel();
      signal.removeEventListener('abort', end);
      if (signal.aborted) reject(signal.reason as Error);
      else resolve();
    };
    const cancel = signal.aborted ? () => undefined : clock.after(ms, end);
    if (signal.aborted) end();
    else signal.addEventListener('abort', end);
  });
}

/** An ISO time of the wall clock. */
export function isoTime(clock: Clock, inMs = 0): string {
  return new Date(clock.wall() + inMs).toISOString();
}
