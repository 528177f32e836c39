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
    return this.#ask(sourceFacts, (source) => ({
      kind: 'source',
      source,
      patterns: [...patterns],
      budgetMs,
    }));
  }

  retention(channels: readonly string[], budgetMs: number): Promise<LogRetention> {
    return this.#ask(logRetentionSchema, (source) => ({
      kind: 'retention',
      source,
      channels: [...channels],
      budgetMs,
    }));
  }

  async #ask<Facts>(
    facts: z.ZodType<Facts>,
    question: (source: KafkaSourceConfig) => ProbeRequest,
  ): Promise<Facts> {
    const source = await this.#settings();
    try {
      return await this.#probe.ask(question(source), facts);
    } catch (error) {
      throw error instanceof CheckError ? new SourceProbeError(error.message) : error;
    }
  }
}
