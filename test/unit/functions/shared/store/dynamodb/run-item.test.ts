import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { marshall } from '@aws-sdk/util-dynamodb';
import { describe, expect, test } from 'vitest';
import { runItem, runOf } from '#shared/store/dynamodb/run-item.ts';
import { CorruptItemError } from '#shared/store/task-store.ts';
import { logTag, packPositions } from '#shared/task/positions.ts';
import type { Run } from '#shared/task/run.ts';
import { sampleUpdate } from '../../../../../support/fakes/task-samples.ts';

/** A run as large as it gets in ordinary use: 32 channels, ids of full length, counters of a busy year. */
function largeRun(over: Partial<Run> = {}): Run {
  const tick = (1_900_000_000_000n << 18n) + 12n;
  const positions = Array.from({ length: 32 }, (_, i) => {
    const drift = BigInt((i * 7_919) % 4_000) << 18n;
    return {
      channel: `by-dev-rootcoord-dml_${i}`,
      logTag: logTag(`topic ${i}`),
      offset: 2_000_000_000n + BigInt(i) * 1_234_567n,
      tick: tick - drift,
      horizon: tick - drift + (5_000n << 18n),
    };
  });
  return {
    ...sampleUpdate(),
    version: 1,
    taskId: '3f0a5d2c9b7e41d8a6c4e2f0b1d3a597',
    incarnation: '0123456789abcdef0123456789abcdef',
    generation: 1_234,
    owner: '6b8d1b7e-3c55-4f0a-9a58-0f6a4c1c2d3e',
    epoch: 1_234,
    beat: 10_512_000,
    released: 'no',
    channels: packPositions(positions),
    watermark: tick.toString(),
    counters: {
      rowsInserted: 12_345_678_901,
      rowsUpserted: 1_234_567_890,
      keysDeleted: 987_654_321,
      bytes: 98_765_432_109_876,
      requests: 12_345_678,
      retries: 123_456,
      ambiguous: 12_345,
      rowsOfDroppedCollections: 1_234,
    },
    ...over,
  };
}

/** What DynamoDB charges an item for, in bytes.
 *  https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html */
function itemSize(item: Record<string, AttributeValue>): number {
  return Object.entries(item).reduce((sum, [name, value]) => sum + bytes(name) + valueSize(value), 0);
}

function valueSize(value: AttributeValue): number {
  if (value.S !== undefined) return bytes(value.S);
  if (value.N !== undefined) return Math.ceil(value.N.replace(/^0+|0+$|[-.]/g, '').length / 2) + 1;
  if (value.B !== undefined) return value.B.length;
  if (value.L !== undefined) return 3 + value.L.reduce((sum, v) => sum + 1 + valueSize(v), 0);
  if (value.M !== undefined) return 3 + Object.keys(value.M).length + itemSize(value.M);
  return 1;
}

const bytes = (text: string) => Buffer.byteLength(text);
const sizeOf = (run: Run) => itemSize(marshall(runItem(run), { removeUndefinedValues: true }));

describe('a run item', () => {
  test('is the run that was packed', () => {
    const run = largeRun({
      reason: { code: 'target_unavailable', message: 'm' },
      warnings: [{ code: 'history_partial', message: 'w' }],
    });
    expect(runOf(run.taskId, runItem(run))).toEqual(run);
    const {
      reason: _,
      watermark: __,
      advancedAt: ___,
      quarantined: ____,
      ...bare
    } = largeRun({ warnings: [] });
    expect(runOf(bare.taskId, runItem(bare))).toEqual(bare);
  });

  test('of 32 channels costs one write unit: at most 1,024 bytes', () => {
    expect(sizeOf(largeRun())).toBeLessThanOrEqual(1_024);
  });

  test('of 32 channels leaves room for a reason', () => {
    const reason = { code: 'target_unavailable', message: 'The target does not answer.' };
    expect(sizeOf(largeRun({ phase: 'retrying', reason }))).toBeLessThanOrEqual(1_024);
  });

  test('without a counter that this release knows counts it as 0', () => {
    const item = { ...runItem(largeRun()), n: [1, 2] };
    expect(runOf('t', item).counters).toMatchObject({ rowsInserted: 1, rowsUpserted: 2, keysDeleted: 0 });
  });

  test('of a release that knew neither progress nor quarantine is read without them', () => {
    const { a: _, q: __, ...item } = runItem(largeRun());
    const { advancedAt: ___, quarantined: ____, ...run } = largeRun();
    expect(runOf(run.taskId, item)).toMatchObject(run);
    expect(runOf(run.taskId, item).advancedAt).toBeUndefined();
  });

  test.each([
    ['counters', { n: 'x' }],
    ['a time', { x: 'soon' }],
    ['a time beyond all times', { s: 1e300 }],
    ['a time of progress', { a: 'x' }],
    ['a reason', { m: 'x' }],
    ['a warning', { k: ['x'] }],
    ['positions', { c: 'x' }],
  ])('with %s that is none is refused', (_, spoiled) => {
    expect(() => runOf('t', { ...runItem(largeRun()), ...spoiled })).toThrow(CorruptItemError);
  });
});
