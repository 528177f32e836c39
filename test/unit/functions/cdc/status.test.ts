import { expect, test } from 'vitest';
import type { Run, TaskObject } from '#shared/task/run.ts';
import type { Launch, Task } from '#shared/task/task.ts';
import { statusOf } from '../../../../functions/cdc/status.ts';
import {
  sampleClaim,
  sampleLaunch,
  sampleObject,
  sampleTask,
  sampleUpdate,
} from '../../../support/fakes/task-samples.ts';

const NOW = Date.parse('2030-01-01T01:00:00Z');
const task = sampleTask({ id: 't', incarnation: 'i' });
const iso = (ms: number) => new Date(ms).toISOString();

function run(over: Partial<Run> = {}): Run {
  return {
    version: 1,
    ...sampleClaim(task),
    ...sampleUpdate(),
    epoch: 1,
    beat: 5,
    released: 'no',
    leaseExpiresAt: iso(NOW + 5_000),
    ...over,
  };
}

function phase(over: { task?: Partial<Task>; launch?: Partial<Launch> | null; run?: Partial<Run> | null }) {
  const { phase: name, reason } = statusOf({
    task: { ...task, ...over.task },
    launch: over.launch === null ? undefined : sampleLaunch(task, { handle: 'h', ...over.launch }),
    run: over.run === null ? undefined : run(over.run),
    now: NOW,
    log: '',
  });
  return reason === null ? name : `${name} ${reason.code}`;
}

const dead = { leaseExpiresAt: iso(NOW - 60_000) };
const exit = { generation: 1, code: 75, at: iso(NOW), confirmed: true, message: 'ended with code 75' };

test('a job that acts tells its own phase and reason', () => {
  expect(phase({})).toBe('streaming');
  const reason = { code: 'target_unavailable', message: 'x' };
  expect(phase({ run: { phase: 'retrying', reason } })).toBe('retrying target_unavailable');
});

test('a job that acts for a paused task is stopping', () => {
  expect(phase({ task: { desired: 'Paused' } })).toBe('stopping');
});

test('a paused task without a job is stopped', () => {
  expect(phase({ task: { desired: 'Paused' }, run: { released: 'drained', phase: 'stopped' } })).toBe(
    'stopped',
  );
  expect(phase({ task: { desired: 'Paused' }, run: dead })).toBe('stopped');
  expect(phase({ task: { desired: 'Paused' }, run: null, launch: null })).toBe('stopped');
});

test('a parked task has failed, with the code of what parked it', () => {
  const parked = (reason: string): Partial<Task> => ({ desired: 'Paused', reason });
  expect(phase({ task: parked('crash_loop: again and again'), run: dead })).toBe('failed crash_loop');
  expect(phase({ task: parked('manually: paused'), run: dead })).toBe('stopped');
  const reason = { code: 'history_lost', message: 'x' };
  expect(phase({ task: parked(''), run: { ...dead, phase: 'failed', reason } })).toBe('failed history_lost');
});

test('before the first lease a task is starting', () => {
  expect(phase({ run: null, launch: null })).toBe('starting');
  expect(phase({ run: null })).toBe('starting');
  expect(phase({ run: null, launch: { pendingReason: 'no room' } })).toBe('starting not_placed');
});

test('what another life of the id left behind does not count', () => {
  expect(phase({ run: { incarnation: 'old' }, launch: { incarnation: 'old' } })).toBe('starting');
});

test('between two jobs a task is retrying, and says why the last one ended', () => {
  expect(phase({ run: { ...dead }, launch: { lastExit: exit } })).toBe('retrying replicator_ended');
  const reason = { code: 'source_unavailable', message: 'x' };
  expect(phase({ run: { ...dead, reason }, launch: { lastExit: exit } })).toBe('retrying source_unavailable');
  expect(phase({ run: dead })).toBe('retrying replicator_silent');
  expect(phase({ run: dead, launch: { generation: 2 } })).toBe('starting');
});

test('lag is what the last account said while a job acts, grows when nothing runs, and is never negative', () => {
  const lag = (over: Partial<Run>) => statusOf({ task, run: run(over), now: NOW, log: '' });
  const at = (ms: number) => ({ watermark: (BigInt(ms) << 18n).toString() });
  const accountOf = (ms: number) => ({ leaseExpiresAt: new Date(ms + 10_000).toISOString() });
  expect(lag({ ...at(NOW - 2_700), ...accountOf(NOW - 2_000) }).lag_ms).toBe(700);
  expect(lag({ ...at(NOW - 3_600_000), ...dead }).lag_ms).toBe(3_600_000);
  expect(lag({ ...at(NOW - 5_000), ...accountOf(NOW - 4_000), released: 'drained' }).lag_ms).toBe(5_000);
  expect(lag({ ...at(NOW + 50), ...accountOf(NOW) }).lag_ms).toBe(0);
});

test('lag that nobody knows is null, with the reason', () => {
  expect(statusOf({ task, now: NOW, log: '' })).toMatchObject({
    lag_ms: null,
    lag_reason: expect.any(String),
  });
  const { watermark: _, ...fresh } = run();
  expect(statusOf({ task, run: fresh, now: NOW, log: '' })).toMatchObject({
    lag_ms: null,
    lag_reason: expect.any(String),
  });
});

test('a collection that reads for itself tells how far it is, as far as that is known', () => {
  const at = (ms: number) => ({
    ...{ channel: 'c', logTag: '', offset: '1', horizon: '0' },
    tick: (BigInt(ms) << 18n).toString(),
  });
  const shown = (over: Partial<TaskObject>) => {
    const status = statusOf({ task, objects: [sampleObject(task, over)], now: NOW, log: '' });
    const { state, applied_until: until } = status.collections![0]!;
    return [state, until];
  };
  expect(shown({ cursors: [] })).toEqual(['streaming', undefined]);
  expect(shown({ cursors: [at(NOW), at(NOW - 5_000)] })).toEqual(['catching_up', iso(NOW - 5_000)]);
  expect(shown({ cursors: [at(NOW), at(0)] })).toEqual(['catching_up', null]);
  expect(shown({ cursors: [at(NOW)], state: 'creating' })).toEqual(['creating', undefined]);
  const quarantine = { code: 'target_refused', message: 'm', since: iso(NOW) };
  expect(shown({ cursors: [at(NOW - 7_000)], quarantine })).toEqual(['quarantined', iso(NOW - 7_000)]);
});

test('the newest thing that went wrong is told with its time, also when it is over', () => {
  const last = (over: { run?: Partial<Run>; launch?: Partial<Launch> }) =>
    statusOf({
      ...{ task, now: NOW, log: '' },
      run: run(over.run),
      launch: sampleLaunch(task, { handle: 'h', ...over.launch }),
    }).last_error;
  const lastError = { code: 'source_unavailable', message: 'x', at: iso(NOW - 9_000) };
  const lastExit = { ...exit, generation: 1, at: iso(NOW - 8_000) };
  const ended = { code: 'replicator_ended', message: exit.message, at: iso(NOW - 8_000) };
  expect(last({})).toBeNull();
  expect(last({ run: { lastError } })).toEqual(lastError);
  expect(last({ run: { lastError }, launch: { generation: 2, lastExit } })).toEqual(ended);
  expect(last({ launch: { generation: 2, lastExit: { ...lastExit, code: 0 } } })).toBeNull();
  const reason = { code: 'target_unavailable', message: 'y' };
  const now = { phase: 'retrying', reason, phaseSince: iso(NOW - 1_000) } as const;
  expect(last({ run: { ...now, lastError }, launch: { generation: 2, lastExit } })).toEqual({
    ...reason,
    at: iso(NOW - 1_000),
  });
});

test('of very many collections the first thousand are shown and the rest is counted', () => {
  const objects = Array.from({ length: 1003 }, (_, i) => sampleObject(task, { collectionId: String(i) }));
  const status = statusOf({ task, objects, now: NOW, log: '' });
  expect(status.collections).toHaveLength(1000);
  expect(status.collections_left_out).toBe(3);
});
