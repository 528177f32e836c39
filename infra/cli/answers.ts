import { z } from 'zod';

/** The parts of answers that are printed or acted on. Members that are not ours (`status`) may be missing: the API may
 *  be milvus-cdc itself, or be told to show no more than it does. */

const reason = z.object({ code: z.string(), message: z.string() });

const choice = z.looseObject({
  name: z.string(),
  positions: z.record(z.string(), z.string()).nullish(),
  use_start_position: z.boolean().optional(),
});
const choices = z.array(choice).nullish();

const counters = z.object({
  rows_inserted: z.number(),
  rows_upserted: z.number(),
  keys_deleted: z.number(),
  bytes: z.number(),
  requests: z.number(),
  retries: z.number(),
});

const collection = z.object({
  source: z.string(),
  target: z.string(),
  collection_id: z.string(),
  state: z.string(),
  reason: reason.optional(),
  warnings: z.array(reason),
});

const status = z.looseObject({
  phase: z.string(),
  since: z.string(),
  reason: reason.nullable(),
  lag_ms: z.number().nullable(),
  lag_reason: z.string().optional(),
  counters: counters.nullable(),
  warnings: z.array(reason),
  log: z.string(),
  scope: z
    .object({ left_out: z.array(z.object({ pattern: z.string(), task: z.string().nullable() })) })
    .optional(),
  collections: z.array(collection).optional(),
  collections_left_out: z.number().optional(),
  request: z.record(z.string(), z.unknown()).optional(),
  credentials: z.boolean().optional(),
});

/** Zero values may be left out. */
export const targetAddress = z.looseObject({
  uri: z.string().default(''),
  host: z.string().default(''),
  port: z.number().default(0),
});

const task = z.looseObject({
  task_id: z.string(),
  state: z.enum(['Initial', 'Running', 'Paused']),
  reason: z.string().optional(),
  milvus_connect_param: targetAddress,
  collection_infos: choices,
  db_collections: z.record(z.string(), choices).nullish(),
  status: status.optional(),
});

const position = z.object({
  /** `bigint` where a number does not hold it. */
  collection_id: z.union([z.number(), z.bigint()]),
  channel_name: z.string(),
  time: z.number(),
  msg_id: z.string(),
  vchannel: z.string().optional(),
});

export const listAnswer = z.object({ tasks: z.array(task) });
export const getAnswer = z.object({ task });
export const createAnswer = z.object({ task_id: z.string() });
export const positionAnswer = z.object({ positions: z.array(position).nullable() });
export const maintenanceAnswer = z.object({ State: z.string() });
export const dryRunAnswer = z.object({
  exists: z.boolean(),
  task_id: z.string(),
  source: z.object({ version: z.string() }),
  target: z.object({ version: z.string() }),
  collections: z.array(z.object({ source: z.string(), target: z.string(), history_complete: z.boolean() })),
  left_out: z.array(z.object({ source: z.string(), why: z.string() })),
  not_listed: z.number().optional(),
  warnings: z.array(z.string()),
});

export type TaskAnswer = z.output<typeof task>;
export type StatusAnswer = z.output<typeof status>;
export type PositionItem = z.output<typeof position>;
export type DryRunAnswer = z.output<typeof dryRunAnswer>;
