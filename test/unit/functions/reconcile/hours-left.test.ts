import { beforeEach, describe, expect, test } from 'vitest';
import { packPositions } from '#shared/task/positions.ts';
import type { LogRetention } from '#shared/task/retention.ts';
import type { Run } from '#shared/task/run.ts';
import { tickAt } from '#shared/task/tick.ts';
import { leastHoursLeft, MOST_HOURS, neededOf } from '../../../../functions/reconcile/hours-left.ts';
import { publishHoursLeft } from '../../../../functions/reconcile/publish-hours-left.ts';
import { MemoryTaskStore } from '../../../support/fakes/memory-task-store.ts';
import {
  sampleClaim,
  sampleLaunch,
  sampleObject,
  sampleTask,
  sampleUpdate,
} from '../../../support/fakes/task-samples.ts';
import { ago, HOUR, NOW, situation } from './situations.ts';

const tick = (ms: number) => tickAt(NOW - ms);
const channels = (...ages: readonly number[]) =>
  packPositions(
    ages.map((age, i) => ({
      ...{ channel: `main-${i}`, logTag: '0'.repeat(16), offset: 1n, tick: tick(age), horizon: 0n },
    })),
  );
const cursor = (age: number | undefined, channel = 'own') => ({
  ...{ channel, logTag: '', offset: '1', tick: String(age === undefined ? 0n : tick(age)), horizon: '0' },
});

describe('a task needs the log', () => {
  const task = sampleTask({ createdAt: ago(100 * HOUR) });
  const run = (over: Partial<Run>) => ({
    ...situation({ task }).run!,
    incarnation: task.incarnation,
    ...over,
  });

  test('from its oldest cursor on, of all channels that it reads', () => {
    const object = sampleObject(task, { cursors: [cursor(5 * HOUR), cursor(HOUR, 'main-1')] });
    expect(neededOf(task, run({ channels: channels(2 * HOUR, 3 * HOUR) }), [object])).toEqual({
      taskId: task.id,
      since: NOW - 5 * HOUR,
      channels: ['main-0', 'main-1', 'own'],
    });
  });

  test('also for a collection in quarantine, and not for one that is being dropped', () => {
    const quarantine = { code: 'target_refused', message: 'm', since: ago(0) };
    const held = sampleObject(task, { cursors: [cursor(5 * HOUR)], quarantine });
    const going = sampleObject(task, { cursors: [cursor(9 * HOUR)], state: 'dropping' });
    expect(neededOf(task, undefined, [held, going])?.since).toBe(NOW - 5 * HOUR);
  });

  test('from its creation on where a cursor has met no tick', () => {
    expect(neededOf(task, undefined, [sampleObject(task, { cursors: [cursor(undefined)] })])?.since).toBe(
      NOW - 100 * HOUR,
    );
  });

  test('not at all without a cursor, or with those of another life only', () => {
    expect(neededOf(task, undefined, [])).toBeUndefined();
    expect(neededOf(task, run({ incarnation: 'other', channels: channels(HOUR) }), [])).toBeUndefined();
  });
});

describe('the hours left', () => {
  const of = (taskId: string, age: number) => ({ taskId, since: NOW - age, channels: ['c'] });
  const days = (count: number): LogRetention => ({ ms: count * 24 * HOUR, bytes: null });

  test('are those of the task that is farthest back', () => {
    expect(leastHoursLeft([of('a', HOUR), of('b', 20 * HOUR)], days(1), NOW)).toEqual({
      hours: 4,
      taskId: 'b',
    });
  });

  test('are 0 once the log may have forgotten', () => {
    expect(leastHoursLeft([of('a', 30 * HOUR)], days(1), NOW).hours).toBe(0);
  });

  test('are a year at most, also when the log is kept for ever or nobody needs it', () => {
    expect(leastHoursLeft([of('a', HOUR)], { ms: null, bytes: 5 }, NOW).hours).toBe(MOST_HOURS);
    expect(leastHoursLeft([of('a', HOUR)], days(4_000), NOW).hours).toBe(MOST_HOURS);
    expect(leastHoursLeft([], days(1), NOW).hours).toBe(MOST_HOURS);
  });
});

describe('the line of an hour', () => {
  let store: MemoryTaskStore;
  let lines: Record<string, unknown>[];
  let asked: (readonly string[])[];

  beforeEach(() => {
    store = new MemoryTaskStore({ now: () => NOW });
    lines = [];
    asked = [];
  });

  const publish = (retention: () => Promise<LogRetention>) =>
    publishHoursLeft({
      tasks: store,
      sourceProbe: {
        retention: (names) => {
          asked.push(names);
          return retention();
        },
      },
      stack: 'prod',
      write: (text) => lines.push(JSON.parse(text) as Record<string, unknown>),
      now: () => NOW,
    });

  async function create(id: string, age: number, desired: 'Running' | 'Paused'): Promise<void> {
    const task = sampleTask({ id, targetIdentity: id });
    await store.createTask(task, { maxTasks: 100, seen: 0 });
    await store.putLaunch(sampleLaunch(task), undefined);
    const run = await store.acquireLease(sampleClaim(task), undefined);
    await store.renewLease(run, sampleUpdate({ channels: channels(age) }));
    if (desired === 'Paused') await store.setDesired(task, 'Paused', '');
  }

  test('tells of the worst task, also when it is paused, and asks about all channels once', async () => {
    await create('runs', HOUR, 'Running');
    await create('paused', 30 * HOUR, 'Paused');
    await publish(async () => ({ ms: 48 * HOUR, bytes: null }));
    expect(lines).toEqual([
      expect.objectContaining({ Stack: 'prod', LeastHoursLeft: 18, worstTask: 'paused', retentionHours: 48 }),
    ]);
    expect(asked).toEqual([['main-0']]);
  });

  test('asks nobody while no task has a cursor', async () => {
    await publish(() => Promise.reject(new Error('asked')));
    expect(lines).toEqual([expect.objectContaining({ LeastHoursLeft: MOST_HOURS })]);
  });

  test('is not there when the source does not tell: a guess would hide the loss', async () => {
    await create('runs', HOUR, 'Running');
    await expect(publish(() => Promise.reject(new Error('away')))).rejects.toThrow('away');
    expect(lines).toEqual([]);
  });
});
