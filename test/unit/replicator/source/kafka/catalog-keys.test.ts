import { expect, test } from 'vitest';
import { CATALOG_RANGES, parseCatalogKey } from '../../../../../replicator/source/kafka/catalog-keys.ts';

const inSomeRange = (key: string): boolean =>
  CATALOG_RANGES.some(({ from, end }) => key >= from && key < end);

test.each([
  ['root-coord/database/db-info/1', { kind: 'database', id: 1n }],
  [
    'root-coord/database/collection-info/1/44',
    { kind: 'collection', databaseId: 1n, id: 44n, legacy: false },
  ],
  ['root-coord/collection/44', { kind: 'collection', databaseId: 1n, id: 44n, legacy: true }],
  ['root-coord/partitions/44/5', { kind: 'partition', collectionId: 44n, id: 5n }],
  ['root-coord/fields/44/1001', { kind: 'field', collectionId: 44n, id: 1001n }],
  ['root-coord/functions/44/100', { kind: 'function', collectionId: 44n, id: 100n }],
  ['field-index/44/449735462174986241', { kind: 'index', collectionId: 44n, id: 449735462174986241n }],
  ['querycoord-collection-loadinfo/44', { kind: 'collection-load', collectionId: 44n }],
  ['querycoord-partition-loadinfo/44/5', { kind: 'partition-load', collectionId: 44n, id: 5n }],
])('%s is read', (key, parsed) => {
  expect(parseCatalogKey(key)).toEqual(parsed);
  expect(inSomeRange(key)).toBe(true);
});

test.each([
  'root-coord/database/aliases/1/name',
  'root-coord/database/collection-info/1',
  'root-coord/database/collection-info/1/44/5',
  'root-coord/database/collection-info/1/x',
  'root-coord/fields/44/',
  'root-coord/collection/',
  'querycoord-replica/44/5',
  'queryCoord-ResourceGroup/rg',
  '',
])('%j is none of the catalog', (key) => {
  expect(parseCatalogKey(key)).toBeUndefined();
});

test.each([
  'snapshots/root-coord/database/db-info/1_ts445644800000000000',
  'root-coord/credential/users/root',
  'root-coord/aliases/name',
  'root-coord/collection-alias/name',
  'datacoord-meta/s/44/5/6',
  'session/rootcoord',
  'segment-index/44/5/6/7',
])('%s is not even fetched', (key) => {
  expect(inSomeRange(key)).toBe(false);
});
