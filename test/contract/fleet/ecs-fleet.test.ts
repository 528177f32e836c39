import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import {
  DescribeTaskDefinitionCommand,
  ECSClient,
  RegisterTaskDefinitionCommand,
  type RegisterTaskDefinitionCommandInput,
} from '@aws-sdk/client-ecs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createEcsClients } from '#shared/fleet/ecs/ecs-client.ts';
import { EcsFleet, type EcsFleetOptions } from '#shared/fleet/ecs/ecs-fleet.ts';
import { EcsInventory } from '#shared/fleet/ecs/ecs-inventory.ts';
import { clientTokenOf } from '#shared/fleet/ecs/ecs-names.ts';
import { NotPlacedError, type StartOrder } from '#shared/fleet/fleet.ts';
import { TAGS } from '#shared/names.ts';
import {
  type EcsDouble,
  type EcsTaskEvent,
  startEcsDouble,
  type Trouble,
} from '../../support/aws/ecs-double.ts';
import { describeFleet, until, untilState } from '../kits/fleet.ts';

const CHILD = join(import.meta.dirname, 'child.ts');
const SECRET = 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:stack/target-a1B2c3';
const USERS = 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:mine-a1B2c3:login::';

let double: EcsDouble;
let ecs: ECSClient;
const events: EcsTaskEvent[] = [];
beforeAll(async () => {
  double = await startEcsDouble({
    command: [process.execPath, CHILD],
    secrets: async (arn) => {
      if (arn.includes('unreadable')) throw new Error('AccessDeniedException');
      return `value of ${arn}`;
    },
    onEvent: (event) => events.push(event),
  });
  ecs = new ECSClient(double.clientConfig);
});
afterAll(() => double.close());

const BASE: Omit<RegisterTaskDefinitionCommandInput, 'family'> = {
  requiresCompatibilities: ['FARGATE'],
  networkMode: 'awsvpc',
  cpu: '256',
  memory: '512',
  executionRoleArn: 'arn:aws:iam::123456789012:role/execution',
  taskRoleArn: 'arn:aws:iam::123456789012:role/task',
  runtimePlatform: { cpuArchitecture: 'ARM64', operatingSystemFamily: 'LINUX' },
  volumes: [{ name: 'tmp' }],
  containerDefinitions: [
    {
      name: 'replicator',
      image: 'registry/replicator:1',
      stopTimeout: 1,
      readonlyRootFilesystem: true,
      environment: [{ name: 'CDC_TABLE', value: 'table' }],
      secrets: [{ name: 'CDC_SOURCE_KAFKA_LOGIN', valueFrom: `${SECRET}:kafka::` }],
      logConfiguration: {
        logDriver: 'awslogs',
        options: { 'awslogs-group': 'group', 'awslogs-stream-prefix': 'base' },
      },
    },
  ],
  tags: [
    { key: 'team', value: 'search' },
    { key: TAGS.stack, value: 'as the stack says it' },
  ],
};

/** The stack's task definition, of a release of its own. */
async function release(stack: string): Promise<string> {
  const command = new RegisterTaskDefinitionCommand({ ...BASE, family: `${stack}-replicator` });
  return (await ecs.send(command)).taskDefinition?.taskDefinitionArn ?? '';
}

async function makeFleet(over: Partial<EcsFleetOptions> = {}) {
  const stack = over.stack ?? `stack-${randomUUID().slice(0, 8)}`;
  const options: EcsFleetOptions = {
    clients: createEcsClients(double.clientConfig),
    stack,
    cluster: `${stack}-cluster`,
    baseTaskDefinition: await release(stack),
    subnets: ['subnet-1', 'subnet-2'],
    securityGroups: ['sg-1'],
    assignPublicIp: false,
    spot: false,
    ...over,
  };
  return { fleet: new EcsFleet(options), inventory: new EcsInventory(options), options };
}

const order = (behaviour = 'runs', over: Partial<StartOrder> = {}): StartOrder => ({
  taskId: `${behaviour}-${randomUUID()}`,
  incarnation: randomUUID().replaceAll('-', ''),
  generation: 1,
  ...over,
});

/** Waits until the child has its signal handlers: what a signal does before that says nothing. */
async function untilReady(handle: string): Promise<void> {
  await until(() => double.logOf(handle).includes('ready\n'));
}

function lastRequest(operation: string): Readonly<Record<string, unknown>> {
  const found = double.requests.findLast((request) => request.operation === operation);
  if (found === undefined) throw new Error(`no ${operation} was asked for`);
  return found.input;
}

describeFleet('EcsFleet', async () => {
  const { fleet } = await makeFleet();
  // The kit's tests signal at once; so a start is only over when the child is ready for signals.
  const start = fleet.start.bind(fleet);
  fleet.start = async (given) => {
    const handle = await start(given);
    const runs = !given.taskId.startsWith('exits') && (await fleet.describe(handle)).kind === 'running';
    if (runs) await untilReady(handle);
    return handle;
  };
  return {
    fleet,
    taskId: (behaviour) => `${behaviour}-${randomUUID()}`,
    foreignHandle: `arn:aws:ecs:eu-central-1:123456789012:task/another/${'0'.repeat(32)}`,
    killDrains: true,
    fillUp: async () => double.troubleNext('RunTask', { kind: 'failure', reason: 'RESOURCE:CPU' }),
    close: async () => {},
  };
});

describe('the task definition of a task', () => {
  test("is the stack's with the task's secrets, log prefix and tags", async () => {
    const { fleet, options } = await makeFleet();
    const given = order('runs', {
      taskId: 'runs/with: odd*characters',
      secretRef: SECRET,
      userSecrets: { token: USERS, password: USERS, clientKeyPem: USERS },
    });
    await fleet.stop(await fleet.start(given), 'kill');
    const { family } = lastRequest('RegisterTaskDefinition');
    expect(family).toMatch(new RegExp(`^${options.stack}-${given.incarnation}-[0-9a-f]{8}$`));
    const { taskDefinition, tags } = await ecs.send(
      new DescribeTaskDefinitionCommand({ taskDefinition: String(family), include: ['TAGS'] }),
    );
    const { containerDefinitions: _, tags: __, ...rest } = BASE;
    expect(taskDefinition).toMatchObject(rest);
    const [base] = BASE.containerDefinitions ?? [];
    expect(taskDefinition?.containerDefinitions).toEqual([
      {
        ...base,
        secrets: [
          { name: 'CDC_SOURCE_KAFKA_LOGIN', valueFrom: `${SECRET}:kafka::` },
          { name: 'CDC_TARGET_SECRET', valueFrom: SECRET },
          { name: 'CDC_TARGET_TOKEN', valueFrom: USERS },
          { name: 'CDC_TARGET_PASSWORD', valueFrom: USERS },
          { name: 'CDC_TARGET_KEY', valueFrom: USERS },
        ],
        logConfiguration: {
          logDriver: 'awslogs',
          options: {
            'awslogs-group': 'group',
            'awslogs-stream-prefix': expect.stringMatching(/^runs_with__odd_characters-[0-9a-f]{8}$/),
          },
        },
      },
    ]);
    expect(tags).toEqual([
      { key: 'team', value: 'search' },
      { key: TAGS.stack, value: options.stack },
      { key: TAGS.task, value: 'runs/with: odd_characters' },
      { key: TAGS.incarnation, value: given.incarnation },
      { key: TAGS.release, value: options.baseTaskDefinition },
    ]);
  });

  test('gives its container the environment, and each secret its value', async () => {
    const { fleet } = await makeFleet();
    const given = order('runs', { secretRef: SECRET });
    const handle = await fleet.start(given);
    await untilReady(handle);
    expect(double.logOf(handle)).toContain(`ids ${given.taskId} ${given.incarnation} 1\n`);
    expect(double.logOf(handle)).toContain(`"CDC_TARGET_SECRET":"value of ${SECRET}"`);
    await fleet.stop(handle, 'kill');
  });

  test('is registered once, however many starts at once and one after another', async () => {
    const { fleet } = await makeFleet();
    const registered = () => double.requests.filter((r) => r.operation === 'RegisterTaskDefinition').length;
    const before = registered();
    const first = order();
    const handles = await Promise.all([
      fleet.start(first),
      fleet.start({ ...first, generation: 2 }),
      fleet.start({ ...first, generation: 3 }),
    ]);
    handles.push(await fleet.start({ ...first, generation: 4 }));
    expect(registered()).toBe(before + 1);
    for (const handle of handles) await fleet.stop(handle, 'kill');
  });

  test('is another one under another release', async () => {
    const { fleet, options } = await makeFleet();
    const next = await makeFleet({ ...options, baseTaskDefinition: await release(options.stack) });
    const first = order();
    const one = await fleet.start(first);
    const two = await next.fleet.start({ ...first, generation: 2 });
    const families = double.tasks
      .filter(({ taskArn }) => taskArn === one || taskArn === two)
      .map((task) => task.taskDefinitionArn);
    expect(new Set(families).size).toBe(2);
    for (const handle of [one, two]) await fleet.stop(handle, 'kill');
  });
});

describe('a start', () => {
  test('tells ECS ids and nothing else of the task', async () => {
    const { fleet, options } = await makeFleet();
    const given = order('runs', { secretRef: SECRET, userSecrets: { token: USERS } });
    await fleet.stop(await fleet.start(given), 'kill');
    expect(lastRequest('RunTask')).toEqual({
      cluster: options.cluster,
      taskDefinition: expect.stringContaining(`${options.stack}-${given.incarnation}-`),
      count: 1,
      clientToken: clientTokenOf(given.incarnation, 1),
      startedBy: given.incarnation,
      launchType: 'FARGATE',
      networkConfiguration: {
        awsvpcConfiguration: {
          subnets: ['subnet-1', 'subnet-2'],
          securityGroups: ['sg-1'],
          assignPublicIp: 'DISABLED',
        },
      },
      overrides: {
        containerOverrides: [
          {
            name: 'replicator',
            environment: [
              { name: 'CDC_TASK_ID', value: given.taskId },
              { name: 'CDC_INCARNATION', value: given.incarnation },
              { name: 'CDC_GENERATION', value: '1' },
            ],
          },
        ],
      },
      enableECSManagedTags: true,
      propagateTags: 'TASK_DEFINITION',
    });
  });

  test('goes to Spot, with a public address, where the stack says so', async () => {
    const { fleet } = await makeFleet({ spot: true, assignPublicIp: true });
    await fleet.stop(await fleet.start(order()), 'kill');
    expect(lastRequest('RunTask')).toMatchObject({
      capacityProviderStrategy: [{ capacityProvider: 'FARGATE_SPOT', weight: 1 }],
      networkConfiguration: { awsvpcConfiguration: { assignPublicIp: 'ENABLED' } },
    });
    expect(lastRequest('RunTask')).not.toHaveProperty('launchType');
  });

  test('whose answer was lost is found by the same order, and nothing runs twice', async () => {
    const { fleet } = await makeFleet();
    const given = order();
    double.troubleNext('RunTask', { kind: 'lost answer' });
    const failure = await fleet.start(given).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(Error);
    expect(failure).not.toBeInstanceOf(NotPlacedError);
    const handle = await fleet.start(given);
    const mine = double.tasks.filter(({ startedBy }) => startedBy === given.incarnation);
    expect(mine.map(({ taskArn }) => taskArn)).toEqual([handle]);
    await fleet.stop(handle, 'kill');
  });

  test('that ECS does not answer in time may have happened, and is found', async () => {
    const { fleet } = await makeFleet();
    const given = order();
    double.troubleNext('RunTask', { kind: 'delay', ms: 10_000 });
    await expect(fleet.start(given)).rejects.toMatchObject({ name: 'TimeoutError' });
    const handle = await fleet.start(given);
    expect(double.tasks.filter(({ startedBy }) => startedBy === given.incarnation)).toHaveLength(1);
    await fleet.stop(handle, 'kill');
  });

  test('that comes twice at once under two releases starts one', async () => {
    const { fleet, options } = await makeFleet();
    const next = await makeFleet({ ...options, baseTaskDefinition: await release(options.stack) });
    const given = order();
    const [one, two] = await Promise.all([fleet.start(given), next.fleet.start(given)]);
    expect(two).toBe(one);
    await fleet.stop(one, 'kill');
  });

  const REFUSALS: readonly (readonly [string, Trouble, RegExp])[] = [
    [
      'no room',
      { kind: 'failure', reason: 'RESOURCE:MEMORY' },
      /^Fargate has no room now; .*\(RESOURCE:MEMORY\)$/,
    ],
    [
      'no Spot',
      { kind: 'failure', reason: 'Capacity is unavailable at this time. Please try again later' },
      /on demand instead of Spot/,
    ],
    [
      'quota',
      { kind: 'failure', reason: "You've reached the limit on the number of vCPUs you can run concurrently" },
      /ask for a higher quota: Service Quotas/,
    ],
    [
      'quota as an error',
      { kind: 'error', type: 'ClientException', message: 'Tasks provisioning capacity limit exceeded.' },
      /ask for a higher quota/,
    ],
    ['missing', { kind: 'failure', reason: 'MISSING' }, /correct them in the settings of the stack/],
    [
      'throttled',
      { kind: 'error', type: 'ThrottlingException', message: 'Rate exceeded' },
      /throttles the calls/,
    ],
    [
      'not allowed',
      {
        kind: 'error',
        type: 'AccessDeniedException',
        message:
          'User: arn:aws:sts::1:assumed-role/cdc/x is not authorized to perform: ecs:RunTask on resource: arn:aws:ecs:r:1:task-definition/s-1:1',
      },
      /role lacks a permission: ecs:RunTask/,
    ],
    [
      'throttled in other words',
      { kind: 'error', type: 'ThrottlingException', message: 'Rate limit exceeded' },
      /throttles the calls/,
    ],
    [
      'may not pass roles',
      {
        kind: 'error',
        type: 'ClientException',
        message: 'ECS was unable to assume the role arn:aws:iam::1:role/x',
      },
      /iam:PassRole/,
    ],
    [
      'no cluster',
      { kind: 'error', type: 'ClusterNotFoundException', message: 'Cluster not found.' },
      /deploy the/,
    ],
    [
      'wrong settings',
      {
        kind: 'error',
        type: 'InvalidParameterException',
        message: "The subnet ID 'subnet-1' does not exist",
      },
      /^ECS refuses the settings of the replicator; .*subnet-1/,
    ],
  ];
  test.each(REFUSALS)(
    'that ECS refuses is not placed, and the sentence says what to do: %s',
    async (_, trouble, said) => {
      const { fleet } = await makeFleet();
      const given = order();
      double.troubleNext('RunTask', trouble);
      const failure = await fleet.start(given).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(NotPlacedError);
      expect((failure as Error).message).toMatch(said);
      expect(double.tasks.some(({ startedBy }) => startedBy === given.incarnation)).toBe(false);
      await fleet.stop(await fleet.start(given), 'kill');
    },
  );

  test.each([500, 503])('that ends with HTTP status %i may have happened', async (status) => {
    const { fleet } = await makeFleet();
    double.troubleNext('RunTask', { kind: 'error', type: 'ServerException', message: 'oh', status });
    const failure = await fleet.start(order()).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(Error);
    expect(failure).not.toBeInstanceOf(NotPlacedError);
  });

  test.each(['ListTasks', 'DescribeTaskDefinition', 'RegisterTaskDefinition'])(
    'that fails at %s has started nothing',
    async (operation) => {
      const { fleet } = await makeFleet();
      const given = order();
      const trouble = { kind: 'error', type: 'AccessDeniedException', message: 'no' } as const;
      double.troubleNext(operation, trouble);
      await expect(fleet.start(given)).rejects.toThrow(NotPlacedError);
      await fleet.stop(await fleet.start(given), 'kill');
    },
  );

  test("is refused with a sentence when the stack's task definition is gone", async () => {
    const { fleet } = await makeFleet({ baseTaskDefinition: 'stack-replicator:7' });
    await expect(fleet.start(order())).rejects.toThrow(/the task definition of this release is gone; deploy/);
  });
});

describe('the state of a replicator', () => {
  test('is running and unhealthy when its health check fails, and is not while ECS stops it', async () => {
    const { fleet } = await makeFleet();
    const handle = await fleet.start(order());
    await untilReady(handle);
    double.setHealth(handle, 'UNHEALTHY');
    expect(await fleet.describe(handle)).toEqual({ kind: 'running', healthy: false });
    double.setHealth(handle, 'HEALTHY');
    expect(await fleet.describe(handle)).toEqual({ kind: 'running', healthy: true });
    await fleet.stop(handle, 'kill');
    await untilState(fleet, handle, (s) => s.kind === 'stopped');
  });

  test('is without a code, and says why, when its secrets could not be read', async () => {
    const { fleet } = await makeFleet();
    const handle = await fleet.start(order('runs', { secretRef: `${SECRET}-unreadable` }));
    expect(await untilState(fleet, handle, (s) => s.kind === 'stopped')).toEqual({
      kind: 'stopped',
      exitCode: null,
      message: expect.stringMatching(/^its secrets could not be read \(ResourceInitializationError: /),
    });
  });

  test('tells who stopped it', async () => {
    const { fleet } = await makeFleet();
    const handle = await fleet.start(order());
    await untilReady(handle);
    await fleet.stop(handle);
    expect(await untilState(fleet, handle, (s) => s.kind === 'stopped')).toEqual({
      kind: 'stopped',
      exitCode: 0,
      message: 'it was stopped (the control plane asks it to drain and stop)',
    });
  });

  test('is missing in another cluster', async () => {
    const { fleet } = await makeFleet();
    const handle = await fleet.start(order());
    const { fleet: other } = await makeFleet();
    expect(await other.describe(handle)).toEqual({ kind: 'missing' });
    await other.stop(handle, 'kill');
    expect(await fleet.describe(handle)).toMatchObject({ kind: 'running' });
    await fleet.stop(handle, 'kill');
  });

  test('is not known while ECS is away', async () => {
    const { fleet } = await makeFleet();
    const handle = await fleet.start(order('exits-0'));
    for (let attempt = 0; attempt < 3; attempt += 1) {
      double.troubleNext('DescribeTasks', {
        kind: 'error',
        type: 'ServerException',
        message: 'oh',
        status: 500,
      });
    }
    await expect(fleet.describe(handle)).rejects.toThrow('oh');
  });

  test('is told as an event that names the task', async () => {
    const { fleet } = await makeFleet();
    const given = order('exits-75');
    const handle = await fleet.start(given);
    await untilState(fleet, handle, (s) => s.kind === 'stopped');
    const told = events.filter(({ resources }) => resources.includes(handle)).map(({ detail }) => detail);
    expect(told.map((detail) => detail['lastStatus'])).toEqual([
      'PROVISIONING',
      'PENDING',
      'RUNNING',
      'STOPPED',
    ]);
    expect(told.at(-1)).toMatchObject({
      containers: [{ exitCode: 75 }],
      overrides: {
        containerOverrides: [
          { environment: expect.arrayContaining([{ name: 'CDC_TASK_ID', value: given.taskId }]) },
        ],
      },
    });
  });
});

describe('what a fleet keeps', () => {
  test('of a life that is retired is removed under all releases, and of nobody else', async () => {
    const { fleet, inventory, options } = await makeFleet();
    const old = await makeFleet({ ...options, baseTaskDefinition: await release(options.stack) });
    const [gone, kept] = [order('exits-0'), order('exits-0')];
    await old.fleet.start(gone);
    await fleet.start({ ...gone, generation: 2 });
    await fleet.start(kept);
    await fleet.retire(gone.incarnation);
    // ECS shows them as long as the replicators run.
    await until(async () => (await inventory.listKept(10)).length === 1);
    expect((await inventory.listKept(10)).map(({ incarnation }) => incarnation)).toEqual([kept.incarnation]);
  });

  test('is listed with its life and whether it is of this release', async () => {
    const { fleet, inventory, options } = await makeFleet();
    const given = order('exits-0');
    await fleet.start(given);
    const next = await makeFleet({ ...options, baseTaskDefinition: await release(options.stack) });
    await next.fleet.start({ ...given, generation: 2 });
    const kept = await next.inventory.listKept(10);
    expect(kept.map((k) => k.incarnation)).toEqual([given.incarnation, given.incarnation]);
    expect(kept.map((k) => k.current).toSorted()).toEqual([false, true]);
    const old = kept.filter(({ current }) => !current);
    for (const one of old) {
      expect(await inventory.remove(one)).toBe(true);
      expect(await inventory.remove(one)).toBe(false);
    }
    await until(async () => (await inventory.listKept(10)).length === 1);
    expect(await next.inventory.listKept(10)).toEqual(kept.filter(({ current }) => current));
    expect(await next.inventory.listKept(0)).toEqual([]);
  });

  test('is not that of a stack whose name begins with the name of this one', async () => {
    const { inventory, options } = await makeFleet();
    const other = await makeFleet({ stack: `${options.stack}-b` });
    await other.fleet.start(order('exits-0'));
    expect(await inventory.listKept(10)).toEqual([]);
    expect(await other.inventory.listKept(10)).toHaveLength(1);
  });
});

describe('the replicators of a stack', () => {
  test('are listed, those that stop and those of others are not', async () => {
    const { fleet, inventory, options } = await makeFleet();
    const neighbour = await makeFleet({ ...options, stack: `${options.stack}-b`, clients: options.clients });
    const [runs, stops] = [order(), order('stubborn')];
    const handle = await fleet.start(runs);
    const stopping = await fleet.start(stops);
    const others = await neighbour.fleet.start(order());
    await untilReady(stopping);
    await fleet.stop(stopping);
    expect(await inventory.listReplicators(10)).toEqual([
      { ...runs, handle, kept: expect.stringContaining(`${options.stack}-${runs.incarnation}-`) },
    ]);
    expect(await inventory.listReplicators(0)).toEqual([]);
    for (const one of [handle, others]) await fleet.stop(one, 'kill');
  });
});
