import type { Context } from 'aws-lambda';
import { describe, expect, test } from 'vitest';
import { createLogger } from '#shared/log.ts';
import { StoreUnavailableError } from '#shared/store/task-store.ts';
import { readConfig } from '../../../../functions/reconcile/config.ts';
import { taskIdOf } from '../../../../functions/reconcile/event.ts';
import { reconcileHandler } from '../../../../functions/reconcile/handler.ts';
import { MemoryFleet } from '../../../support/fakes/memory-fleet.ts';
import { MemorySecretStore } from '../../../support/fakes/memory-secret-store.ts';
import { MemoryTaskStore } from '../../../support/fakes/memory-task-store.ts';
import { sampleTask } from '../../../support/fakes/task-samples.ts';

/** Shortened from the example in the ECS documentation, with the overrides that a replicator is started with. */
const ecsEvent = (taskId: string, environment?: object[]) => ({
  version: '0',
  id: '3317b2af-7005-947d-b652-f55e762e571a',
  'detail-type': 'ECS Task State Change',
  source: 'aws.ecs',
  detail: {
    lastStatus: 'STOPPED',
    desiredStatus: 'STOPPED',
    taskArn: 'arn:aws:ecs:us-west-2:111122223333:task/c/t',
    overrides: {
      containerOverrides: [
        { name: 'sidecar' },
        { name: 'replicator', environment: environment ?? [{ name: 'CDC_TASK_ID', value: taskId }] },
      ],
    },
  },
});

const SCHEDULE = { version: '0', source: 'aws.scheduler', 'detail-type': 'Scheduled Event', detail: {} };

const CONTEXT = { getRemainingTimeInMillis: () => 10_000 } as Context;

function setup() {
  const store = new MemoryTaskStore();
  const fleet = new MemoryFleet();
  let connected = 0;
  const handler = reconcileHandler(() => {
    connected++;
    return {
      tasks: store,
      fleet,
      secrets: new MemorySecretStore(),
      log: createLogger('silent'),
      now: Date.now,
    };
  });
  return { store, fleet, handle: (event: unknown) => handler(event, CONTEXT), connected: () => connected };
}

describe('the handler', () => {
  test('reconciles the task of an ECS event and no other', async () => {
    const { store, fleet, handle } = setup();
    await store.createTask(sampleTask({ id: 'a', targetIdentity: 'a' }), { maxTasks: 9, seen: 0 });
    await store.createTask(sampleTask({ id: 'b', targetIdentity: 'b' }), { maxTasks: 9, seen: 0 });
    expect(await handle(ecsEvent('b'))).toMatchObject({ actions: ['start'] });
    expect(fleet.running.map((r) => r.order.taskId)).toEqual(['b']);
  });

  test('sweeps when it is time, and connects once', async () => {
    const { store, fleet, handle, connected } = setup();
    await store.createTask(sampleTask({ id: 'a' }), { maxTasks: 9, seen: 0 });
    expect(await handle(SCHEDULE)).toMatchObject({ checked: 1, failed: 0 });
    await handle(SCHEDULE);
    expect(fleet.running).toHaveLength(1);
    expect(connected()).toBe(1);
  });

  test('fails when the store is away', async () => {
    const { store, handle } = setup();
    store.failNext(new StoreUnavailableError('away'));
    await expect(handle(SCHEDULE)).rejects.toBeInstanceOf(StoreUnavailableError);
  });
});

describe('the task of an event', () => {
  test.each([
    ['an ECS event of a replicator', ecsEvent('t'), 't'],
    ['an ECS event of something else', ecsEvent('', []), undefined],
    ['an ECS event without overrides', { ...ecsEvent('t'), detail: {} }, undefined],
    ['the event of another service', { ...ecsEvent('t'), source: 'aws.ec2' }, undefined],
    ['the schedule', SCHEDULE, undefined],
    ['nothing', undefined, undefined],
  ])('of %s', (_, event, taskId) => {
    expect(taskIdOf(event)).toBe(taskId);
  });
});

describe('the settings', () => {
  test('are read from the environment', () => {
    expect(readConfig({ CDC_TABLE: 't' })).toEqual({ table: 't', logLevel: 'info' });
    expect(readConfig({ CDC_TABLE: 't', CDC_LOG_LEVEL: 'debug' })).toMatchObject({ logLevel: 'debug' });
  });

  test('fail with the names of all that are wrong', () => {
    expect(() => readConfig({ CDC_LOG_LEVEL: 'loud' })).toThrow(/CDC_TABLE.*CDC_LOG_LEVEL/);
  });
});
