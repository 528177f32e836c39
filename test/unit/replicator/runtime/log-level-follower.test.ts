import { pino } from 'pino';
import { expect, test } from 'vitest';
import { followLogLevel } from '../../../../replicator/runtime/log-level-follower.ts';
import { MemoryTaskStore } from '../../../support/fakes/memory-task-store.ts';
import { SimClock } from '../../../support/fakes/sim-clock.ts';

function follow() {
  const store = new MemoryTaskStore();
  const log = pino({ level: 'info' }, { write: () => undefined });
  const clock = new SimClock();
  const abort = new AbortController();
  const end = followLogLevel({ store, log, clock, signal: abort.signal });
  return { store, log, clock, abort, end };
}

test('a level that was set for all is taken on within seconds, and given up when it is taken back', async () => {
  const { store, log, clock, abort, end } = follow();
  await store.setLogLevel('debug');
  await clock.advance(6_000);
  expect(log.level).toBe('debug');
  await store.setLogLevel(undefined);
  await clock.advance(6_000);
  expect(log.level).toBe('info');
  abort.abort();
  await end;
});

test('a store that is away, and a level that is none, leave the level as it is', async () => {
  const { store, log, clock, abort, end } = follow();
  await store.setLogLevel('loud');
  await clock.advance(6_000);
  expect(log.level).toBe('info');
  store.failNext(new Error('away'), 'getLogLevel');
  await store.setLogLevel('error');
  await clock.advance(4_000);
  expect(log.level).toBe('info');
  await clock.advance(10_000);
  expect(log.level).toBe('error');
  abort.abort();
  await end;
});
