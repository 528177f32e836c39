import type { Sign } from '#shared/aws/sigv4.ts';

export interface StackStatusOptions {
  /** Of CloudFormation in the stack's region. */
  readonly endpoint: URL;
  readonly sign: Sign;
}

const ANSWER_MS = 10_000;
const ATTEMPTS = 4;
const FIRST_PAUSE_MS = 500;

/** What CloudFormation is doing to a stack, e.g. `DELETE_IN_PROGRESS`. Tries again for a few seconds; then fails. Asked by
 *  hand: an SDK client for this one question would be most of the bundle. */
export async function stackStatus(
  stackId: string,
  { endpoint, sign }: StackStatusOptions,
  sleep: (ms: number) => Promise<void>,
): Promise<string> {
  const query = { Action: 'DescribeStacks', Version: '2010-05-15', StackName: stackId };
  const request = {
    method: 'POST',
    url: endpoint,
    headers: { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' },
    body: Buffer.from(new URLSearchParams(query).toString()),
  };
  for (let attempt = 1; ; attempt++) {
    try {
      return await ask({ ...request, headers: await sign(request) });
    } catch (cause) {
      if (attempt === ATTEMPTS) {
        throw new Error('CloudFormation does not say whether the stack is being deleted', { cause });
      }
      await sleep(FIRST_PAUSE_MS * 2 ** (attempt - 1) * (0.5 + Math.random()));
    }
  }
}

async function ask({ url, method, headers, body }: Parameters<Sign>[0]): Promise<string> {
  const signal = AbortSignal.timeout(ANSWER_MS);
  const response = await fetch(url, { method, headers: { ...headers }, body: Uint8Array.from(body), signal });
  const text = await response.text();
  // One stack was asked for, so there is one status; XML of a documented form.
  const status = /<StackStatus>([A-Z_]+)<\/StackStatus>/.exec(text)?.[1];
  if (!response.ok || status === undefined) throw new Error(`HTTP ${response.status}: ${text.slice(0, 300)}`);
  return status;
}
