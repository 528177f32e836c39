import middy, { type MiddlewareObj } from '@middy/core';
import type { Logger } from '#shared/logger.ts';
import type { LogRetention } from '#shared/task/retention.ts';
import type { KafkaSourceConfig } from '#shared/task/source.ts';
import { type ProbeAnswer, type ProbeRequest, probeRequest } from './messages.ts';
import { type SourceFacts, type SourceProbe, SourceProbeError } from './source-probe.ts';
import { type TargetFacts, type TargetProbe, TargetProbeError, TargetRefusedError } from './target-probe.ts';

export interface ProbeDeps {
  readonly target: TargetProbe;
  readonly source: (config: KafkaSourceConfig) => SourceProbe;
  readonly log: Logger;
  readonly middleware?: readonly MiddlewareObj[] | undefined;
}

/** The Lambda that runs the checks of a create where the replicators run. Remembers nothing and needs no rights: all that
 *  it works with comes with the request. Never fails: what a check came to is its answer. */
export function probeHandler(deps: ProbeDeps) {
  return middy<unknown, ProbeAnswer>()
    .use([...(deps.middleware ?? [])])
    .handler((event) => answer(deps, event));
}

async function answer({ log, ...probes }: ProbeDeps, event: unknown): Promise<ProbeAnswer> {
  const parsed = probeRequest.safeParse(event);
  if (!parsed.success) {
    log.error({ members: parsed.error.issues.map(({ path }) => path.join('.')) }, 'request not understood');
    return {
      failed: 'the check is of another release than the API, as while a new one is deployed: try again',
    };
  }
  const request = parsed.data;
  try {
    return { facts: await check(probes, request) };
  } catch (error) {
    if (error instanceof TargetProbeError || error instanceof SourceProbeError) {
      log.info({ check: request.kind, reason: error.message }, 'check failed');
      return { failed: error.message, refused: error instanceof TargetRefusedError };
    }
    log.error({ check: request.kind, err: error }, 'a check ended by a fault');
    return { failed: 'internal error, the log of the probe function has more' };
  }
}

function check(
  { target, source }: Pick<ProbeDeps, 'target' | 'source'>,
  request: ProbeRequest,
): Promise<TargetFacts | SourceFacts | LogRetention> {
  switch (request.kind) {
    case 'target':
      return target.check(request.target, request.credentials, request.budgetMs);
    case 'source':
      return source(request.source).check(request.patterns, request.budgetMs);
    case 'retention':
      return source(request.source).retention(request.channels, request.budgetMs);
  }
}
