import type { Task } from '#shared/task/task.ts';
import type { CdcDeps } from './deps.ts';
import { clientError } from './errors.ts';

/** What every store can take as part of a key. */
const MAX_BYTES = 256;

/** Refuses an id that a caller chose and that no store could keep. milvus-cdc has no such rule. */
export function checkTaskId(id: string): void {
  if (/\p{Cc}/u.test(id)) throw clientError('the task id contains a control character');
  if (isTooLong(id)) throw clientError(`the task id length exceeds ${MAX_BYTES} characters`);
}

/** The task of that id, if there is one; a store is not asked for ids that none can have. */
export async function findTask({ tasks }: Pick<CdcDeps, 'tasks'>, id: string): Promise<Task | undefined> {
  return id === '' || isTooLong(id) ? undefined : tasks.getTask(id);
}

function isTooLong(id: string): boolean {
  return Buffer.byteLength(id) > MAX_BYTES;
}
