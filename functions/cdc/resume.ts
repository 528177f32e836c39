import type { CdcDeps } from './deps.ts';
import { clientError } from './errors.ts';
import type { Request } from './requests.ts';
import { hurry, setDesired } from './set-desired.ts';

/** `resume`: the state is Running at once; the replicator is on its way. */
export async function resume(deps: CdcDeps, { task_id: id }: Request<'resume'>): Promise<undefined> {
  await setDesired(deps, id, {
    desired: 'Running',
    reason: '',
    failure: 'fail to start the task',
    check: (seen) => {
      if (seen.desired === 'Running') throw clientError(`the task has running, task_id: ${id}`);
    },
  });
  await hurry(deps, id);
}
