import type { MiddlewareObj } from '@middy/core';
import { isLogLevel, type Logger } from '#shared/logger.ts';
import type { TaskStore } from '#shared/store/task-store.ts';

/** How soon a level that was set for all programs shows in the logs of Lambdas that are in use. */
const LOOK_EVERY_MS = 10_000;

/** Middleware that keeps a Lambda's logger at the level that the store holds for all programs, or at its own where there
 *  is none. Nothing else depends on it: a store that is away leaves the level as it is. */
export function followLogLevel(options: {
  readonly tasks: Pick<TaskStore, 'getLogLevel'>;
  readonly log: Logger;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}): MiddlewareObj {
  const { tasks, log, now } = options;
  const own = log.level;
  let lookedAt = Number.NEGATIVE_INFINITY;
  return {
    async before() {
      if (now() - lookedAt < LOOK_EVERY_MS) return;
      lookedAt = now();
      try {
        const level = (await tasks.getLogLevel()) ?? own;
        if (isLogLevel(level)) log.level = level;
      } catch (error) {
        log.debug({ err: error }, 'log level not read');
      }
    },
  };
}
