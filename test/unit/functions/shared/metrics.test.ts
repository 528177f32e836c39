import { describe, expect, test } from 'vitest';
import {
  DIMENSION,
  dimensionValue,
  emf,
  MAX_VALUES,
  METRICS_NAMESPACE,
  PHASE_NUMBER,
  STACK_METRICS,
  TASK_METRICS,
} from '#shared/metrics.ts';
import { phaseSchema } from '#shared/task/run.ts';

const AT = 1_900_000_000_123;

function line(over: Partial<Parameters<typeof emf>[0]> = {}): Record<string, unknown> {
  const text = emf({
    at: AT,
    dimensions: { Stack: 's', Task: 't' },
    measurements: [{ metric: TASK_METRICS.rows, value: 7 }],
    ...over,
  });
  return JSON.parse(text ?? 'null') as Record<string, unknown>;
}

describe('a line in embedded metric format', () => {
  test('names its metrics, units and dimensions, and holds their values beside them', () => {
    expect(line({ properties: { reason: 'r' } })).toEqual({
      reason: 'r',
      Stack: 's',
      Task: 't',
      RowsApplied: 7,
      _aws: {
        Timestamp: AT,
        CloudWatchMetrics: [
          {
            Namespace: METRICS_NAMESPACE,
            Dimensions: [['Stack', 'Task']],
            Metrics: [{ Name: 'RowsApplied', Unit: 'Count' }],
          },
        ],
      },
    });
  });

  test('is one line, whatever its properties hold', () => {
    const text = emf({
      at: AT,
      dimensions: { Stack: 's' },
      measurements: [{ metric: STACK_METRICS.failing, value: 1 }],
      properties: { failing: 'two\nlines' },
    });
    expect(text).not.toContain('\n');
  });

  test('says nothing of a metric that is not known', () => {
    const measurements = [
      { metric: TASK_METRICS.lag, value: undefined },
      { metric: TASK_METRICS.writeLatency, value: [] },
      { metric: TASK_METRICS.rows, value: 0 },
    ];
    const known = line({ measurements, properties: { lagUnknown: 'why', none: undefined } });
    expect(Object.keys(known).toSorted()).toEqual(['RowsApplied', 'Stack', 'Task', '_aws', 'lagUnknown']);
    expect(JSON.stringify(known['_aws'])).not.toContain('LagSeconds');
  });

  test('holds several values of one metric, and one as a number', () => {
    const of = (value: readonly number[]) =>
      line({ measurements: [{ metric: TASK_METRICS.writeLatency, value }] })['WriteLatency'];
    expect(of([3, 4])).toEqual([3, 4]);
    expect(of([3])).toBe(3);
  });

  test('is none when nothing is known', () => {
    expect(
      emf({ at: AT, dimensions: {}, measurements: [{ metric: TASK_METRICS.lag, value: undefined }] }),
    ).toBe(undefined);
  });

  test.each([
    ['NaN', Number.NaN],
    ['infinity', Number.POSITIVE_INFINITY],
    ['more values than CloudWatch takes', Array.from({ length: MAX_VALUES + 1 }, () => 1)],
  ])('is refused with %s', (_, value) => {
    expect(() => line({ measurements: [{ metric: TASK_METRICS.rows, value }] })).toThrow(/^RowsApplied /);
  });
});

test.each([
  ['orders', 'orders'],
  ['a b', 'a%20b'],
  ['ü', '%C3%BC'],
  ['100%', '100%25'],
  [':x:y', '%3Ax:y'],
  ['', '%'],
])('the task id %j is the dimension value %j', (id, value) => {
  expect(dimensionValue(id)).toBe(value);
});

test('a task pays for at most 8 series', () => {
  expect(Object.keys(TASK_METRICS).length).toBeLessThanOrEqual(8);
});

test('no two metrics share a name, and none is named as a dimension', () => {
  const names = [...Object.values(TASK_METRICS), ...Object.values(STACK_METRICS)].map(({ name }) => name);
  expect(new Set([...names, ...Object.values(DIMENSION)]).size).toBe(names.length + 2);
});

test('each phase has a number of its own, and the registry says which', () => {
  const numbers = phaseSchema.options.map((phase) => `${PHASE_NUMBER[phase]} ${phase}`);
  expect(new Set(Object.values(PHASE_NUMBER)).size).toBe(phaseSchema.options.length);
  for (const number of numbers) expect(TASK_METRICS.phase.meaning).toContain(number);
});
