import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { parseItem, parseJson } from '#shared/store/parse-item.ts';
import { CorruptItemError, NewerItemError } from '#shared/store/task-store.ts';
import { ITEM_VERSION } from '#shared/task/task.ts';

const schema = z.object({ version: z.number(), secret: z.string(), part: z.object({ n: z.number() }) });
const good = { version: 1, secret: 's', part: { n: 1 } };

describe('a stored item', () => {
  test('is answered as it must be, with what only a newer release knows', () => {
    expect(parseItem(schema, good, 'task t')).toEqual(good);
    expect(parseItem(schema, { ...good, more: 1 }, 'task t')).toEqual({ ...good, more: 1 });
  });

  test('of a newer release is refused as such, whatever it looks like', () => {
    const newer = { version: ITEM_VERSION + 1 };
    expect(() => parseItem(schema, newer, 'task t')).toThrow(NewerItemError);
    expect(() => parseItem(schema, newer, 'task t')).toThrow(/task t .*newer release.* go back to/);
  });

  test.each([undefined, null, 'text', [], {}, { ...good, part: {} }, { ...good, version: '2' }])(
    'fails by name when it is not what it must be: %j',
    (raw) => {
      expect(() => parseItem(schema, raw, 'task t')).toThrow(CorruptItemError);
      expect(() => parseItem(schema, raw, 'task t')).toThrow(/^task t cannot be read/);
    },
  );

  test('is never quoted', () => {
    const raw = { version: 1, secret: ['hidden'], part: { n: 'hidden' } };
    expect(() => parseItem(schema, raw, 'task t')).toThrow(/secret: invalid_type, part.n: invalid_type/);
    expect(() => parseItem(schema, raw, 'task t')).not.toThrow(/hidden/);
    expect(() => parseJson('{"a": hidden}', 'task t')).toThrow(CorruptItemError);
    expect(() => parseJson('{"a": hidden}', 'task t')).not.toThrow(/hidden/);
  });
});
