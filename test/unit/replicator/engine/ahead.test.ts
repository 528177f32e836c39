import { describe, expect, test } from 'vitest';
import { Ahead } from '../../../../replicator/engine/ahead.ts';
import type { ChangeRecord } from '../../../../replicator/engine/change.ts';
import { type Hold, Progress } from '../../../../replicator/engine/progress.ts';
import { committed, dropPartition, insert, remove } from './records.ts';

const ID = 1n;
const KEY_FIELD = 100;

/** The offsets of what may go now. */
function admitted(ahead: Ahead, ...records: readonly ChangeRecord[]): readonly bigint[] {
  return ahead.admit(ID, records, KEY_FIELD).map(({ record }) => record.offset);
}

/** The offsets of what is planned at the tick, `again` those of it that went ahead before. */
function settled(
  ahead: Ahead,
  changes: readonly ChangeRecord[],
  window: Hold = new Progress(committed(0)).open(committed(1)),
) {
  const { due, repeated } = ahead.settle(ID, changes, KEY_FIELD, window);
  return { due: due.map((c) => Number(c.offset)), again: [...repeated].map((c) => Number(c.offset)) };
}

describe('a plain insert', () => {
  test('goes at once and is not planned again at its tick', () => {
    const ahead = new Ahead();
    const row = insert({ offset: 1, at: 10, keys: [1n] });
    expect(admitted(ahead, row)).toEqual([1n]);
    expect(settled(ahead, [row])).toEqual({ due: [], again: [] });
  });

  test('goes once, also when its log is read again', () => {
    const ahead = new Ahead();
    const row = insert({ offset: 1, at: 10, keys: [1n] });
    admitted(ahead, row);
    expect(admitted(ahead, row)).toEqual([]);
    expect(settled(ahead, [row])).toEqual({ due: [], again: [] });
  });

  test('holds the window it turns out to be in until it is applied', () => {
    const ahead = new Ahead();
    const row = insert({ offset: 1, at: 10, keys: [1n] });
    const [sent] = ahead.admit(ID, [row], KEY_FIELD);
    const progress = new Progress(committed(0));
    const window = progress.open(committed(1));
    settled(ahead, [row], window);
    window.release();
    expect(progress.committed).toEqual(committed(0));
    sent?.hold.release();
    expect(progress.committed).toEqual(committed(1));
  });

  test('that was applied before its tick holds nothing', () => {
    const ahead = new Ahead();
    const row = insert({ offset: 1, at: 10, keys: [1n] });
    ahead.admit(ID, [row], KEY_FIELD)[0]?.hold.release();
    const progress = new Progress(committed(0));
    const window = progress.open(committed(1));
    settled(ahead, [row], window);
    window.release();
    expect(progress.committed).toEqual(committed(1));
  });
});

describe('an older change of the same key that comes later', () => {
  test.each([
    ['a delete', remove({ offset: 2, at: 5, keys: [1n] })],
    ['an insert', insert({ offset: 2, at: 5, keys: [1n] })],
    ['the delete of its own upsert', remove({ offset: 2, at: 10, keys: [1n] })],
  ])('has the insert sent again behind it: %s', (_, older) => {
    const ahead = new Ahead();
    const row = insert({ offset: 1, at: 10, keys: [1n, 2n] });
    admitted(ahead, row);
    expect(admitted(ahead, older)).toEqual([]);
    expect(settled(ahead, [older, row])).toEqual({ due: [2, 1], again: [1] });
  });

  test('does so from an earlier window, too', () => {
    const ahead = new Ahead();
    const row = insert({ offset: 1, at: 30, keys: [1n] });
    const older = remove({ offset: 2, at: 5, keys: [1n] });
    admitted(ahead, row);
    admitted(ahead, older);
    expect(settled(ahead, [older])).toEqual({ due: [2], again: [] });
    ahead.passed(20n);
    expect(settled(ahead, [row])).toEqual({ due: [1], again: [1] });
  });

  test('has every newer insert sent again, one after the other', () => {
    const ahead = new Ahead();
    const [one, two] = [
      insert({ offset: 1, at: 10, keys: [1n] }),
      insert({ offset: 2, at: 20, keys: [1n, 2n] }),
    ];
    const three = insert({ offset: 3, at: 30, keys: [2n] });
    expect(admitted(ahead, one, two, three)).toEqual([1n, 2n, 3n]);
    const older = remove({ offset: 4, at: 5, keys: [1n] });
    admitted(ahead, older);
    expect(settled(ahead, [older, one, two, three])).toEqual({ due: [4, 1, 2, 3], again: [1, 2, 3] });
  });

  test('leaves inserts of other keys alone', () => {
    const ahead = new Ahead();
    const [one, other] = [
      insert({ offset: 1, at: 10, keys: [1n] }),
      insert({ offset: 2, at: 11, keys: [2n] }),
    ];
    admitted(ahead, one, other);
    const older = remove({ offset: 3, at: 5, keys: [1n] });
    expect(settled(ahead, [older, one, other])).toEqual({ due: [3, 1], again: [1] });
  });
});

describe('what waits for its tick', () => {
  test.each([
    ['a delete', remove({ offset: 1, at: 10, keys: [1n] })],
    ['the rows of an upsert', insert({ offset: 1, at: 10, keys: [1n], ofUpsert: true })],
  ])('keeps later inserts of its keys with it: %s', (_, first) => {
    const ahead = new Ahead();
    const second = insert({ offset: 2, at: 11, keys: [1n, 2n] });
    const other = insert({ offset: 3, at: 12, keys: [3n] });
    expect(admitted(ahead, first, second, other)).toEqual([3n]);
    expect(settled(ahead, [first, second, other]).due).toEqual([1, 2]);
  });

  test('keeps them no longer than until its tick', () => {
    const ahead = new Ahead();
    const first = remove({ offset: 1, at: 10, keys: [1n] });
    admitted(ahead, first);
    settled(ahead, [first]);
    ahead.passed(10n);
    expect(admitted(ahead, insert({ offset: 2, at: 11, keys: [1n] }))).toEqual([2n]);
  });

  test('keeps everything behind it when it is a drop', () => {
    const ahead = new Ahead();
    const drop = dropPartition({ offset: 1, at: 10 });
    expect(admitted(ahead, drop, insert({ offset: 2, at: 11, keys: [1n] }))).toEqual([]);
    ahead.passed(10n);
    expect(admitted(ahead, insert({ offset: 3, at: 12, keys: [2n] }))).toEqual([3n]);
  });
});

test('what went ahead counts as not sent once another cursor has taken the collection over', () => {
  const ahead = new Ahead();
  const row = insert({ offset: 1, at: 10, keys: [1n] });
  admitted(ahead, row);
  ahead.forget(ID);
  expect(settled(ahead, [row])).toEqual({ due: [1], again: [] });
});
