import { describe, expect, test } from 'vitest';
import { packPositions } from '#shared/task/positions.ts';
import { aggregate } from '../../../../functions/reconcile/aggregate.ts';
import { publishAggregates } from '../../../../functions/reconcile/publish-aggregates.ts';
import { ago, HOUR, MINUTE, NOW, situation, type Told } from './situations.ts';

const numbers = (...told: readonly Told[]) =>
  aggregate({ found: told.map((one) => situation(one)), failed: 0 }, NOW).values;

/** A job that says it lags that far behind. */
const lagging = (ms: number): Told => ({ run: { watermark: String(BigInt(NOW - ms) << 18n) } });
const unknown: Told = { run: { watermark: undefined, phase: 'starting' } };
const paused = { task: { desired: 'Paused', reason: 'manually' } } as const;

test('without tasks every number is 0', () => {
  expect(new Set(Object.values(numbers()))).toEqual(new Set([0]));
});

describe('the largest lag', () => {
  test('is the largest that is known', () => {
    expect(numbers(lagging(3_000), lagging(7_000), unknown)).toMatchObject({ maxLag: 7, lagUnknown: 1 });
  });

  test('is absent while there are tasks and none is known: a restart is no 0', () => {
    expect(numbers(unknown, unknown)).toMatchObject({ maxLag: undefined, lagUnknown: 2 });
  });

  test('leaves out tasks that should not run, and those with nothing to follow', () => {
    const idle: Told = { run: { watermark: undefined, channels: packPositions([]) } };
    expect(numbers({ ...paused, run: lagging(HOUR).run }, idle)).toMatchObject({ maxLag: 0, lagUnknown: 0 });
  });

  test('grows behind a job that is gone', () => {
    expect(numbers({ run: { ...lagging(HOUR).run, leaseExpiresAt: ago(50 * MINUTE) } }).maxLag).toBe(3_600);
  });
});

test('tasks are counted as wanted, and as running while their lease is held', () => {
  expect(
    numbers(
      {},
      { run: { leaseExpiresAt: ago(MINUTE) } },
      { run: { released: 'drained' } },
      { run: null },
      paused,
    ),
  ).toMatchObject({ tasksWanted: 4, tasksRunning: 1 });
});

test('each trouble is counted, and collections in quarantine of tasks that should run', () => {
  const values = numbers(
    { task: { desired: 'Paused', reason: 'crash_loop: again' }, run: { quarantined: 5 } },
    { launch: { pendingReason: 'no room' } },
    { run: { advancedAt: ago(HOUR), quarantined: 2 } },
    { run: { quarantined: 1 } },
    { run: { quarantined: 7, incarnation: 'other', advancedAt: ago(0) }, launch: { wantedSince: ago(0) } },
  );
  expect(values).toMatchObject({ failing: 1, notPlaced: 1, stalled: 1, quarantined: 3 });
});

describe('the line of a minute', () => {
  function line(told: readonly Told[], failed = 0): Record<string, unknown> {
    const lines: string[] = [];
    const found = told.map((one) => situation(one));
    publishAggregates(
      { stack: 'prod', write: (text) => lines.push(text), now: () => NOW },
      { found, failed, rolloutHalted: 1 },
    );
    expect(lines).toHaveLength(1);
    return JSON.parse(lines[0]!) as Record<string, unknown>;
  }

  test('has the numbers under the stack, and nothing of one task as a dimension', () => {
    const published = line([unknown], 3);
    expect(published).toMatchObject({ Stack: 'prod', TasksWanted: 1, SweepFailures: 3, RolloutHalted: 1 });
    expect(published).not.toHaveProperty('MaxLagSeconds');
    expect(published).not.toHaveProperty('LeastHoursLeft');
    expect(published['_aws']).toMatchObject({ CloudWatchMetrics: [{ Dimensions: [['Stack']] }] });
  });

  test('names the tasks behind the numbers, some of very many', () => {
    const stalled = (id: number): Told => ({ task: { id: `t${id}` }, run: { advancedAt: ago(HOUR) } });
    const published = line(Array.from({ length: 13 }, (_, id) => stalled(id)));
    expect(published['stalled']).toMatch(/^t0 \(the checkpoint has not moved since .*; and 3 more$/);
    expect(published).not.toHaveProperty('failing');
  });

  test('cuts words that are too long for a log', () => {
    const reason = `internal: ${'x'.repeat(10_000)}`;
    expect(String(line([{ task: { desired: 'Paused', reason } }])['failing']).length).toBeLessThan(500);
  });
});
