import middy from '@middy/core';
import type { Context } from 'aws-lambda';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { followLogLevel } from '../../../../infra/lambda/follow-log-level.ts';
import { MemoryTaskStore } from '../../../support/fakes/memory-task-store.ts';

function lambda() {
  let now = 0;
  const tasks = new MemoryTaskStore();
  const log = pino({ level: 'info' }, { write: () => undefined });
  const handler = middy()
    .use(followLogLevel({ tasks, log, now: () => now }))
    .handler(async () => log.level);
  /** The level that a request some seconds later is handled with. */
  const later = (seconds: number): Promise<unknown> => {
    now += seconds * 1_000;
    return Promise.resolve(handler({}, {} as Context));
  };
  return { tasks, later };
}

test('a level that was set for all holds for the next requests, and no longer than it is set', async () => {
  const { tasks, later } = lambda();
  await tasks.setLogLevel('debug');
  expect(await later(0)).toBe('debug');
  await tasks.setLogLevel(undefined);
  expect(await later(5)).toBe('debug');
  expect(await later(10)).toBe('info');
});

test('a store that is away, and a level that is none, leave the level as it is', async () => {
  const { tasks, later } = lambda();
  tasks.failNext(new Error('away'), 'getLogLevel');
  expect(await later(0)).toBe('info');
  await tasks.setLogLevel('loud');
  expect(await later(20)).toBe('info');
});
