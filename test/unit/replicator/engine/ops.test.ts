import { describe, expect, test } from 'vitest';
import { ALL_PARTITIONS, type ChangeRecord, type Key } from '../../../../replicator/engine/change.ts';
import type { Op } from '../../../../replicator/engine/lane.ts';
import {
  type PartitionRoute,
  planOps,
  type Routing,
  replayKind,
  routableCount,
} from '../../../../replicator/engine/ops.ts';
import { CountedHold, dropCollection, dropPartition, insert, remove } from './records.ts';

const P = 70n;
const Q = 71n;
const GONE = 72n;
const UNKNOWN = 73n;

const ROUTES: ReadonlyMap<bigint, PartitionRoute> = new Map([
  [P, { kind: 'known', name: 'p' }],
  [Q, { kind: 'known', name: 'q' }],
  [GONE, { kind: 'gone' }],
]);

const routing = (over: Partial<Routing> = {}): Routing => ({
  keyFieldId: 100,
  upsertSpansPartitions: false,
  partition: (id) => ROUTES.get(id) ?? { kind: 'unknown' },
  replayUntil: 0n,
  ...over,
});

interface Written {
  readonly at?: number;
  readonly keys?: readonly Key[];
  readonly in?: bigint;
}

const ins = ({ at = 10, keys = [1n], in: partitionId = P }: Written) =>
  insert({ offset: 0, at, keys, partitionId });
const del = ({ at = 10, keys = [1n], in: partitionId = P }: Written) =>
  remove({ offset: 0, at, keys, partitionId });

function plan(changes: readonly ChangeRecord[], over: Partial<Routing> = {}): readonly Op[] {
  return planOps(changes, routing(over), { holdOf: () => new CountedHold() }).ops;
}

/** `kind partition keys` of each operation. */
const told = (ops: readonly Op[]): string[] =>
  ops.map(({ kind, partition, keys }) => `${kind} ${partition ?? '*'} ${keys.join()}`);

describe('a delete and inserts of one timestamp', () => {
  test('are an upsert when they are about the very same keys of one partition', () => {
    expect(told(plan([del({ keys: [1n, 2n] }), ins({ keys: [2n, 1n] })]))).toEqual(['upsert p 2,1']);
  });

  test('are an upsert also when the keys come in several messages', () => {
    const changes = [
      del({ keys: [1n] }),
      del({ keys: [2n, 3n] }),
      ins({ keys: [3n] }),
      ins({ keys: [1n, 2n] }),
    ];
    expect(told(plan(changes))).toEqual(['upsert p 3', 'upsert p 1,2']);
  });

  test.each<{ name: string; changes: ChangeRecord[]; ops: string[] }>([
    {
      name: 'a key is only deleted',
      changes: [del({ keys: [1n, 2n] }), ins({ keys: [1n] })],
      ops: ['delete p 1,2', 'insert p 1'],
    },
    {
      name: 'a key is only inserted',
      changes: [del({ keys: [1n] }), ins({ keys: [1n, 2n] })],
      ops: ['delete p 1', 'insert p 1,2'],
    },
    {
      name: 'the keys are as many and not the same',
      changes: [del({ keys: [1n] }), ins({ keys: [2n] })],
      ops: ['delete p 1', 'insert p 2'],
    },
    {
      name: 'a key is inserted twice, which an upsert cannot carry',
      changes: [del({ keys: [1n] }), ins({ keys: [1n, 1n] })],
      ops: ['delete p 1', 'insert p 1,1'],
    },
    {
      name: 'the rows move to another partition, where an upsert would not find the old ones',
      changes: [del({ in: P }), ins({ in: Q })],
      ops: ['delete p 1', 'insert q 1'],
    },
    {
      name: 'the delete is about all partitions',
      changes: [del({ in: ALL_PARTITIONS }), ins({ in: P })],
      ops: ['delete * 1', 'insert p 1'],
    },
    {
      name: 'the timestamps differ',
      changes: [del({ at: 10 }), ins({ at: 11 })],
      ops: ['delete p 1', 'insert p 1'],
    },
  ])('stay what they are when $name', ({ changes, ops }) => {
    expect(told(plan(changes))).toEqual(ops);
  });

  test('are an upsert over all partitions where an upsert of the target spans them', () => {
    const anywhere = {
      upsertSpansPartitions: true,
      partition: () => ({ kind: 'known', name: undefined }) as const,
    };
    expect(told(plan([del({ in: P }), ins({ in: Q })], anywhere))).toEqual(['upsert * 1']);
  });

  test('are told apart from their neighbours in the same window', () => {
    const changes = [
      ins({ at: 9, keys: [5n] }),
      del({ at: 10 }),
      ins({ at: 10 }),
      del({ at: 11, keys: [5n] }),
    ];
    expect(told(plan(changes))).toEqual(['insert p 5', 'upsert p 1', 'delete p 5']);
  });
});

describe('what the target may hold already', () => {
  test('is upserted up to the horizon and inserted beyond it', () => {
    const changes = [ins({ at: 10, keys: [1n] }), ins({ at: 11, keys: [2n] })];
    expect(told(plan(changes, { replayUntil: 10n }))).toEqual(['upsert p 1', 'insert p 2']);
  });

  test('is deleted and inserted when a key comes twice, which an upsert cannot carry', () => {
    expect(told(plan([ins({ keys: [1n, 1n] })], { replayUntil: 10n }))).toEqual(['replace p 1,1']);
    expect([replayKind([1n, 2n]), replayKind(['a', 'a']), replayKind(['1', 1n])]).toEqual([
      'upsert',
      'replace',
      'upsert',
    ]);
  });

  test('is deleted again as it was', () => {
    expect(told(plan([del({})], { replayUntil: 10n }))).toEqual(['delete p 1']);
  });

  test('stays an upsert of the source beyond the horizon, too', () => {
    expect(told(plan([del({ at: 11 }), ins({ at: 11 })], { replayUntil: 10n }))).toEqual(['upsert p 1']);
  });
});

describe('partitions', () => {
  test('a delete that names none is about all of them', () => {
    expect(told(plan([del({ in: ALL_PARTITIONS })]))).toEqual(['delete * 1']);
  });

  test('rows of one that was dropped before it reached the target are counted and not sent', () => {
    const changes = [ins({ in: GONE, keys: [1n, 2n] }), del({ in: GONE, keys: [3n] }), ins({ keys: [4n] })];
    const { ops, rowsOfDropped } = planOps(changes, routing(), { holdOf: () => new CountedHold() });
    expect([told(ops), rowsOfDropped]).toEqual([['insert p 4'], 3]);
  });

  test('what is left after a dropped one is judged by itself', () => {
    const changes = [del({ in: GONE, keys: [9n] }), del({}), ins({})];
    expect(told(plan(changes))).toEqual(['upsert p 1']);
  });

  test('one that is not known yet is never turned into all of them', () => {
    expect(() => plan([del({ in: UNKNOWN })])).toThrow('partition 73 is unknown');
  });
});

describe('how many changes can be sent', () => {
  test.each<{ name: string; changes: ChangeRecord[]; count: number }>([
    { name: 'all, when every partition is known', changes: [ins({}), del({ in: Q })], count: 2 },
    {
      name: 'those before an insert into an unknown partition',
      changes: [ins({}), ins({ in: UNKNOWN })],
      count: 1,
    },
    {
      name: 'those before a delete in an unknown partition',
      changes: [del({ in: UNKNOWN }), ins({})],
      count: 0,
    },
    {
      name: 'all, with a delete that is about all partitions',
      changes: [del({ in: ALL_PARTITIONS })],
      count: 1,
    },
    { name: 'all, with rows of a dropped partition', changes: [ins({ in: GONE })], count: 1 },
    {
      name: 'all, with drops, which carry no rows',
      changes: [dropPartition({ offset: 0, at: 1 }), dropCollection({ offset: 1, at: 2 })],
      count: 2,
    },
    { name: 'none of nothing', changes: [], count: 0 },
  ])('$name', ({ changes, count }) => {
    expect(routableCount(changes, routing())).toBe(count);
  });
});

test('drops and creations carry no operation of their own', () => {
  expect(
    plan([dropPartition({ offset: 0, at: 1 }), ins({ at: 1 }), dropCollection({ offset: 1, at: 2 })]),
  ).toHaveLength(1);
});

test('each operation holds its window by its own weight', () => {
  const weights: number[] = [];
  const holdOf = (bytes: number) => {
    weights.push(bytes);
    return new CountedHold();
  };
  const { ops } = planOps([ins({ keys: [1n, 2n] }), del({ keys: [3n] })], routing(), { holdOf });
  expect(weights.toSorted((a, b) => a - b)).toEqual([2, 20]);
  expect(new Set(ops.map((op) => op.hold)).size).toBe(2);
  expect(ops.map((op) => op.bytes).toSorted((a, b) => a - b)).toEqual([2, 20]);
});
