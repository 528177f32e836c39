import { TargetProbeError } from '../probe/target-probe.ts';
import { Creation } from './creation.ts';
import { type CdcDeps, WAITS } from './deps.ts';
import { sentenceOf, serverError } from './errors.ts';
import type { CreateRequest } from './requests.ts';
import { hurry } from './set-desired.ts';
import { type PreparedTarget, prepareTarget } from './target.ts';
import { findTask } from './task-id.ts';
import { validateCreate } from './validate-create.ts';

/** `create`: checks the request, the connection and the scope, stores the task as Running and has it started. A
 *  `task_id` that exists is answered with itself, whatever else the request says, once the request is valid and its
 *  target reachable. */
export async function create(deps: CdcDeps, request: CreateRequest): Promise<object> {
  validateCreate(request, deps.settings);
  const target = await prepareTarget(request.milvus_connect_param, deps.readPem);
  await checkConnection(deps, target);
  const known = await findTask(deps, request.task_id);
  if (known !== undefined) return { task_id: known.id };
  const task = await new Creation(deps, request, target).run();
  await hurry(deps, task.id);
  return { task_id: task.id };
}

async function checkConnection({ probe, log }: CdcDeps, target: PreparedTarget): Promise<void> {
  const budget = Math.min(target.connection.connectTimeoutMs, WAITS.probeMs);
  try {
    const { version } = await probe.check(target.connection, target.secret, budget);
    log.info({ version }, 'target reached');
  } catch (error) {
    if (!(error instanceof TargetProbeError)) log.error({ err: error }, 'the connection check failed');
    throw serverError(`fail to connect the milvus: ${sentenceOf(error)}`, error);
  }
}
