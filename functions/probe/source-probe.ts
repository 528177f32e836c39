import type { LogRetention } from '#shared/task/retention.ts';
import type { ScopePattern } from '#shared/task/scope.ts';

/** Port: tells before a task is stored whether its source can be followed. Runs where the replicators run. Functions
 *  know nothing of the ways to read a source, so whoever composes the system brings the adapter. */
export interface SourceProbe {
  /** Looks at the source, and closely at what `patterns` match. Answers within `budgetMs`, split over the checks so
   *  that a slow one cannot hide what a later one would tell. Fails with {@link SourceProbeError}. */
  check(patterns: readonly ScopePattern[], budgetMs: number): Promise<SourceFacts>;

  /** How long the logs of these channels keep what is in them: the least of all. Answers within `budgetMs`. Fails with
   *  {@link SourceProbeError}. */
  retention(channels: readonly string[], budgetMs: number): Promise<LogRetention>;
}

export interface SourceFacts {
  /** As the source registers it, e.g. `2.3.5`; empty when none of its servers runs at the moment. */
  readonly version: string;
  /** Every collection there is now. */
  readonly collections: readonly SourceCollection[];
  /** Of the channels that carry something of what was asked for; absent when there are none yet, or the source would not
   *  tell. */
  readonly retention?: LogRetention | undefined;
  /** What does not keep a task from running, but should be known; one sentence each. */
  readonly warnings: readonly string[];
}

export interface SourceCollection {
  readonly database: string;
  readonly name: string;
  /** Whether the log still reaches back to its creation, so that all its rows will be copied; null when that was not
   *  looked at because no pattern matches it. */
  readonly historyComplete: boolean | null;
}

/** The message is one sentence for the user that names what to change, and holds no credential. */
export class SourceProbeError extends Error {
  override readonly name = 'SourceProbeError';
}
