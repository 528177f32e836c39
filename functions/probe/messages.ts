import { z } from 'zod';
import { type LogRetention, logRetentionSchema } from '#shared/task/retention.ts';
import { scopePatternSchema } from '#shared/task/scope.ts';
import { kafkaSourceConfig } from '#shared/task/source.ts';
import { targetConnectionSchema } from '#shared/task/task.ts';
import type { SourceFacts } from './source-probe.ts';
import type { TargetFacts } from './target-probe.ts';

/** What the control plane and the Lambda that checks for it say to each other. The request holds credentials: neither
 *  side logs it. */

const budgetMs = z.number().positive();

export const probeRequest = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('target'),
    target: targetConnectionSchema,
    credentials: z.object({ token: z.string(), clientKeyPem: z.string().optional() }).optional(),
    budgetMs,
  }),
  z.object({
    kind: z.literal('source'),
    source: kafkaSourceConfig,
    patterns: z.array(scopePatternSchema),
    budgetMs,
  }),
  z.object({
    kind: z.literal('retention'),
    source: kafkaSourceConfig,
    channels: z.array(z.string()),
    budgetMs,
  }),
]);
export type ProbeRequest = z.output<typeof probeRequest>;

export const targetFacts = z.object({ version: z.string() });
export const sourceFacts = z.object({
  version: z.string(),
  collections: z.array(
    z.object({ database: z.string(), name: z.string(), historyComplete: z.boolean().nullable() }),
  ),
  retention: logRetentionSchema.optional(),
  warnings: z.array(z.string()),
});

/** What the check found, or why it failed, for the user. `refused`: nobody may connect there. */
export type ProbeAnswer =
  | { readonly facts: TargetFacts | SourceFacts | LogRetention }
  | { readonly failed: string; readonly refused?: boolean | undefined };

export const probeFailure = z.object({ failed: z.string(), refused: z.boolean().optional() });
