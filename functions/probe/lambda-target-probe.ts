import type { TargetSecret } from '#shared/secrets/secret-store.ts';
import type { TargetConnection } from '#shared/task/task.ts';
import { CheckError, type LambdaProbe } from './lambda-probe.ts';
import { targetFacts } from './messages.ts';
import { type TargetFacts, type TargetProbe, TargetProbeError, TargetRefusedError } from './target-probe.ts';

/** The {@link TargetProbe} on AWS: the Lambda `probe` checks, in the network of the replicators. */
export class LambdaTargetProbe implements TargetProbe {
  readonly #probe: LambdaProbe;

  constructor(probe: LambdaProbe) {
    this.#probe = probe;
  }

  async check(
    target: TargetConnection,
    credentials: TargetSecret | undefined,
    budgetMs: number,
  ): Promise<TargetFacts> {
    try {
      return await this.#probe.ask({ kind: 'target', target, credentials, budgetMs }, targetFacts);
    } catch (error) {
      if (!(error instanceof CheckError)) throw error;
      throw error.refused ? new TargetRefusedError(error.message) : new TargetProbeError(error.message);
    }
  }
}
