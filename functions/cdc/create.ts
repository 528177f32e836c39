import { checkAllowed } from './allowed-target.ts';
import { check } from './checks.ts';
import { Creation } from './creation.ts';
import type { CdcDeps } from './deps.ts';
import { dryRunOf } from './dry-run.ts';
import type { CreateRequest } from './requests.ts';
import { hurry } from './set-desired.ts';
import { prepareTarget } from './target.ts';
import { findTask } from './task-id.ts';
import { validateCreate } from './validate-create.ts';

/** `create`: checks the request, both ends and the scope, stores the task as Running and has it started. A `task_id`
 *  that exists is answered with itself, whatever else the request says, once the request is valid and its target
 *  reachable. With `dry_run` everything is checked and nothing is stored. */
export async function create(deps: CdcDeps, request: CreateRequest): Promise<object> {
  validateCreate(request, deps.settings);
  const target = await prepareTarget(request.milvus_connect_param, deps);
  checkAllowed(target.connection.uri, deps.settings.allowedTargets);
  const checks = await check(deps, request, target);
  const creation = new Creation(deps, request, target);
  if (request.dry_run) {
    const source = checks.source();
    return dryRunOf(await creation.preview(), { source, target: checks.target });
  }
  const known = await findTask(deps, request.task_id);
  if (known !== undefined) return { task_id: known.id };
  const { warnings } = checks.source();
  if (warnings.length > 0) deps.log.warn({ warnings }, 'the source of a new task has warnings');
  const task = await creation.run();
  await hurry(deps, task.id);
  return { task_id: task.id };
}
