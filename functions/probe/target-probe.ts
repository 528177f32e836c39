import type { TargetSecret } from '#shared/secrets/secret-store.ts';
import type { TargetConnection } from '#shared/task/task.ts';

/** Port: tells before a task is stored whether its target can be reached and lets these credentials in. Runs where the
 *  replicators run, or the answer would be about another network. */
export interface TargetProbe {
  /** Answers within `budgetMs`. Fails with {@link TargetProbeError}, whose message is one sentence for the user and
   *  holds no credential. */
  check(
    target: TargetConnection,
    credentials: TargetSecret | undefined,
    budgetMs: number,
  ): Promise<TargetFacts>;
}

export interface TargetFacts {
  /** As the server says it, e.g. `v2.3.5`; empty when it does not tell. */
  readonly version: string;
}

export class TargetProbeError extends Error {
  override readonly name: string = 'TargetProbeError';
}

/** Nobody may connect there from here, whatever listens. */
export class TargetRefusedError extends TargetProbeError {
  override readonly name = 'TargetRefusedError';
}
