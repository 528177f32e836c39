import type { CdcDeps } from './deps.ts';
import { clientError } from './errors.ts';
import type { Request } from './requests.ts';
import { hurry, setDesired } from './set-desired.ts';
import { waitUntilStopped } from './wait-until-stopped.ts';

/** `pause`: the state is Paused at once; the answer comes when nothing is written to the target any more, or after
 *  {@link WAITS.stopMs}, when `get` still shows the phase `stopping`. */
export async function pause(deps: CdcDeps, { task_id: id }: Request<'pause'>): Promise<undefined> {
  const task = await setDesired(deps, id, {
    desired: 'Paused',
    reason: 'manually pause through http interface',
    failure: 'fail to update the task state',
    check: (seen) => {
      if (seen.desired === 'Paused') throw clientError(`the task has paused, task_id: ${id}`);
    },
  });
  await hurry(deps, id);
  if (!(await waitUntilStopped(deps, task))) {
    deps.log.warn({ taskId: id }, 'paused, but the replicator has not stopped yet');
  }
}
