import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  ANY,
  carriesDatabase,
  covers,
  databaseInScope,
  inScope,
  mapDatabase,
  mapName,
  type NameMapping,
  type Scope,
  type ScopePattern,
} from '#shared/task/scope.ts';

const NAMES = ['a', 'b', 'c'];
const name = fc.constantFrom(...NAMES);
const pattern: fc.Arbitrary<ScopePattern> = fc.record({
  database: fc.constantFrom(...NAMES, ANY),
  collection: fc.constantFrom(...NAMES, ANY),
});
const scope: fc.Arbitrary<Scope> = fc.record({
  include: fc.array(pattern, { minLength: 1, maxLength: 3 }),
  exclude: fc.array(pattern, { maxLength: 3 }),
});
const everyName = NAMES.flatMap((database) => NAMES.map((collection) => ({ database, collection })));

/** What a pattern means, written down once more and differently. */
const matches = (p: ScopePattern, n: ScopePattern) =>
  new RegExp(`^${p.database.replace(ANY, '.*')}/${p.collection.replace(ANY, '.*')}$`).test(
    `${n.database}/${n.collection}`,
  );

describe('a pattern', () => {
  test.each([
    [{ database: 'a', collection: 'x' }, { database: 'a', collection: 'x' }, true],
    [{ database: 'a', collection: 'x' }, { database: 'a', collection: 'y' }, false],
    [{ database: 'a', collection: 'x' }, { database: 'b', collection: 'x' }, false],
    [{ database: 'a', collection: ANY }, { database: 'a', collection: 'x' }, true],
    [{ database: 'a', collection: 'x' }, { database: 'a', collection: ANY }, false],
    [{ database: ANY, collection: ANY }, { database: 'a', collection: ANY }, true],
    [{ database: 'a', collection: ANY }, { database: ANY, collection: ANY }, false],
    [{ database: ANY, collection: 'x' }, { database: 'a', collection: 'x' }, true],
  ])('%j covers %j: %s', (outer, inner, expected) => {
    expect(covers(outer, inner)).toBe(expected);
  });

  test('covers another exactly when it matches every name that the other matches', () => {
    fc.assert(
      fc.property(pattern, pattern, (outer, inner) => {
        const all = everyName.filter((n) => matches(inner, n)).every((n) => matches(outer, n));
        expect(covers(outer, inner)).toBe(all);
      }),
    );
  });
});

describe('a scope', () => {
  test('holds a name that one of its patterns matches and none of its exclusions', () => {
    fc.assert(
      fc.property(scope, name, name, (s, database, collection) => {
        const n = { database, collection };
        const expected = s.include.some((p) => matches(p, n)) && !s.exclude.some((p) => matches(p, n));
        expect(inScope(s, database, collection)).toBe(expected);
      }),
    );
  });

  test('can hold something of a database whenever it holds one of its names', () => {
    fc.assert(
      fc.property(scope, name, name, (s, database, collection) => {
        if (inScope(s, database, collection)) expect(databaseInScope(s, database)).toBe(true);
      }),
    );
  });

  test('holds nothing of a database that no pattern names', () => {
    const s = { include: [{ database: 'a', collection: ANY }], exclude: [] };
    expect(databaseInScope(s, 'b')).toBe(false);
  });

  test.each([
    ['all of it', [['a', ANY]], [], true],
    ['all of every database', [[ANY, ANY]], [], true],
    ['all of it but single collections', [[ANY, ANY]], [['a', 'x']], true],
    [
      'all of it beside single collections',
      [
        ['a', 'x'],
        ['a', ANY],
      ],
      [],
      true,
    ],
    [
      'single collections of it',
      [
        ['a', 'x'],
        ['a', 'y'],
      ],
      [],
      false,
    ],
    ['a collection of every database', [[ANY, 'x']], [], false],
    ['all of another database', [['b', ANY]], [], false],
    ['every database but it', [[ANY, ANY]], [['a', ANY]], false],
  ] as const)('that holds %s carries a database: %s, %s: %s', (_, include, exclude, expected) => {
    const patterns = (pairs: readonly (readonly [string, string])[]) =>
      pairs.map(([database, collection]) => ({ database, collection }));
    const s = { include: patterns(include), exclude: patterns(exclude) };
    expect(carriesDatabase(s, 'a')).toBe(expected);
  });
});

describe('a name on the target', () => {
  const mapping = (sourceDatabase: string, targetDatabase: string, collections = {}): NameMapping => ({
    sourceDatabase,
    targetDatabase,
    collections,
  });

  test("is the source's where nothing is mapped", () => {
    fc.assert(
      fc.property(name, name, (database, collection) => {
        const others = [mapping('other', 'x'), mapping('other', 'y', { [collection]: 'z' })];
        expect(mapName(others, database, collection)).toEqual({ database, collection });
      }),
    );
  });

  test('follows the mapping of its database', () => {
    expect(mapName([mapping('a', 'b')], 'a', 'x')).toEqual({ database: 'b', collection: 'x' });
  });

  test("follows its own mapping rather than its database's, in whatever order", () => {
    const both = [mapping('a', 'whole'), mapping('a', 'b', { x: 'y' })];
    for (const mappings of [both, both.toReversed()]) {
      expect(mapName(mappings, 'a', 'x')).toEqual({ database: 'b', collection: 'y' });
      expect(mapName(mappings, 'a', 'z')).toEqual({ database: 'whole', collection: 'z' });
    }
  });

  test('stays when only other collections of its database are mapped', () => {
    expect(mapName([mapping('a', 'b', { x: 'y' })], 'a', 'z')).toEqual({ database: 'a', collection: 'z' });
  });

  test('of a database follows the mapping of the whole database, not one of single collections', () => {
    const mappings = [mapping('a', 'b', { x: 'y' }), mapping('a', 'whole'), mapping('c', 'd', { x: 'y' })];
    expect(mapDatabase(mappings, 'a')).toBe('whole');
    expect(mapDatabase(mappings, 'c')).toBe('c');
    expect(mapDatabase(mappings, 'e')).toBe('e');
  });

  test.each(['constructor', '__proto__', 'toString'])(
    'is not taken from what every object has: %s',
    (collection) => {
      expect(mapName([mapping('a', 'b', { x: 'y' })], 'a', collection)).toEqual({
        database: 'a',
        collection,
      });
    },
  );
});
