import { randomUUID } from 'node:crypto';
import {
  DeleteTaskDefinitionsCommand,
  DeregisterTaskDefinitionCommand,
  DescribeTaskDefinitionCommand,
  DescribeTasksCommand,
  ECSClient,
  ListTaskDefinitionFamiliesCommand,
  ListTasksCommand,
  paginateListTasks,
  RegisterTaskDefinitionCommand,
  type RegisterTaskDefinitionCommandInput,
  RunTaskCommand,
  type RunTaskCommandInput,
  StopTaskCommand,
} from '@aws-sdk/client-ecs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type EcsDouble, startEcsDouble } from '../../support/aws/ecs-double.ts';
import { until } from '../kits/fleet.ts';

let double: EcsDouble;
let ecs: ECSClient;
beforeAll(async () => {
  double = await startEcsDouble({ env: { PATH: '/usr/bin:/bin', IMAGE: 'brings' }, runHealthChecks: true });
  ecs = new ECSClient({ ...double.clientConfig, maxAttempts: 1 });
});
afterAll(() => double.close());

const CONTAINER = { name: 'c', image: 'i', command: ['/bin/sh', '-c', 'sleep 600'] };

async function register(over: Partial<RegisterTaskDefinitionCommandInput> = {}): Promise<string> {
  const command = new RegisterTaskDefinitionCommand({
    family: randomUUID(),
    requiresCompatibilities: ['FARGATE'],
    networkMode: 'awsvpc',
    cpu: '256',
    memory: '512',
    containerDefinitions: [CONTAINER],
    ...over,
  });
  return (await ecs.send(command)).taskDefinition?.taskDefinitionArn ?? '';
}

async function run(over: Partial<RunTaskCommandInput> = {}) {
  const taskDefinition = over.taskDefinition ?? (await register());
  const networkConfiguration = { awsvpcConfiguration: { subnets: ['subnet-1'] } };
  const place = over.capacityProviderStrategy === undefined ? { launchType: 'FARGATE' as const } : {};
  const command = new RunTaskCommand({ ...place, networkConfiguration, taskDefinition, ...over });
  const { tasks = [] } = await ecs.send(command);
  return tasks.map(({ taskArn = '' }) => taskArn);
}

async function stateOf(arn: string) {
  const { tasks = [] } = await ecs.send(new DescribeTasksCommand({ tasks: [arn] }));
  return tasks[0];
}

describe('the ECS double', () => {
  test("runs the container's command with the environment of image, definition and overrides, and nothing else", async () => {
    const environment = [
      { name: 'A', value: 'definition' },
      { name: 'B', value: 'definition' },
    ];
    const overrides = {
      containerOverrides: [{ name: 'c', environment: [{ name: 'B', value: 'override' }] }],
    };
    const print = { ...CONTAINER, entryPoint: ['/usr/bin/env'], command: [], environment };
    const taskDefinition = await register({ containerDefinitions: [print] });
    const [arn = ''] = await run({ taskDefinition, overrides });
    await until(async () => (await stateOf(arn))?.lastStatus === 'STOPPED');
    expect(double.logOf(arn).trim().split('\n').toSorted()).toEqual([
      'A=definition',
      'B=override',
      'IMAGE=brings',
      'PATH=/usr/bin:/bin',
    ]);
  });

  test('tells the end of a container as Docker does, and ends what will not stop', async () => {
    const stubborn = { ...CONTAINER, command: ['/bin/sh', '-c', 'trap "" TERM; while :; do sleep 1; done'] };
    const taskDefinition = await register({ containerDefinitions: [{ ...stubborn, stopTimeout: 1 }] });
    const [arn = ''] = await run({ taskDefinition });
    await until(async () => (await stateOf(arn))?.lastStatus === 'RUNNING');
    await ecs.send(new StopTaskCommand({ task: arn, reason: 'enough' }));
    expect(await stateOf(arn)).toMatchObject({ lastStatus: 'RUNNING', desiredStatus: 'STOPPED' });
    await until(async () => (await stateOf(arn))?.lastStatus === 'STOPPED');
    expect(await stateOf(arn)).toMatchObject({
      stopCode: 'UserInitiated',
      stoppedReason: 'enough',
      containers: [{ exitCode: 137 }],
    });
  });

  test('runs the health check in the container', async () => {
    const healthCheck = { command: ['CMD-SHELL', 'test "$IMAGE" = brings'], interval: 1 };
    const sick = { command: ['CMD', '/bin/false'], interval: 1, retries: 1 };
    const [well = ''] = await run({
      taskDefinition: await register({ containerDefinitions: [{ ...CONTAINER, healthCheck }] }),
    });
    const [ill = ''] = await run({
      taskDefinition: await register({ containerDefinitions: [{ ...CONTAINER, healthCheck: sick }] }),
    });
    await until(async () => (await stateOf(well))?.healthStatus === 'HEALTHY');
    await until(async () => (await stateOf(ill))?.healthStatus === 'UNHEALTHY');
    for (const arn of [well, ill]) double.kill(arn);
  });

  test('starts once under one client token, and refuses it to another request', async () => {
    const taskDefinition = await register();
    const order = { taskDefinition, clientToken: randomUUID(), startedBy: 'me' };
    const first = await run(order);
    expect(await run(order)).toEqual(first);
    await expect(run({ ...order, startedBy: 'you' })).rejects.toMatchObject({
      name: 'ConflictException',
      resourceIds: first,
    });
    for (const arn of first) double.kill(arn);
  });

  test('takes in a task definition of elsewhere under its own ARN', async () => {
    const taskDefinitionArn = 'arn:aws:ecs:eu-central-1:123456789012:task-definition/elsewhere:7';
    double.adopt({ taskDefinitionArn, family: 'elsewhere', revision: 7, containerDefinitions: [CONTAINER] });
    const { taskDefinition } = await ecs.send(
      new DescribeTaskDefinitionCommand({ taskDefinition: taskDefinitionArn }),
    );
    expect(taskDefinition?.containerDefinitions).toEqual([CONTAINER]);
    expect(await register({ family: 'elsewhere' })).toMatch(/elsewhere:8$/);
  });

  test('lists page by page', async () => {
    const arns = await run({ count: 5, startedBy: 'pages' });
    const found: string[] = [];
    for await (const page of paginateListTasks({ client: ecs, pageSize: 2 }, { startedBy: 'pages' })) {
      found.push(...(page.taskArns ?? []));
    }
    expect(found).toEqual(arns);
    for (const arn of arns) double.kill(arn);
  });

  test('shows a deleted family until nothing runs of it', async () => {
    const family = randomUUID();
    const taskDefinition = await register({ family });
    const [arn = ''] = await run({ taskDefinition });
    const families = async () =>
      (await ecs.send(new ListTaskDefinitionFamiliesCommand({ familyPrefix: family }))).families;
    const remove = () => ecs.send(new DeleteTaskDefinitionsCommand({ taskDefinitions: [taskDefinition] }));
    expect((await remove()).failures).toHaveLength(1);
    await ecs.send(new DeregisterTaskDefinitionCommand({ taskDefinition }));
    expect((await remove()).failures).toEqual([]);
    expect(await families()).toEqual([family]);
    double.kill(arn);
    await until(async () => (await families())?.length === 0);
  });

  const UNKNOWN = `arn:aws:ecs:eu-central-1:123456789012:task/default/${'0'.repeat(32)}`;
  test('answers MISSING for a task that it does not know, and fails to stop it', async () => {
    const { failures } = await ecs.send(new DescribeTasksCommand({ tasks: [UNKNOWN] }));
    expect(failures).toEqual([{ arn: UNKNOWN, reason: 'MISSING' }]);
    await expect(ecs.send(new StopTaskCommand({ task: UNKNOWN }))).rejects.toThrow('was not found');
  });

  test.each<[string, () => Promise<unknown>]>([
    ['eleven tasks', () => run({ count: 11 })],
    ['a long client token', () => run({ clientToken: 'x'.repeat(65) })],
    ['a client token with a blank', () => run({ clientToken: 'a b' })],
    ['a starter with a colon', () => run({ startedBy: 'a:b' })],
    ['no subnet', () => run({ networkConfiguration: { awsvpcConfiguration: { subnets: [] } } })],
    ['an unknown capacity provider', () => run({ capacityProviderStrategy: [{ capacityProvider: 'X' }] })],
    ['a container that is not there', () => run({ overrides: { containerOverrides: [{ name: 'x' }] } })],
    ['a task definition that is not there', () => run({ taskDefinition: 'none' })],
    ['tags of a service', () => run({ propagateTags: 'SERVICE' })],
    ['two filters with startedBy', () => ecs.send(new ListTasksCommand({ startedBy: 'a', family: 'b' }))],
    ['no task to describe', () => ecs.send(new DescribeTasksCommand({ tasks: [] }))],
    ['a task of another cluster', () => ecs.send(new StopTaskCommand({ cluster: 'x', task: UNKNOWN }))],
    ['a family with a slash', () => register({ family: 'a/b' })],
    ['a size without memory', () => register({ memory: undefined })],
    ['bridge networking', () => register({ networkMode: 'bridge' })],
    [
      'two variables of one name',
      () => {
        const twice = [
          { name: 'A', value: '1' },
          { name: 'A', value: '2' },
        ];
        return register({ containerDefinitions: [{ ...CONTAINER, environment: twice }] });
      },
    ],
    [
      'secrets without an execution role',
      () => {
        const secrets = [{ name: 'A', valueFrom: 'arn:aws:secretsmanager:r:1:secret:x' }];
        return register({ containerDefinitions: [{ ...CONTAINER, secrets }] });
      },
    ],
    ['a tag that tags cannot hold', () => register({ tags: [{ key: 'a', value: 'b*c' }] })],
  ])('refuses %s', async (_, ask) => {
    await expect(ask()).rejects.toMatchObject({ $metadata: { httpStatusCode: 400 } });
  });
});
