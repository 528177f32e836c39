import { describe, expect, test } from 'vitest';
import type { ChannelRecord } from '../../../../replicator/engine/change.ts';
import {
  type CursorStart,
  TickNotFoundError,
  UnknownMessageError,
  type Window,
  WindowAssembler,
} from '../../../../replicator/engine/window.ts';
import { dropCollection, dropPartition, insert, remove, tick, unknown } from './records.ts';

const FROM_THE_START: CursorStart = { offset: 0n, tick: 0n, exact: false };

const resumeAt = (offset: number, at: number, exact = true): CursorStart => ({
  offset: BigInt(offset),
  tick: BigInt(at),
  exact,
});

/** All windows that the records make. */
function windows(records: readonly ChannelRecord[], start = FROM_THE_START): Window[] {
  const assembler = new WindowAssembler(start);
  return records.flatMap((record) => assembler.push(record) ?? []);
}

/** Offsets of the changes, window by window. */
const offsets = (made: readonly Window[]): number[][] =>
  made.map((window) => window.changes.map((change) => Number(change.offset)));

describe('holding', () => {
  test('nothing comes out before a tick', () => {
    expect(windows([insert({ offset: 0, at: 10 }), remove({ offset: 1, at: 11 })])).toEqual([]);
  });

  test('a tick lets out what is at or below it and keeps the rest for the next one', () => {
    const records = [
      insert({ offset: 0, at: 10 }),
      insert({ offset: 1, at: 21 }),
      insert({ offset: 2, at: 20 }),
      tick(3, 20),
      tick(4, 21),
    ];
    expect(offsets(windows(records))).toEqual([[0, 2], [1]]);
  });

  test('the bytes of held records are counted until their tick', () => {
    const assembler = new WindowAssembler(FROM_THE_START);
    assembler.push(insert({ offset: 0, at: 10, keys: [1n, 2n] }));
    assembler.push(remove({ offset: 1, at: 30, keys: [3n] }));
    expect(assembler.heldBytes).toBe(22);
    assembler.push(tick(2, 20));
    expect(assembler.heldBytes).toBe(2);
    assembler.push(tick(3, 30));
    expect(assembler.heldBytes).toBe(0);
  });

  test('an empty window comes out of a silent log as well', () => {
    expect(windows([tick(0, 10), tick(1, 20)]).map((window) => window.position)).toEqual([
      { offset: 0n, tick: 10n },
      { offset: 1n, tick: 20n },
    ]);
  });
});

describe('order within a window', () => {
  test('is by timestamp, whatever the order of arrival', () => {
    const records = [
      insert({ offset: 0, at: 13 }),
      remove({ offset: 1, at: 11 }),
      insert({ offset: 2, at: 12 }),
      tick(3, 20),
    ];
    expect(offsets(windows(records))).toEqual([[1, 2, 0]]);
  });

  test('a delete goes before an insert of the same timestamp, because the row survives it', () => {
    const records = [insert({ offset: 0, at: 10 }), remove({ offset: 1, at: 10 }), tick(2, 20)];
    expect(offsets(windows(records))).toEqual([[1, 0]]);
  });

  test('drops go last at their timestamp, a partition before its collection', () => {
    const records = [
      dropCollection({ offset: 0, at: 10 }),
      dropPartition({ offset: 1, at: 10 }),
      insert({ offset: 2, at: 10 }),
      remove({ offset: 3, at: 10 }),
      tick(4, 20),
    ];
    expect(offsets(windows(records))).toEqual([[3, 2, 1, 0]]);
  });

  test('records of one kind and timestamp stay in the order of the log', () => {
    const records = [
      insert({ offset: 0, at: 10 }),
      insert({ offset: 1, at: 10 }),
      insert({ offset: 2, at: 10 }),
      tick(3, 20),
    ];
    expect(offsets(windows(records))).toEqual([[0, 1, 2]]);
  });

  test('timestamps that differ only in their lowest bit are told apart', () => {
    const at = 2n ** 63n;
    const records = [
      { ...insert({ offset: 0, at: 0 }), timestamp: at + 1n },
      { ...insert({ offset: 1, at: 0 }), timestamp: at },
      { ...tick(2, 0), timestamp: at + 1n },
    ];
    expect(offsets(windows(records))).toEqual([[1, 0]]);
  });
});

describe('a message that a producer stored twice', () => {
  test('counts once within a window', () => {
    const records = [
      insert({ offset: 0, at: 10, messageId: 5n }),
      insert({ offset: 1, at: 10, messageId: 5n }),
      tick(2, 20),
    ];
    expect(offsets(windows(records))).toEqual([[0]]);
  });

  test('counts once when the repeat comes after the tick', () => {
    const records = [
      remove({ offset: 0, at: 10, messageId: 5n }),
      tick(1, 20),
      remove({ offset: 2, at: 10, messageId: 5n }),
      tick(3, 30),
    ];
    expect(offsets(windows(records))).toEqual([[0], []]);
  });

  test('weighs nothing the second time', () => {
    const assembler = new WindowAssembler(FROM_THE_START);
    assembler.push(insert({ offset: 0, at: 10, messageId: 5n }));
    assembler.push(insert({ offset: 1, at: 10, messageId: 5n }));
    expect(assembler.heldBytes).toBe(10);
  });

  test('is not looked for where a message has no id', () => {
    const records = [insert({ offset: 0, at: 10 }), insert({ offset: 1, at: 10 }), tick(2, 20)];
    expect(offsets(windows(records))).toEqual([[0, 1]]);
  });

  test('stays out when its first copy was applied before the position that is resumed', () => {
    const records = [tick(5, 20), insert({ offset: 6, at: 10, messageId: 5n }), tick(7, 30)];
    expect(offsets(windows(records, resumeAt(5, 20)))).toEqual([[], []]);
  });
});

describe('the position of a window', () => {
  test('is its tick when nothing is held over', () => {
    const [window] = windows([insert({ offset: 0, at: 10 }), tick(1, 20)]);
    expect(window).toMatchObject({ position: { offset: 1n, tick: 20n }, appliedBelow: 2n });
  });

  test('stays before the oldest record that is held over a tick', () => {
    const records = [
      insert({ offset: 0, at: 10 }),
      insert({ offset: 1, at: 25 }),
      insert({ offset: 2, at: 35 }),
      tick(3, 20),
      tick(4, 30),
      tick(5, 40),
    ];
    expect(windows(records).map(({ position, appliedBelow }) => [position.offset, appliedBelow])).toEqual([
      [1n, 1n],
      [2n, 2n],
      [5n, 6n],
    ]);
  });

  test('loses and repeats nothing when every window is resumed from it', () => {
    const log = [
      insert({ offset: 0, at: 12 }),
      insert({ offset: 1, at: 25 }),
      tick(2, 20),
      remove({ offset: 3, at: 22 }),
      insert({ offset: 4, at: 35 }),
      tick(5, 30),
      insert({ offset: 6, at: 31 }),
      tick(7, 40),
    ];
    const whole = windows(log);
    for (const [index, { position }] of whole.entries()) {
      const rest = log.filter((record) => record.offset >= position.offset);
      const again = windows(rest, { ...position, exact: true });
      // The first window of a resumed log is the empty one of the tick itself.
      expect(offsets(again)).toEqual([[], ...offsets(whole.slice(index + 1))]);
    }
  });
});

describe('resuming', () => {
  test('leaves out what is at or below the tick and keeps what is above it', () => {
    const records = [
      insert({ offset: 5, at: 25 }),
      insert({ offset: 6, at: 20 }),
      insert({ offset: 7, at: 19 }),
      tick(8, 20),
      tick(9, 30),
    ];
    expect(offsets(windows(records, resumeAt(5, 20)))).toEqual([[], [5]]);
  });

  test('says at the tick of the position itself what is applied, on a log that then falls silent', () => {
    const [window] = windows([tick(8, 20)], resumeAt(8, 20));
    expect(window).toEqual({ position: { offset: 8n, tick: 20n }, appliedBelow: 9n, changes: [] });
  });

  test('passes over older ticks on the way', () => {
    const records = [tick(6, 18), tick(7, 19), tick(8, 20)];
    expect(windows(records, resumeAt(6, 20))).toHaveLength(1);
  });

  test('fails when the log goes on without the tick that was read in it', () => {
    expect(() => windows([tick(8, 19), tick(9, 21)], resumeAt(8, 20))).toThrow(TickNotFoundError);
    expect(() => windows([tick(9, 21)], resumeAt(8, 20))).toThrow(
      'expected the tick 20 in the log and met 21',
    );
  });

  test('does not ask for a tick that only says what to leave out', () => {
    const records = [
      insert({ offset: 8, at: 20 }),
      insert({ offset: 9, at: 21 }),
      tick(10, 25),
      insert({ offset: 11, at: 26 }),
      tick(12, 30),
    ];
    expect(offsets(windows(records, resumeAt(8, 20, false)))).toEqual([[9], [11]]);
  });
});

describe('a message of a type that is not known', () => {
  test('fails at its tick, naming type and offset', () => {
    const assembler = new WindowAssembler(FROM_THE_START);
    assembler.push(insert({ offset: 0, at: 10 }));
    assembler.push(unknown(1, 11));
    assembler.push(unknown(2, 12));
    const atTick = () => assembler.push(tick(3, 20));
    expect(atTick).toThrow(UnknownMessageError);
    expect(atTick).toThrow('unknown type 999 at offset 1');
  });

  test('lets everything before pass', () => {
    const assembler = new WindowAssembler(FROM_THE_START);
    assembler.push(insert({ offset: 0, at: 10 }));
    expect(assembler.push(tick(1, 20))?.changes).toHaveLength(1);
    assembler.push(unknown(2, 21));
    expect(() => assembler.push(tick(3, 30))).toThrow(UnknownMessageError);
  });

  test('does not matter when it was there before the position that is resumed', () => {
    expect(windows([unknown(7, 19), tick(8, 20)], resumeAt(7, 20))).toHaveLength(1);
  });

  test('does matter after that position, whatever time it claims', () => {
    expect(() => windows([tick(8, 20), unknown(9, 0), tick(10, 30)], resumeAt(8, 20))).toThrow(
      UnknownMessageError,
    );
  });
});
