import { describe, expect, test } from 'vitest';
import type { Key } from '../../../../replicator/engine/change.ts';
import { Horizon } from '../../../../replicator/engine/horizon.ts';
import { Lane, type LaneRequest, type Op } from '../../../../replicator/engine/lane.ts';
import { CountedHold, rowsOf } from './records.ts';

const FAR = new Horizon(1_000n);

interface Written {
  readonly keys: readonly Key[];
  readonly partition?: string;
  readonly at?: bigint;
  readonly hold?: CountedHold;
}

function op(kind: Op['kind'], { keys, partition, at = 1n, hold = new CountedHold() }: Written): Op {
  const rows = kind === 'delete' ? undefined : rowsOf(keys);
  return { kind, timestamp: at, partition, rows, keys, bytes: keys.length * 10, hold };
}

const roomy = () => new Lane({ maxBytes: 1_000, maxDeleteKeys: 100 });

/** A lane in which every change fills a request. */
const narrow = () => new Lane({ maxBytes: 1, maxDeleteKeys: 1 });

function taken(lane: Lane, partial = true): LaneRequest {
  const request = lane.take(partial);
  if (request === undefined) throw new Error('nothing may be sent');
  return request;
}

describe('grouping', () => {
  test('changes of one kind and partition become one request, in order', () => {
    const lane = roomy();
    lane.add(op('insert', { keys: [1n, 2n], partition: 'p' }), FAR);
    lane.add(op('insert', { keys: [3n], partition: 'p' }), FAR);
    const request = taken(lane);
    expect(request).toMatchObject({ kind: 'insert', partition: 'p', keys: [1n, 2n, 3n], bytes: 30 });
    expect(request.parts.map((rows) => rows.count)).toEqual([2, 1]);
    expect(lane.take(true)).toBeUndefined();
  });

  test('another partition or kind is another request', () => {
    const lane = roomy();
    lane.add(op('insert', { keys: [1n], partition: 'p' }), FAR);
    lane.add(op('insert', { keys: [2n], partition: 'q' }), FAR);
    lane.add(op('insert', { keys: [3n] }), FAR);
    lane.add(op('upsert', { keys: [4n], partition: 'p' }), FAR);
    lane.add(op('delete', { keys: [5n], partition: 'p' }), FAR);
    expect(Array.from({ length: 5 }, () => taken(lane).keys)).toEqual([[1n], [2n], [3n], [4n], [5n]]);
  });

  test('a request that is not full is left to grow unless a partial one is asked for', () => {
    const lane = new Lane({ maxBytes: 30, maxDeleteKeys: 100 });
    lane.add(op('insert', { keys: [1n, 2n] }), FAR);
    expect([lane.hasClosed, lane.take(false)]).toEqual([false, undefined]);
    lane.add(op('insert', { keys: [3n] }), FAR);
    expect(lane.hasClosed).toBe(true);
    lane.add(op('insert', { keys: [4n] }), FAR);
    expect(taken(lane, false).keys).toEqual([1n, 2n, 3n]);
    expect(lane.take(false)).toBeUndefined();
    expect(taken(lane).keys).toEqual([4n]);
  });

  test('a delete is full by its keys, too, because its expression names each', () => {
    const lane = new Lane({ maxBytes: 1_000, maxDeleteKeys: 2 });
    lane.add(op('delete', { keys: [1n] }), FAR);
    expect(lane.take(false)).toBeUndefined();
    lane.add(op('delete', { keys: [2n] }), FAR);
    expect(taken(lane, false).keys).toEqual([1n, 2n]);
  });

  test('changes that two cursors read do not share a request', () => {
    const lane = roomy();
    const another = new Horizon(1_000n);
    lane.add(op('insert', { keys: [1n] }), FAR);
    lane.add(op('insert', { keys: [2n] }), another);
    expect([taken(lane).keys, taken(lane).keys]).toEqual([[1n], [2n]]);
  });

  test('what was closed for another cursor takes nothing more', () => {
    const lane = roomy();
    lane.add(op('insert', { keys: [1n] }), FAR);
    lane.closeAll();
    lane.add(op('insert', { keys: [2n] }), FAR);
    expect([taken(lane, false).keys, taken(lane).keys]).toEqual([[1n], [2n]]);
  });
});

describe('overlapping', () => {
  test('plain inserts of different keys are in flight together', () => {
    const lane = narrow();
    lane.add(op('insert', { keys: [1n] }), FAR);
    lane.add(op('insert', { keys: [2n] }), FAR);
    taken(lane);
    taken(lane);
    expect(lane.inFlight).toBe(2);
  });

  test.each([
    ['insert', 'delete'],
    ['delete', 'insert'],
    ['insert', 'insert'],
    ['delete', 'delete'],
    ['upsert', 'upsert'],
    ['insert', 'upsert'],
    ['replace', 'delete'],
  ] as const)('an %s and a following %s of the same key are not', (first, second) => {
    const lane = narrow();
    lane.add(op(first, { keys: [1n] }), FAR);
    const request = taken(lane);
    lane.add(op(second, { keys: [1n, 2n] }), FAR);
    expect(lane.take(true)).toBeUndefined();
    lane.done(request);
    expect(taken(lane).kind).toBe(second);
  });

  test('not in two partitions either: a delete may be about all of them', () => {
    const lane = narrow();
    lane.add(op('insert', { keys: [1n], partition: 'p' }), FAR);
    lane.add(op('delete', { keys: [1n] }), FAR);
    taken(lane);
    expect(lane.take(true)).toBeUndefined();
  });

  test('a change waits for all requests that hold one of its keys', () => {
    const lane = narrow();
    lane.add(op('insert', { keys: [1n] }), FAR);
    lane.add(op('insert', { keys: [2n] }), FAR);
    lane.add(op('delete', { keys: [1n, 2n] }), FAR);
    const [first, second] = [taken(lane), taken(lane)];
    lane.done(second);
    expect(lane.take(true)).toBeUndefined();
    lane.done(first);
    expect(taken(lane).kind).toBe('delete');
  });

  test('a change that waits does not hold up another key behind it', () => {
    const lane = narrow();
    lane.add(op('insert', { keys: [1n] }), FAR);
    taken(lane);
    lane.add(op('delete', { keys: [1n] }), FAR);
    lane.add(op('insert', { keys: [2n] }), FAR);
    expect(taken(lane).keys).toEqual([2n]);
  });

  test('changes that cross each other over two keys do not wait in a circle', () => {
    const lane = roomy();
    lane.add(op('insert', { keys: [1n] }), FAR);
    lane.add(op('delete', { keys: [2n] }), FAR);
    lane.add(op('insert', { keys: [2n] }), FAR);
    lane.add(op('delete', { keys: [1n] }), FAR);
    const order: string[] = [];
    for (let request = lane.take(true); request !== undefined; request = lane.take(true)) {
      order.push(`${request.kind} ${request.keys.join()}`);
      lane.done(request);
    }
    expect(order).toEqual(['delete 2', 'insert 1,2', 'delete 1']);
    expect(lane.idle).toBe(true);
  });
});

describe('one key more than once', () => {
  test('plain inserts of a key that the source holds twice share a request, as at the source', () => {
    const lane = roomy();
    lane.add(op('insert', { keys: [1n] }), FAR);
    lane.add(op('insert', { keys: [1n] }), FAR);
    expect(taken(lane).keys).toEqual([1n, 1n]);
  });

  test('an upsert holds a key once: the next one of it is another request', () => {
    const lane = roomy();
    lane.add(op('upsert', { keys: [1n, 2n] }), FAR);
    lane.add(op('upsert', { keys: [3n] }), FAR);
    lane.add(op('upsert', { keys: [2n] }), FAR);
    const request = taken(lane);
    expect(request.keys).toEqual([1n, 2n, 3n]);
    expect(lane.take(true)).toBeUndefined();
    lane.done(request);
    expect(taken(lane).keys).toEqual([2n]);
  });

  test('a replace is a request of its own', () => {
    const lane = roomy();
    lane.add(op('replace', { keys: [1n, 1n] }), FAR);
    lane.add(op('replace', { keys: [2n] }), FAR);
    expect([taken(lane, false).keys, taken(lane, false).keys]).toEqual([[1n, 1n], [2n]]);
  });

  test('a text and a number that look the same are two keys', () => {
    const lane = narrow();
    lane.add(op('insert', { keys: ['1'] }), FAR);
    lane.add(op('insert', { keys: [1n] }), FAR);
    taken(lane);
    expect(taken(lane).keys).toEqual([1n]);
  });
});

describe('the horizon', () => {
  test('holds back what is beyond it, and shows that something waits', () => {
    const lane = narrow();
    const horizon = new Horizon(10n);
    lane.add(op('insert', { keys: [1n], at: 10n }), horizon);
    expect([taken(lane).keys, horizon.short]).toEqual([[1n], false]);
    lane.add(op('insert', { keys: [2n], at: 11n }), horizon);
    expect([lane.take(true), horizon.short]).toEqual([undefined, true]);
    horizon.raised(11n);
    expect(taken(lane).keys).toEqual([2n]);
  });

  test('counts for the newest change of a request', () => {
    const lane = roomy();
    const horizon = new Horizon(10n);
    lane.add(op('insert', { keys: [1n], at: 9n }), horizon);
    lane.add(op('insert', { keys: [2n], at: 11n }), horizon);
    expect(lane.take(true)).toBeUndefined();
  });

  test('of one cursor does not hold back what another one read', () => {
    const lane = narrow();
    lane.add(op('insert', { keys: [1n], at: 11n }), new Horizon(10n));
    lane.add(op('insert', { keys: [2n], at: 11n }), FAR);
    expect(taken(lane).keys).toEqual([2n]);
  });
});

describe('accounts', () => {
  test('bytes are counted while they wait and while they are in flight', () => {
    const lane = roomy();
    lane.add(op('insert', { keys: [1n, 2n] }), FAR);
    lane.add(op('delete', { keys: [3n] }), FAR);
    expect(lane.bytes).toBe(30);
    const request = taken(lane);
    expect([lane.bytes, lane.idle]).toEqual([30, false]);
    lane.done(request);
    expect(lane.bytes).toBe(10);
    lane.done(taken(lane));
    expect([lane.bytes, lane.idle, lane.inFlight]).toEqual([0, true, 0]);
  });

  test('a window is let go when its request was applied, not when it was sent', () => {
    const lane = roomy();
    const holds = [new CountedHold(), new CountedHold()];
    for (const hold of holds) lane.add(op('insert', { keys: [1n], hold }), FAR);
    const request = taken(lane);
    expect(holds.map((hold) => hold.released)).toEqual([0, 0]);
    lane.done(request);
    expect(holds.map((hold) => hold.released)).toEqual([1, 1]);
  });

  test('what was given up is let go when told so, once, and the rest when it ends', () => {
    const lane = narrow();
    const [sent, waiting, growing] = [new CountedHold(), new CountedHold(), new CountedHold()];
    lane.add(op('insert', { keys: [1n], hold: sent }), FAR);
    const request = taken(lane);
    lane.add(op('delete', { keys: [1n], hold: waiting }), FAR);
    lane.add({ ...op('upsert', { keys: [2n], hold: growing }), bytes: 0 }, FAR);
    const release = lane.abandon();
    expect([sent.released, waiting.released, growing.released]).toEqual([0, 0, 0]);
    release();
    expect([sent.released, waiting.released, growing.released]).toEqual([0, 1, 1]);
    expect([lane.take(true), lane.bytes, lane.inFlight]).toEqual([undefined, 10, 1]);
    lane.abandon()();
    lane.done(request);
    expect([sent.released, waiting.released, growing.released]).toEqual([1, 1, 1]);
    expect([lane.idle, lane.bytes]).toEqual([true, 0]);
  });

  test('what is in flight keeps its keys when what waited for them is given up', () => {
    const lane = narrow();
    lane.add(op('insert', { keys: [1n] }), FAR);
    const request = taken(lane);
    lane.add(op('delete', { keys: [1n] }), FAR);
    lane.abandon();
    lane.add(op('insert', { keys: [1n] }), FAR);
    expect(lane.take(true)).toBeUndefined();
    lane.done(request);
    expect(taken(lane).kind).toBe('insert');
  });
});
