import { createServer } from 'node:http';
import type { CloudFormationCustomResourceEvent } from 'aws-lambda';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { createSigner } from '#shared/aws/sigv4.ts';
import { answerCloudFormation } from '../../../../functions/drain/answer-cloudformation.ts';
import { handleCustomResource, type Outcome } from '../../../../functions/drain/custom-resource.ts';
import { stackStatus } from '../../../../functions/drain/stack-status.ts';
import { close, listen } from '../../infra/cli/cdc-world.ts';

const STACK = 'arn:aws:cloudformation:eu-central-1:123456789012:stack/MilvusCdc/1';

function event(RequestType: string, ResponseURL = 'http://none'): CloudFormationCustomResourceEvent {
  return {
    RequestType,
    ResponseURL,
    StackId: STACK,
    RequestId: 'r',
    LogicalResourceId: 'l',
    ResourceType: 'Custom::MilvusCdcDrain',
    ServiceToken: 't',
    ResourceProperties: { ServiceToken: 't' },
    ...(RequestType === 'Create' ? {} : { PhysicalResourceId: 'p' }),
  } as CloudFormationCustomResourceEvent;
}

async function handle(type: string, status: string, drain = async (): Promise<void> => undefined) {
  const outcomes: Outcome[] = [];
  let drained = 0;
  await handleCustomResource(event(type), {
    stackStatus: async (id) => {
      expect(id).toBe(STACK);
      return status;
    },
    drain: () => {
      drained++;
      return drain();
    },
    answer: async (_, outcome) => void outcomes.push(outcome),
    log: pino({ level: 'silent' }),
  });
  expect(outcomes).toHaveLength(1);
  return { ...outcomes[0], drained };
}

test.each(['DELETE_IN_PROGRESS', 'ROLLBACK_IN_PROGRESS'])(
  'a stack that goes (%s) is drained',
  async (status) => {
    expect(await handle('Delete', status)).toEqual({ status: 'SUCCESS', reason: 'drained', drained: 1 });
  },
);

test.each(['UPDATE_COMPLETE_CLEANUP_IN_PROGRESS', 'UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS'])(
  'a stack that stays without the resource (%s) keeps its replicators',
  async (status) => {
    expect(await handle('Delete', status)).toEqual({
      status: 'SUCCESS',
      reason: `the stack stays (${status}), nothing was drained`,
      drained: 0,
    });
  },
);

test.each(['Create', 'Update'])('nothing is done on %s', async (type) => {
  expect(await handle(type, '')).toMatchObject({ status: 'SUCCESS', drained: 0 });
});

test('a drain that fails is answered with its reason', async () => {
  const failure = () => Promise.reject(new Error('3 replicators have not stopped in time'));
  expect(await handle('Delete', 'DELETE_IN_PROGRESS', failure)).toMatchObject({
    status: 'FAILED',
    reason: '3 replicators have not stopped in time',
  });
});

interface Request {
  readonly method: string | undefined;
  readonly type: string | undefined;
  readonly body: string;
}

/** Answers with one status after the other, the last again and again. */
async function serve(answer: string, ...statuses: number[]) {
  const requests: Request[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => {
      body += chunk.toString();
    });
    request.on('end', () => {
      requests.push({ method: request.method, type: request.headers['content-type'], body });
      response.writeHead(statuses[requests.length - 1] ?? statuses.at(-1) ?? 200).end(answer);
    });
  });
  const url = await listen(server);
  return { url, requests, [Symbol.asyncDispose]: () => close(server) };
}

test('CloudFormation is answered at the address that it gave, without a content type, until it has taken it', async () => {
  await using server = await serve('', 500, 200);
  const slept: number[] = [];
  const outcome = { status: 'FAILED', reason: 'x'.repeat(5_000) } as const;
  await answerCloudFormation(
    event('Delete', `${server.url}/?signature=s`),
    outcome,
    async (ms) => void slept.push(ms),
  );
  expect(server.requests.map(({ method, type }) => [method, type])).toEqual([
    ['PUT', ''],
    ['PUT', ''],
  ]);
  expect(JSON.parse(server.requests[1]?.body ?? '')).toEqual({
    Status: 'FAILED',
    Reason: 'x'.repeat(1_000),
    PhysicalResourceId: 'p',
    StackId: STACK,
    RequestId: 'r',
    LogicalResourceId: 'l',
  });
  expect(slept).toEqual([1_000]);
});

test('the resource never is another one: an update must not delete it', async () => {
  await using server = await serve('', 200);
  const answer = (type: string) =>
    answerCloudFormation(event(type, server.url), { status: 'SUCCESS', reason: '' }, async () => undefined);
  await answer('Create');
  await answer('Update');
  const ids = server.requests.map(
    ({ body }) => (JSON.parse(body) as Record<string, unknown>)['PhysicalResourceId'],
  );
  expect(ids).toEqual(['milvus-cdc-drain', 'p']);
});

test('an answer that nobody takes fails in the end, and the address is not in the message', async () => {
  await using server = await serve('', 403);
  const outcome = { status: 'SUCCESS', reason: '' } as const;
  const failure = answerCloudFormation(event('Delete', server.url), outcome, async () => undefined);
  await expect(failure).rejects.toThrow(/^CloudFormation could not be answered$/);
  expect(server.requests).toHaveLength(5);
});

const sign = createSigner({
  service: 'cloudformation',
  region: 'eu-central-1',
  credentials: async () => ({ accessKeyId: 'a', secretAccessKey: 's' }),
});

test('what a stack is going through is read from CloudFormation, which may be away for a moment', async () => {
  const xml =
    '<DescribeStacksResponse><StackStatus>DELETE_IN_PROGRESS</StackStatus></DescribeStacksResponse>';
  await using server = await serve(xml, 503, 200);
  const options = { endpoint: new URL(server.url), sign };
  expect(await stackStatus(STACK, options, async () => undefined)).toBe('DELETE_IN_PROGRESS');
  const parameters = new URLSearchParams(server.requests[1]?.body);
  expect(Object.fromEntries(parameters)).toEqual({
    Action: 'DescribeStacks',
    Version: '2010-05-15',
    StackName: STACK,
  });
});

test('a status that nobody tells fails: a drain must not be a guess', async () => {
  await using server = await serve('<ErrorResponse/>', 403);
  const options = { endpoint: new URL(server.url), sign };
  await expect(stackStatus(STACK, options, async () => undefined)).rejects.toThrow(
    'CloudFormation does not say whether the stack is being deleted',
  );
  expect(server.requests).toHaveLength(4);
});
