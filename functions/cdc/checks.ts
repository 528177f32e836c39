import type { SourceFacts } from '../probe/source-probe.ts';
import { SourceProbeError } from '../probe/source-probe.ts';
import type { TargetFacts } from '../probe/target-probe.ts';
import { TargetProbeError, TargetRefusedError } from '../probe/target-probe.ts';
import { type CdcDeps, WAITS } from './deps.ts';
import { clientError, sentenceOf, serverError } from './errors.ts';
import type { CreateRequest } from './requests.ts';
import { patternsOf } from './scope-of.ts';
import type { PreparedTarget } from './target.ts';

/** What both ends said. */
export interface Checks {
  readonly target: TargetFacts;
  /** Asked for apart: a task that exists already is answered whatever its source does. */
  readonly source: () => SourceFacts;
}

/** Checks target and source at the same time and within {@link WAITS.probeMs}, and answers when both are done. Fails
 *  when the target cannot be used, and `source` when the source cannot; with an `ApiError`, of code 400 for a target that
 *  nobody may connect to from here, else 500. */
export async function check(deps: CdcDeps, request: CreateRequest, target: PreparedTarget): Promise<Checks> {
  const budget = Math.min(target.connection.connectTimeoutMs, WAITS.probeMs);
  const [reached, followed] = await Promise.allSettled([
    deps.probe.check(target.connection, target.secret, budget),
    deps.sourceProbe.check(patternsOf(request), WAITS.probeMs),
  ]);
  if (reached.status === 'rejected') {
    const { reason } = reached;
    if (reason instanceof TargetRefusedError) {
      throw clientError(`fail to connect the milvus: ${reason.message}`);
    }
    throw failed(deps, 'fail to connect the milvus', reason, TargetProbeError);
  }
  deps.log.info({ version: reached.value.version }, 'target reached');
  return {
    target: reached.value,
    source: () => {
      if (followed.status === 'fulfilled') return followed.value;
      throw failed(deps, 'fail to connect the source', followed.reason, SourceProbeError);
    },
  };
}

function failed(
  { log }: CdcDeps,
  what: string,
  error: unknown,
  expected: typeof SourceProbeError | typeof TargetProbeError,
): Error {
  if (!(error instanceof expected)) log.error({ err: error }, 'the check of a create failed');
  return serverError(`${what}: ${sentenceOf(error)}`, error);
}
