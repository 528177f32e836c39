import type { Task } from '#shared/task/task.ts';
import type { TaskStatus } from './status.ts';

/** A task as `get` and `list` show it: milvus-cdc's members in its order, zero values and nulls present, `reason` only
 *  when there is one. `status` is ours. */
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

/** What is shown of the request has been masked when it was stored. */
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
