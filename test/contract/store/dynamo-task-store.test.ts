import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { createDynamoClient } from '#shared/store/dynamodb/client.ts';
import { DynamoTaskStore } from '#shared/store/dynamodb/dynamo-task-store.ts';
import { StoreUnavailableError } from '#shared/store/task-store.ts';
import { createTaskTable, type Dynamodb, startDynamodb } from '../../support/dynamodb.ts';
import { sampleClaim, sampleLaunch, sampleTask, sampleUpdate } from '../../support/fakes/task-samples.ts';
import { waitUntil } from '../../support/stack/wait-until.ts';
import { describeTaskStore } from '../kits/task-store.ts';
import { dynamoHarness } from './harnesses.ts';

let dynamodb: Dynamodb;
beforeAll(async () => {
  dynamodb = await startDynamodb();
});
afterAll(() => dynamodb?.stop());

describeTaskStore('DynamoTaskStore', () => dynamoHarness(dynamodb));

describe('a DynamoDB that is away', () => {
  /** A job that has the lease. */
  async function running() {
    const store = new DynamoTaskStore({
      client: createDynamoClient(dynamodb.clientConfig),
      table: await createTaskTable(dynamodb),
    });
    onTestFinished(() => store.close());
    const task = sampleTask();
    await store.createTask(task, { maxTasks: 1, seen: 0 });
    await store.putLaunch(sampleLaunch(task), undefined);
    return { store, task, run: await store.acquireLease(sampleClaim(task), undefined) };
  }

  test('and hangs fails within a bounded time, and goes on where it was when it is back', async () => {
    const { store, task, run } = await running();
    dynamodb.server.suspend();
    onTestFinished(() => dynamodb.server.resume());
    await waitUntil(async () => standsStill(dynamodb.server.pid ?? 0), {
      what: 'it stands still',
      timeoutMs: 5_000,
    });
    const begun = performance.now();
    const calls = [
      store.renewLease(run, sampleUpdate()),
      store.getTask(task.id),
      store.setDesired(task, 'Paused', ''),
      store.listObjects(task),
    ];
    for (const result of await Promise.allSettled(calls)) {
      expect(result).toMatchObject({ status: 'rejected', reason: expect.any(StoreUnavailableError) });
    }
    expect(performance.now() - begun).toBeLessThan(7_000);
    dynamodb.server.resume();
    await store.renewLease(run, sampleUpdate());
    expect((await store.getRun(task.id))?.owner).toBe(run.owner);
  });

  test('and refuses connections fails within a bounded time', async () => {
    const store = new DynamoTaskStore({
      client: createDynamoClient({ ...dynamodb.clientConfig, endpoint: 'http://127.0.0.1:9' }),
      table: 'none',
    });
    onTestFinished(() => store.close());
    const begun = performance.now();
    await expect(store.getTask('t')).rejects.toBeInstanceOf(StoreUnavailableError);
    expect(performance.now() - begun).toBeLessThan(7_000);
  });

  test('because the table is not there is away too', async () => {
    const store = new DynamoTaskStore({ client: createDynamoClient(dynamodb.clientConfig), table: 'none' });
    onTestFinished(() => store.close());
    await expect(store.getTask('t')).rejects.toBeInstanceOf(StoreUnavailableError);
    await expect(store.createTask(sampleTask(), { maxTasks: 1, seen: 0 })).rejects.toBeInstanceOf(
      StoreUnavailableError,
    );
  });
});

/** All threads of a process stop a moment after the signal, one after the other. */
function standsStill(pid: number): boolean {
  const states = readdirSync(`/proc/${pid}/task`).map(
    (thread) => /\) (\S)/.exec(readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8'))?.[1],
  );
  return states.every((state) => state === 'T');
}
