import { z } from 'zod';
import { phaseSchema, reasonSchema } from '#shared/task/run.ts';

/** What `status` shows. `status.ts` makes it; its form is here, for types, tests and the OpenAPI document alike. */

const count = z.number().meta({ type: 'integer' });
const time = z.string().meta({ format: 'date-time' });

const counters = z.strictObject({
  rows_inserted: count,
  rows_upserted: count,
  keys_deleted: count,
  bytes: count,
  requests: count,
  retries: count,
  ambiguous_answers: count.describe('Answers that left open whether a request was executed'),
  rows_of_dropped_collections: count.describe(
    'Rows of collections that were dropped before they could be applied',
  ),
});
export type StatusCounters = z.output<typeof counters>;

const scope = z.strictObject({
  include: z.array(z.string()).describe('Patterns `database.collection`, `*` for any'),
  left_out: z
    .array(z.strictObject({ pattern: z.string(), task: z.string().describe('Who has it') }))
    .describe('What another task of the same target has, until that one is deleted'),
});
export type ScopeStatus = z.output<typeof scope>;

export const collectionStatusSchema = z.strictObject({
  source: z.string().describe('`database.collection`'),
  target: z.string().describe('`database.collection`'),
  collection_id: z.string().describe('Id on the source, as text: not every JSON number can hold it'),
  state: z.enum(['found', 'creating', 'streaming', 'catching_up', 'dropping', 'quarantined']),
  applied_until: time
    .nullable()
    .optional()
    .describe('While `catching_up` or `quarantined`: how far it is on the target; null when nothing is'),
  since: time.optional().describe('Of `quarantined`'),
  reason: reasonSchema.optional().describe('Of `quarantined`'),
  warnings: z.array(reasonSchema),
});
export type CollectionStatus = z.output<typeof collectionStatusSchema>;

export const taskStatusSchema = z
  .strictObject({
    phase: phaseSchema,
    since: time,
    reason: reasonSchema.nullable().describe('What it waits for, or why it was given up'),
    last_error: z
      .strictObject({ code: z.string(), message: z.string(), at: time })
      .nullable()
      .describe('The newest thing that went wrong, also when it is over'),
    lag_ms: count.nullable().describe('How far the target is behind'),
    lag_reason: z.string().optional().describe('Why the lag is not known'),
    counters: counters.nullable().describe('Since the task was created; null until a replicator has run'),
    warnings: z.array(reasonSchema),
    scope: scope.optional().describe('In `get` only'),
    collections: z.array(collectionStatusSchema).optional().describe('In `get` only'),
    collections_left_out: count.optional().describe('Collections that `collections` has no room for'),
    request: z
      .record(z.string(), z.unknown())
      .optional()
      .describe('In `get` only: what else the create asked for; enough to create the task again elsewhere'),
    credentials: z.boolean().optional().describe('In `get` only: whether the create brought credentials'),
    log: z.string().describe('Where the log of the replicator is'),
  })
  .describe('What is really happening to a task, beside what is wanted of it (`state`)');
export type TaskStatus = z.output<typeof taskStatusSchema>;
