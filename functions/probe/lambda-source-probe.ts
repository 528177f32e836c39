import type { z } from 'zod';
import { type LogRetention, logRetentionSchema } from '#shared/task/retention.ts';
import type { ScopePattern } from '#shared/task/scope.ts';
import type { KafkaSourceConfig } from '#shared/task/source.ts';
import { CheckError, type LambdaProbe } from './lambda-probe.ts';
import { type ProbeRequest, sourceFacts } from './messages.ts';
import { type SourceFacts, type SourceProbe, SourceProbeError } from './source-probe.ts';

/** The {@link SourceProbe} on AWS: the Lambda `probe` checks, in the network of the replicators and with the settings that
 *  they have. */
export class LambdaSourceProbe implements SourceProbe {
  readonly #probe: LambdaProbe;
  readonly #settings: () => Promise<KafkaSourceConfig>;

  constructor(probe: LambdaProbe, settings: () => Promise<KafkaSourceConfig>) {
    this.#probe = probe;
    this.#settings = settings;
  }

  check(patterns: readonly ScopePattern[], budgetMs: number): Promise<SourceFacts> {
    return this.#ask(budgetMs, sourceFacts, (rest) => ({ kind: 'source', patterns: [...patterns], ...rest }));
  }

  retention(channels: readonly string[], budgetMs: number): Promise<LogRetention> {
    return this.#ask(budgetMs, logRetentionSchema, (rest) => ({
      kind: 'retention',
      channels: [...channels],
      ...rest,
    }));
  }

  /** Reading the settings takes from the budget, too. */
  async #ask<Facts>(
    budgetMs: number,
    facts: z.ZodType<Facts>,
    question: (rest: { readonly source: KafkaSourceConfig; readonly budgetMs: number }) => ProbeRequest,
  ): Promise<Facts> {
    const end = performance.now() + budgetMs;
    const source = await this.#settings();
    const left = Math.max(LEAST_MS, Math.ceil(end - performance.now()));
    try {
      return await this.#probe.ask(question({ source, budgetMs: left }), facts);
    } catch (error) {
      throw error instanceof CheckError ? new SourceProbeError(error.message) : error;
    }
  }
}

/** A check with less than this would only tell that it was late. */
const LEAST_MS = 1_000;
