import { setTimeout as sleep } from 'node:timers/promises';

export interface WaitOptions {
  /** What is waited for, for the error: "kafka answers". */
  readonly what: string;
  readonly timeoutMs: number;
  /** Pause between two probes. @default 100 */
  readonly everyMs?: number | undefined;
}

/** Probes until the answer is true. A probe that throws counts as "not yet"; its last error is the `cause`
 *  of the one thrown after `timeoutMs`. */
export async function waitUntil(probe: () => Promise<boolean>, options: WaitOptions): Promise<void> {
  const deadline = performance.now() + options.timeoutMs;
  let cause: unknown;
  while (performance.now() < deadline) {
    try {
      if (await probe()) return;
    } catch (error) {
      if (error instanceof StopWaiting) throw error;
      cause = error;
    }
    await sleep(options.everyMs ?? 100);
  }
  throw new Error(`waited ${options.timeoutMs} ms in vain: ${options.what}`, { cause });
}

/** Thrown by a probe that knows there is nothing left to wait for. */
export class StopWaiting extends Error {
  override readonly name = 'StopWaiting';
}
