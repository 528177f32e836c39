import type { CloudFormationCustomResourceEvent } from 'aws-lambda';
import type { Outcome } from './custom-resource.ts';

/** The resource never is another one, whatever is changed: else an update would delete the old one, and drain. */
export const PHYSICAL_ID = 'milvus-cdc-drain';

const MAX_REASON = 1_000;
const ANSWER_MS = 10_000;
const ATTEMPTS = 5;
const FIRST_PAUSE_MS = 1_000;

/** Tells CloudFormation how a request ended, at the address that the request brought along. Tries again for half a
 *  minute, then fails; the address lets anybody answer, so it is never logged. */
export async function answerCloudFormation(
  event: CloudFormationCustomResourceEvent,
  { status, reason }: Outcome,
  sleep: (ms: number) => Promise<void>,
): Promise<void> {
  const body = JSON.stringify({
    Status: status,
    Reason: reason.slice(0, MAX_REASON),
    PhysicalResourceId: 'PhysicalResourceId' in event ? event.PhysicalResourceId : PHYSICAL_ID,
    StackId: event.StackId,
    RequestId: event.RequestId,
    LogicalResourceId: event.LogicalResourceId,
  });
  for (let attempt = 1; ; attempt++) {
    try {
      // The address is signed for a request without a content type.
      const headers = { 'content-type': '' };
      const signal = AbortSignal.timeout(ANSWER_MS);
      const response = await fetch(event.ResponseURL, { method: 'PUT', headers, body, signal });
      if (!response.ok) throw new Error(`HTTP ${response.status}`);
      return;
    } catch (cause) {
      if (attempt === ATTEMPTS) throw new Error('CloudFormation could not be answered', { cause });
      await sleep(FIRST_PAUSE_MS * 2 ** (attempt - 1));
    }
  }
}
