import { z } from 'zod';
import { desiredStateSchema, type Task } from '#shared/task/task.ts';
import { type TaskStatus, taskStatusSchema } from './task-status.ts';

const count = z.number().meta({ type: 'integer' });

const milvusConnectParam = z.strictObject({
  host: z.string(),
  port: count,
  enable_tls: z.boolean(),
  uri: z.string().describe('Without user-info and other credentials'),
  dial_config: z.record(z.string(), z.string()),
  channel_num: count,
  ignore_partition: z.boolean(),
  connect_timeout: count,
});

const kafkaConnectParam = z.strictObject({
  address: z.string(),
  topic: z.string(),
  enable_sasl: z.boolean(),
  sasl: z.record(z.string(), z.string()),
});

const collectionInfos = z
  .array(
    z.strictObject({
      name: z.string(),
      positions: z.record(z.string(), z.string()).nullable(),
      use_start_position: z.boolean(),
    }),
  )
  .nullable();

/** A task as `get` and `list` show it: milvus-cdc's members in its order, zero values and nulls present, `reason` only
 *  when there is one. `status` is ours. */
export const taskViewSchema = z.strictObject({
  task_id: z.string(),
  milvus_connect_param: milvusConnectParam,
  kafka_connect_param: kafkaConnectParam,
  collection_infos: collectionInfos,
  db_collections: z.record(z.string(), collectionInfos).nullable(),
  state: desiredStateSchema.describe('What is wanted'),
  reason: z.string().optional().describe('Why it is `Paused`'),
  status: taskStatusSchema.optional().describe('Left out where a setting says so'),
});

/** The members of {@link taskViewSchema}; those that show the request are as it was stored, masked. */
export interface TaskView {
  readonly task_id: string;
  readonly milvus_connect_param: unknown;
  readonly kafka_connect_param: unknown;
  readonly collection_infos: unknown;
  readonly db_collections: unknown;
  readonly state: Task['desired'];
  readonly reason?: string | undefined;
  readonly status?: TaskStatus | undefined;
}

export function viewOf(task: Task, status: TaskStatus | undefined): TaskView {
  const { request } = task;
  return {
    task_id: task.id,
    milvus_connect_param: request['milvus_connect_param'],
    kafka_connect_param: request['kafka_connect_param'],
    collection_infos: request['collection_infos'] ?? null,
    db_collections: request['db_collections'] ?? null,
    state: task.desired,
    ...(task.reason === '' ? {} : { reason: task.reason }),
    ...(status === undefined ? {} : { status }),
  };
}
