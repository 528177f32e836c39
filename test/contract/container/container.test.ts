import { type ChildProcess, execFile } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CreateTableCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { HEALTH_COMMAND, REPLICATOR_ENV } from '#shared/names.ts';
import { createDynamoClient } from '#shared/store/dynamodb/client.ts';
import { DynamoTaskStore } from '#shared/store/dynamodb/dynamo-task-store.ts';
import { TABLE_DEFINITION } from '#shared/store/dynamodb/table.ts';
import type { Run } from '#shared/task/run.ts';
import type { Task } from '#shared/task/task.ts';
import { buildContainerImage, type ContainerImage } from '../../support/container-image.ts';
import { type Dynamodb, startDynamodb } from '../../support/dynamodb.ts';
import { sampleLaunch, sampleTask } from '../../support/fakes/task-samples.ts';
import { spawnOwned } from '../../support/stack/owned-process.ts';
import { freePort } from '../../support/stack/ports.ts';
import { RunFolder } from '../../support/stack/run-folder.ts';
import { waitUntil } from '../../support/stack/wait-until.ts';

/** The container's command, in a folder that holds what the Dockerfile copies, with the container's environment. */

const TABLE = 'tasks';
const run = new RunFolder();
let image: ContainerImage;
let dynamodb: Dynamodb;
let store: DynamoTaskStore;

beforeAll(async () => {
  image = await buildContainerImage(join(run.path, 'context'), join(run.path, 'root'));
  dynamodb = await startDynamodb();
  const client = createDynamoClient(dynamodb.clientConfig);
  await client.send(
    new CreateTableCommand({
      TableName: TABLE,
      BillingMode: TABLE_DEFINITION.BillingMode,
      KeySchema: [...TABLE_DEFINITION.KeySchema],
      AttributeDefinitions: [...TABLE_DEFINITION.AttributeDefinitions],
    }),
  );
  store = new DynamoTaskStore({ client, table: TABLE });
});
afterAll(async () => {
  await store?.close();
  await dynamodb?.stop();
  await run.remove();
});

interface Container {
  readonly process: ChildProcess;
  readonly output: () => string;
  /** How it ended. */
  readonly exit: Promise<number | null>;
  /** Runs the health check beside it. */
  readonly check: () => Promise<{ readonly code: number; readonly word: string }>;
}

const execute = promisify(execFile);

/** Starts a container for a task, as ECS does: nothing of our own environment, no home, nothing on standard input. */
async function start(task: Task, extra: Readonly<Record<string, string>> = {}): Promise<Container> {
  const port = String(await freePort());
  const { accessKeyId, secretAccessKey } = dynamodb.clientConfig.credentials;
  const env = {
    PATH: '/usr/bin:/bin',
    ...image.env,
    AWS_REGION: dynamodb.clientConfig.region,
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_ENDPOINT_URL_DYNAMODB: dynamodb.endpoint,
    [REPLICATOR_ENV.stack]: 'stack',
    [REPLICATOR_ENV.table]: TABLE,
    [REPLICATOR_ENV.source]: JSON.stringify({
      etcd: { endpoints: ['127.0.0.1:1'] },
      kafka: { bootstrap: ['127.0.0.1:1'], sasl: { mechanism: 'SCRAM-SHA-512' } },
    }),
    CDC_SOURCE_KAFKA_LOGIN: JSON.stringify({ username: 'reader', password: 's3cret' }),
    CDC_TARGET_SECRET: JSON.stringify({ token: 'root:s3cret' }),
    [REPLICATOR_ENV.taskId]: task.id,
    [REPLICATOR_ENV.incarnation]: task.incarnation,
    [REPLICATOR_ENV.generation]: '1',
    [REPLICATOR_ENV.healthPort]: port,
    ...extra,
  };
  const given = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  const child = spawnOwned({
    name: `container-${task.id}`,
    run,
    command: 'env',
    args: ['-i', ...given, ...image.command],
    cwd: image.workdir,
    output: 'pipe',
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const exit = once(child, 'exit').then(([code]) => code as number | null);
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await exit;
  });
  const [program, ...args] = image.toLocal(HEALTH_COMMAND);
  const check = async () => {
    try {
      const { stdout } = await execute(program, args, { env: { [REPLICATOR_ENV.healthPort]: port } });
      return { code: 0, word: stdout.trim() };
    } catch (error) {
      const { code, stdout } = error as { code: number; stdout: string };
      return { code, word: stdout.trim() };
    }
  };
  return { process: child, output: () => output, exit, check };
}

async function launchedTask(): Promise<Task> {
  const task = sampleTask({
    target: { uri: 'http://127.0.0.1:1', connectTimeoutMs: 1_000, ignorePartition: false },
  });
  const { revision } = await store.getScope(task.targetIdentity);
  await store.createTask({ ...task, targetIdentity: task.id }, { maxTasks: 99, seen: revision });
  await store.putLaunch(sampleLaunch(task), undefined);
  return task;
}

async function until(
  task: Task,
  container: Container,
  what: string,
  is: (run: Run) => boolean,
): Promise<Run> {
  let found: Run | undefined;
  await waitUntil(
    async () => {
      const now = await store.getRun(task.id);
      if (now !== undefined && is(now)) found = now;
      return found !== undefined;
    },
    { what: `${what}; the container said: ${container.output()}`, timeoutMs: 40_000 },
  );
  return found!;
}

function filesBelow(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).toSorted();
}

test('it starts, takes its lease, is healthy whatever its source does, and ends with 0 when it is asked to', async () => {
  const before = filesBelow(image.root);
  const task = await launchedTask();
  const container = await start(task);
  const running = await until(task, container, 'it retries', ({ phase }) => phase === 'retrying');
  expect(running).toMatchObject({ generation: 1, released: 'no', reason: { code: 'source_unavailable' } });
  expect(await container.check()).toEqual({ code: 0, word: 'lease held' });

  const asked = performance.now();
  container.process.kill('SIGTERM');
  expect(await container.exit).toBe(0);
  // ECS gives it 120 s.
  expect(performance.now() - asked).toBeLessThan(30_000);
  expect(await store.getRun(task.id)).toMatchObject({ phase: 'stopped', released: 'drained' });
  expect(filesBelow(image.root)).toEqual(before);
  expect(container.output()).not.toContain('s3cret');
});

test('one that hangs is unhealthy, and healthy again when it goes on', async () => {
  const task = await launchedTask();
  const container = await start(task);
  await until(task, container, 'it holds its lease', ({ released }) => released === 'no');
  expect((await container.check()).code).toBe(0);
  container.process.kill('SIGSTOP');
  expect(await container.check()).toEqual({ code: 1, word: 'no answer' });
  container.process.kill('SIGCONT');
  expect((await container.check()).code).toBe(0);
});

test('one that has ended is unhealthy', async () => {
  const container = await start(await launchedTask());
  container.process.kill('SIGKILL');
  await container.exit;
  expect((await container.check()).code).toBe(1);
});

test('one whose settings are wrong ends for good, with a sentence and without a value', async () => {
  const task = await launchedTask();
  const container = await start(task, { CDC_TARGET_SECRET: 's3cret', CDC_DATABASE: 's3cret' });
  expect(await container.exit).toBe(78);
  expect(container.output()).toMatch(/settings are wrong: .*CDC_TARGET_SECRET.*CDC_TABLE/);
  expect(container.output()).not.toContain('s3cret');
});

test('the image has the Node that was tested, and no rights', () => {
  const packages = JSON.parse(readFileSync('package.json', 'utf8')) as { devDependencies: { node: string } };
  expect(image.from).toContain(`node:${packages.devDependencies.node}-`);
  expect(image.user).toMatch(/^[1-9]\d*:[1-9]\d*$/);
  expect(image.env['CDC_HEALTH_PORT']).toBe('8081');
});
