import { join } from 'node:path';
import { CreateTableCommand } from '@aws-sdk/client-dynamodb';
import { ECSClient, RegisterTaskDefinitionCommand } from '@aws-sdk/client-ecs';
import type { APIGatewayProxyEventV2, Context } from 'aws-lambda';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { createLogger } from '#shared/log.ts';
import { createDynamoClient } from '#shared/store/dynamodb/client.ts';
import { TABLE_DEFINITION } from '#shared/store/dynamodb/table.ts';
import { kafkaSourceConfig } from '#shared/task/source.ts';
import { probeHandler } from '../../../functions/probe/handler.ts';
import { TargetRefusedError } from '../../../functions/probe/target-probe.ts';
import { type EcsDouble, type EcsTaskEvent, startEcsDouble } from '../../support/aws/ecs-double.ts';
import { type LambdaDouble, startLambdaDouble } from '../../support/aws/lambda-double.ts';
import { buildContainerImage } from '../../support/container-image.ts';
import { type Dynamodb, startDynamodb } from '../../support/dynamodb.ts';
import { freePort } from '../../support/stack/ports.ts';
import { RunFolder } from '../../support/stack/run-folder.ts';
import { waitUntil } from '../../support/stack/wait-until.ts';

/** The Lambdas as they are deployed, from the environment that a stack gives them: with a real table, an ECS that runs the
 *  real container, and a source that cannot be reached. */

const REGION = 'eu-central-1';
const SOURCE = { etcd: { endpoints: ['127.0.0.1:1'] }, kafka: { bootstrap: ['127.0.0.1:1'] } };
const TARGET = { uri: 'http://milvus.example.com:19530' };

const run = new RunFolder();
const events: EcsTaskEvent[] = [];
let dynamodb: Dynamodb;
let ecs: EcsDouble;
let lambda: LambdaDouble;
let cdc: typeof import('../../../infra/lambda/cdc.ts');
let reconcile: typeof import('../../../infra/lambda/reconcile.ts');

beforeAll(async () => {
  const image = await buildContainerImage(join(run.path, 'context'), join(run.path, 'root'));
  dynamodb = await startDynamodb();
  const client = createDynamoClient(dynamodb.clientConfig);
  await client.send(
    new CreateTableCommand({
      TableName: 'table',
      BillingMode: TABLE_DEFINITION.BillingMode,
      KeySchema: [...TABLE_DEFINITION.KeySchema],
      AttributeDefinitions: [...TABLE_DEFINITION.AttributeDefinitions],
    }),
  );
  client.destroy();
  const aws = {
    AWS_REGION: REGION,
    AWS_ACCESS_KEY_ID: '123456789012',
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_ENDPOINT_URL_DYNAMODB: dynamodb.endpoint,
  };
  ecs = await startEcsDouble({
    command: image.command,
    cwd: image.workdir,
    env: { PATH: '/usr/bin:/bin', ...image.env, ...aws, CDC_HEALTH_PORT: String(await freePort()) },
    onEvent: (event) => events.push(event),
  });
  lambda = await startLambdaDouble({ 'stack-probe': (event) => probe(event) });
  for (const [name, value] of Object.entries({
    ...aws,
    AWS_ENDPOINT_URL_ECS: ecs.endpoint,
    AWS_ENDPOINT_URL_LAMBDA: lambda.endpoint,
    AWS_ENDPOINT_URL_SECRETS_MANAGER: 'http://127.0.0.1:1',
    CDC_STACK: 'stack',
    CDC_TABLE: 'table',
    CDC_PROBE_FUNCTION: 'stack-probe',
    CDC_API: JSON.stringify({ allowedTargets: ['*.example.com'] }),
    CDC_FLEET: JSON.stringify({
      cluster: 'cluster',
      baseTaskDefinition: await deployTaskDefinition(),
      subnets: ['subnet-12345678'],
      securityGroups: ['sg-12345678'],
      assignPublicIp: false,
      spot: false,
      logGroup: 'stack/replicators',
    }),
  })) {
    vi.stubEnv(name, value);
  }
  cdc = await import('../../../infra/lambda/cdc.ts');
  reconcile = await import('../../../infra/lambda/reconcile.ts');
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await ecs?.close();
  await lambda?.close();
  await dynamodb?.stop();
  await run.remove();
});

/** What the stack deploys for all replicators. */
async function deployTaskDefinition(): Promise<string> {
  const client = new ECSClient(ecs.clientConfig);
  const { taskDefinition } = await client.send(
    new RegisterTaskDefinitionCommand({
      family: 'stack-replicator',
      requiresCompatibilities: ['FARGATE'],
      networkMode: 'awsvpc',
      cpu: '512',
      memory: '1024',
      executionRoleArn: 'arn:aws:iam::123456789012:role/execution',
      containerDefinitions: [
        {
          name: 'replicator',
          image: 'registry/replicator:1',
          stopTimeout: 60,
          environment: [
            { name: 'CDC_STACK', value: 'stack' },
            { name: 'CDC_TABLE', value: 'table' },
            { name: 'CDC_SOURCE', value: JSON.stringify(SOURCE) },
          ],
        },
      ],
    }),
  );
  client.destroy();
  return taskDefinition?.taskDefinitionArn ?? '';
}

/** The Lambda `probe`, but what it connects to. */
const probe = ((): ((event: unknown) => Promise<unknown>) => {
  const handler = probeHandler({
    target: {
      check: async ({ uri }) => {
        if (uri.includes('inside')) throw new TargetRefusedError('inside.example.com is a loopback address');
        return { version: 'v2.3.5' };
      },
    },
    source: (config) => ({
      check: async () => {
        expect(config).toEqual(kafkaSourceConfig.parse(SOURCE));
        return { version: '2.3.5', collections: [], warnings: [] };
      },
      retention: async () => ({ ms: null, bytes: null }),
    }),
    log: createLogger('silent'),
  });
  return async (event) => handler(event, {} as Context);
})();

function context(): Context {
  const end = performance.now() + 120_000;
  return {
    awsRequestId: 'request',
    getRemainingTimeInMillis: () => end - performance.now(),
  } as Context;
}

interface Answer {
  readonly code: number;
  readonly message?: string;
  readonly data?: Record<string, unknown>;
}

async function call(type: string, data: object): Promise<Answer> {
  const event = {
    version: '2.0',
    requestContext: { http: { method: 'POST' } },
    body: JSON.stringify({ request_type: type, request_data: data }),
    isBase64Encoded: false,
  } as APIGatewayProxyEventV2;
  const { body } = await cdc.handler(event, context());
  return JSON.parse(body) as Answer;
}

async function phaseOf(id: string): Promise<string | undefined> {
  const { data } = await call('get', { task_id: id });
  const task = data?.['task'] as { readonly status?: { readonly phase: string } } | undefined;
  return task?.status?.phase;
}

/** Its replicator runs, and waits for the source. */
async function retries(id: string): Promise<void> {
  await waitUntil(async () => (await phaseOf(id)) === 'retrying', {
    what: 'the replicator retries',
    timeoutMs: 40_000,
  }).catch((cause: unknown) => {
    throw new Error(`it said: ${ecs.logOf(ecs.tasks.at(-1)?.taskArn ?? '')}`, { cause });
  });
}

const create = (data: object) => call('create', { collection_infos: [{ name: '*' }], ...data });

test('a target that the operator did not list, and one that nobody may connect to, are the caller’s mistake', async () => {
  expect(await create({ milvus_connect_param: { uri: 'http://elsewhere.com:19530' } })).toMatchObject({
    code: 400,
    message: expect.stringContaining('the target elsewhere.com:19530 is not allowed here'),
  });
  expect(await create({ milvus_connect_param: { uri: 'http://inside.example.com:19530' } })).toMatchObject({
    code: 400,
    message: expect.stringContaining('inside.example.com is a loopback address'),
  });
});

test('a path of a certificate is refused: the control plane has no files', async () => {
  const dial_config = { ca_pem_path: '/etc/passwd' };
  expect(await create({ milvus_connect_param: { ...TARGET, dial_config } })).toMatchObject({
    code: 400,
    message: expect.stringMatching(/dial_config.ca_pem_path cannot be used: .*ARN of a secret/),
  });
});

test('a task lives: it is created, runs, is started again seconds after a crash, pauses and is deleted', async () => {
  const id = 'the-task';
  expect(await create({ milvus_connect_param: TARGET, task_id: id })).toEqual({
    code: 200,
    data: { task_id: id },
  });
  await retries(id);
  const { data } = await call('get', { task_id: id });
  expect(JSON.stringify(data)).toContain(
    'aws logs tail stack/replicators --log-stream-name-prefix the-task/',
  );

  const crashed = ecs.tasks.at(-1)?.taskArn ?? '';
  ecs.kill(crashed);
  const isEnd = ({ detail }: EcsTaskEvent) =>
    detail['taskArn'] === crashed && detail['lastStatus'] === 'STOPPED';
  await waitUntil(async () => events.some(isEnd), { what: 'the event of the crash', timeoutMs: 20_000 });
  const begun = performance.now();
  await reconcile.handler(events.find(isEnd), context());
  expect(performance.now() - begun).toBeLessThan(20_000);
  expect(ecs.tasks.filter(({ lastStatus }) => lastStatus !== 'STOPPED')).toHaveLength(1);
  expect(ecs.tasks.at(-1)?.taskArn).not.toBe(crashed);
  await retries(id);

  expect(await call('pause', { task_id: id })).toEqual({ code: 200 });
  await waitUntil(async () => ecs.tasks.every(({ lastStatus }) => lastStatus === 'STOPPED'), {
    what: 'the end of the replicator',
    timeoutMs: 20_000,
  });
  expect(await call('delete', { task_id: id })).toEqual({ code: 200 });
  await reconcile.handler({ kind: 'minute' }, context());
  expect(await call('list', {})).toEqual({ code: 200, data: { tasks: [] } });
});

test('each minute tells the numbers of all tasks, each hour how long they can still be continued', async () => {
  const lines: string[] = [];
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    lines.push(String(text));
    return true;
  });
  await reconcile.handler({ kind: 'minute' }, context());
  await reconcile.handler({ kind: 'hourly' }, context()).catch(() => undefined);
  write.mockRestore();
  const metrics = lines
    .flatMap((line) => line.split('\n'))
    .filter((line) => line.includes('CloudWatchMetrics'));
  expect(metrics).toHaveLength(2);
  expect(metrics[0]).toContain('"TasksWanted":0');
  expect(metrics[1]).toContain('"LeastHoursLeft":8760');
  // Nothing of a request, and no credentials, is in what a Lambda says.
  expect(lines.join()).not.toContain('Lambda invocation event');
});
