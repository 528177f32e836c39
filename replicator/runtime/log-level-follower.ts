import { isLogLevel, type Logger } from '#shared/logger.ts';
import type { TaskStore } from '#shared/store/task-store.ts';
import { type Clock, sleep } from './clock.ts';

/** How soon a level that was set for all programs shows in this one's log. */
const LOOK_EVERY_MS = 5_000;

/** Keeps a logger at the level that the store holds for all programs, or at its own where there is none. Nothing else
 *  depends on it: a store that is away leaves the level as it is. Ends when the signal aborts, and never fails. */
export async function followLogLevel(options: {
  readonly store: Pick<TaskStore, 'getLogLevel'>;
  readonly log: Logger;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}): Promise<void> {
  const { store, log, clock, signal } = options;
  const own = log.level;
  while (!signal.aborted) {
    try {
      const level = (await store.getLogLevel()) ?? own;
      if (level !== log.level && isLogLevel(level)) {
        log.level = level;
        log.info({ logLevel: level }, 'log level changed');
      }
    } catch (error) {
      log.debug({ err: error }, 'log level not read');
    }
    await sleep(clock, LOOK_EVERY_MS, signal).catch(() => undefined);
  }
}
