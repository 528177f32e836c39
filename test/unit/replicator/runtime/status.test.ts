import { describe, expect, test } from 'vitest';
import { JobStatus } from '../../../../replicator/runtime/status.ts';
import { SimClock } from '../../../support/fakes/sim-clock.ts';

const started = '2023-11-14T22:13:20.000Z';
const aSecondLater = '2023-11-14T22:13:21.000Z';

test('a job begins with the phase starting, no reason and counters at zero', () => {
  const status = new JobStatus(new SimClock());
  expect([status.phase, status.phaseSince, status.reason, status.warnings]).toEqual([
    'starting',
    started,
    undefined,
    [],
  ]);
  expect(Object.values(status.counters)).toEqual([0, 0, 0, 0, 0, 0, 0, 0]);
});

test('counters go on from those of the jobs before, and leave theirs alone', () => {
  const before = new JobStatus(new SimClock()).counters;
  before.rowsInserted = 5;
  const status = new JobStatus(new SimClock(), { counters: before });
  status.counters.rowsInserted++;
  expect([status.counters.rowsInserted, before.rowsInserted]).toEqual([6, 5]);
});

describe('trouble', () => {
  test('is shown as retrying, with its reason, until it is over', () => {
    const status = new JobStatus(new SimClock());
    status.phase = 'streaming';
    status.trouble('write 1', 'target_unavailable', 'away');
    expect([status.phase, status.reason]).toEqual([
      'retrying',
      { code: 'target_unavailable', message: 'away' },
    ]);
    status.clear('write 1');
    expect([status.phase, status.reason]).toEqual(['streaming', undefined]);
  });

  test('is over when the last part works again, and shows the oldest meanwhile', () => {
    const status = new JobStatus(new SimClock());
    status.trouble('a', 'source_unavailable', 'first');
    status.trouble('b', 'target_unavailable', 'second');
    status.trouble('a', 'source_unavailable', 'first, again');
    expect(status.reason?.message).toBe('first, again');
    status.clear('a');
    expect([status.phase, status.reason?.message]).toEqual(['retrying', 'second']);
    status.clear('b');
    expect(status.phase).toBe('starting');
  });

  test('that was never there is cleared without effect', () => {
    const status = new JobStatus(new SimClock());
    status.clear('a');
    expect(status.phase).toBe('starting');
  });

  test('counts every try', () => {
    const status = new JobStatus(new SimClock());
    status.trouble('a', 'source_unavailable', '');
    status.trouble('a', 'source_unavailable', '');
    expect(status.counters.retries).toBe(2);
  });

  test.each(['stopping', 'stopped', 'failed'] as const)('does not hide that a job is %s', (phase) => {
    const status = new JobStatus(new SimClock());
    status.trouble('a', 'target_unavailable', 'away');
    status.phase = phase;
    expect(status.phase).toBe(phase);
  });
});

test('the phase that lies under trouble shows when the trouble is over', () => {
  const status = new JobStatus(new SimClock());
  status.trouble('a', 'source_unavailable', '');
  status.phase = 'streaming';
  expect(status.phase).toBe('retrying');
  status.clear('a');
  expect(status.phase).toBe('streaming');
});

test('the time of a phase is that of the last change of what is shown', async () => {
  const clock = new SimClock();
  const status = new JobStatus(clock);
  await clock.advance(1_000);
  status.phase = 'starting';
  expect(status.phaseSince).toBe(started);
  status.phase = 'streaming';
  await clock.advance(1_000);
  status.phase = 'streaming';
  expect(status.phaseSince).toBe(aSecondLater);
});

test('why a job failed goes before what it was retrying', () => {
  const status = new JobStatus(new SimClock());
  status.trouble('a', 'target_unavailable', 'away');
  status.failed('history_lost', 'the log was cut');
  expect([status.phase, status.reason]).toEqual([
    'failed',
    { code: 'history_lost', message: 'the log was cut' },
  ]);
});

test('a warning is kept once for each part, with its newest words, until it is withdrawn', () => {
  const status = new JobStatus(new SimClock());
  status.warn('a', 'history_partial', 'one');
  status.warn('a', 'history_partial', 'two');
  status.warn('b', 'history_partial', 'three');
  expect(status.warnings.map(({ message }) => message)).toEqual(['two', 'three']);
  status.unwarn('a');
  status.unwarn('a');
  expect(status.warnings.map(({ message }) => message)).toEqual(['three']);
});

describe('the last error', () => {
  test('is the newest one, stays when it is over, and is kept by the next job', async () => {
    const clock = new SimClock();
    const status = new JobStatus(clock);
    expect(status.lastError).toBeUndefined();
    status.trouble('a', 'source_unavailable', 'first');
    await clock.advance(1_000);
    status.trouble('b', 'target_unavailable', 'second');
    status.clear('b');
    const error = { code: 'target_unavailable', message: 'second', at: aSecondLater };
    expect(status.lastError).toEqual(error);
    const { counters, lastError } = status;
    expect(new JobStatus(clock, { counters, lastError }).lastError).toEqual(error);
  });

  test('is cut where it would make each renewal of the lease dearer', () => {
    const status = new JobStatus(new SimClock());
    status.trouble('a', 'target_unavailable', 'x'.repeat(5_000));
    expect(status.lastError?.message).toBe(`${'x'.repeat(200)}…`);
    expect(status.reason?.message).toHaveLength(5_000);
  });
});
