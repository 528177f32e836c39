import type { CdcDeps } from './deps.ts';
import { clientError } from './errors.ts';
import { loadStatus } from './load-status.ts';
import type { Request } from './requests.ts';
import { findTask } from './task-id.ts';
import { viewOf } from './view.ts';

/** `get`: one task with everything that is known about it. */
export async function get(deps: CdcDeps, { task_id: id }: Request<'get'>): Promise<object> {
  if (id === '') throw clientError('task_id is empty');
  const task = await findTask(deps, id);
  if (task === undefined) throw clientError(`not found: [${id}]`);
  const view = viewOf(task, await loadStatus(deps, task, { collections: true }));
  return { task: sortedKeys(view) };
}

/** milvus-cdc's `get` sends members sorted (its answer goes through a map), its `list` does not. */
function sortedKeys(view: object): object {
  const entries: [string, unknown][] = Object.entries(view);
  return Object.fromEntries(
    entries
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, value]) => {
        const nested = key === 'milvus_connect_param' || key === 'kafka_connect_param';
        return [key, nested ? sortedKeys(Object(value)) : value];
      }),
  );
}
