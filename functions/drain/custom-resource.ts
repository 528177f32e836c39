import type { CloudFormationCustomResourceEvent } from 'aws-lambda';
import type { Logger } from '#shared/log.ts';

export interface CustomResourceDeps {
  /** What the stack is going through, e.g. `DELETE_IN_PROGRESS`. */
  readonly stackStatus: (stackId: string) => Promise<string>;
  /** Empties the stack, bounded. Fails with a sentence. */
  readonly drain: () => Promise<void>;
  readonly answer: (event: CloudFormationCustomResourceEvent, outcome: Outcome) => Promise<void>;
  readonly log: Logger;
}

export interface Outcome {
  readonly status: 'SUCCESS' | 'FAILED';
  readonly reason: string;
}

/** The resource is deleted also when an update takes it out of the stack, or when such an update is undone. */
const STACK_GOES: ReadonlySet<string> = new Set(['DELETE_IN_PROGRESS', 'ROLLBACK_IN_PROGRESS']);

/** The drain as a resource of the stack: when the stack is deleted it is emptied first. Nothing is done when the resource
 *  is created or changed, **and nothing when it goes while the stack stays**: its replicators run on.
 *  CloudFormation is always answered: a stack whose resource says nothing hangs for an hour. */
export async function handleCustomResource(
  event: CloudFormationCustomResourceEvent,
  { stackStatus, drain, answer, log }: CustomResourceDeps,
): Promise<void> {
  let outcome: Outcome;
  try {
    outcome = { status: 'SUCCESS', reason: await handled() };
  } catch (error) {
    log.error({ err: error, request: event.RequestType }, 'the drain failed');
    outcome = { status: 'FAILED', reason: error instanceof Error ? error.message : String(error) };
  }
  await answer(event, outcome);

  async function handled(): Promise<string> {
    if (event.RequestType !== 'Delete') return 'nothing to do before the stack is deleted';
    const status = await stackStatus(event.StackId);
    log.info({ status }, 'asked to drain');
    if (!STACK_GOES.has(status)) return `the stack stays (${status}), nothing was drained`;
    await drain();
    return 'drained';
  }
}
