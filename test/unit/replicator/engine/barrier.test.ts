import { describe, expect, test } from 'vitest';
import { DropBarrier } from '../../../../replicator/engine/barrier.ts';
import type { Committed } from '../../../../replicator/engine/progress.ts';
import { committed } from './records.ts';

/** Asks whether the barrier is passed where each channel is committed as given. */
function passed(barrier: DropBarrier, at: Readonly<Record<string, Committed>>): boolean {
  return barrier.passed((channel) => at[channel]);
}

test('a channel whose drop record was not met blocks, however far it is', () => {
  const barrier = new DropBarrier(['a', 'b']);
  barrier.recordSeen('a', 20n);
  expect(barrier.unseen).toEqual(['b']);
  expect(passed(barrier, { a: committed(1_000), b: committed(1_000) })).toBe(false);
});

test('it is passed at the tick of the drop record, and not before', () => {
  const barrier = new DropBarrier(['a']);
  barrier.recordSeen('a', 20n);
  expect(passed(barrier, { a: committed(19) })).toBe(false);
  expect(passed(barrier, { a: committed(20) })).toBe(true);
});

test('every channel has to pass', () => {
  const barrier = new DropBarrier(['a', 'b']);
  barrier.recordSeen('a', 20n);
  barrier.recordSeen('b', 30n);
  expect(passed(barrier, { a: committed(30), b: committed(20) })).toBe(false);
  expect(passed(barrier, { a: committed(20), b: committed(30) })).toBe(true);
});

test('a channel whose cursor is not known blocks', () => {
  const barrier = new DropBarrier(['a']);
  barrier.recordSeen('a', 20n);
  expect(passed(barrier, {})).toBe(false);
});

describe('where the drop record is behind the checkpoint', () => {
  test('the end of the log as it was after the drop stands in for it', () => {
    const barrier = new DropBarrier(['a']);
    barrier.endSeen('a', 100n);
    expect(barrier.unseen).toEqual([]);
    expect(passed(barrier, { a: committed(1_000, 99) })).toBe(false);
    expect(passed(barrier, { a: committed(1, 100) })).toBe(true);
  });

  test('a later look does not move that end, or a busy channel would never pass', () => {
    const barrier = new DropBarrier(['a']);
    barrier.endSeen('a', 100n);
    barrier.endSeen('a', 200n);
    expect(passed(barrier, { a: committed(1, 100) })).toBe(true);
  });

  test('the record itself, once met, counts instead of the end', () => {
    const barrier = new DropBarrier(['a']);
    barrier.endSeen('a', 100n);
    barrier.recordSeen('a', 20n);
    expect(passed(barrier, { a: committed(20, 50) })).toBe(true);
    barrier.endSeen('a', 500n);
    expect(passed(barrier, { a: committed(20, 50) })).toBe(true);
  });
});

test('a channel that is known to have reached the drop needs no tick', () => {
  const barrier = new DropBarrier(['a', 'b']);
  barrier.reached('a');
  barrier.recordSeen('b', 20n);
  expect(passed(barrier, { b: committed(20) })).toBe(true);
});

test('channels that the object does not live in do not matter', () => {
  const barrier = new DropBarrier(['a']);
  barrier.reached('other');
  barrier.recordSeen('other', 1_000n);
  barrier.endSeen('other', 1_000n);
  barrier.recordSeen('a', 20n);
  expect(barrier.unseen).toEqual([]);
  expect(passed(barrier, { a: committed(20) })).toBe(true);
});

test('an object without channels may go at once', () => {
  expect(passed(new DropBarrier([]), {})).toBe(true);
});
