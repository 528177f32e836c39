/** Where Milvus 2.3–2.5 keeps its objects in etcd, below `<root path>/<meta sub path>/`.
 *
 *  Ids are decimal strings in keys. Root coordinator rows are written twice, the second time below `snapshots/`, which none
 *  of the ranges here touches; the credentials beside them are left out as well. Seen on 2.3.5; sources:
 *  `internal/metastore/kv/rootcoord/rootcoord_constant.go`, `internal/metastore/kv/{datacoord,querycoord}`. */
export type CatalogKey =
  | { readonly kind: 'database'; readonly id: bigint }
  /** `legacy`: of before databases existed. */
  | {
      readonly kind: 'collection';
      readonly databaseId: bigint;
      readonly id: bigint;
      readonly legacy: boolean;
    }
  | { readonly kind: 'partition'; readonly collectionId: bigint; readonly id: bigint }
  | { readonly kind: 'field'; readonly collectionId: bigint; readonly id: bigint }
  | { readonly kind: 'function'; readonly collectionId: bigint; readonly id: bigint }
  | { readonly kind: 'index'; readonly collectionId: bigint; readonly id: bigint }
  | { readonly kind: 'collection-load'; readonly collectionId: bigint }
  | { readonly kind: 'partition-load'; readonly collectionId: bigint; readonly id: bigint };

/** Half-open ranges of keys, relative to the metadata's root, that together hold the whole catalog. Each is contiguous on
 *  purpose: few ranges make a cheap read. Other keys inside them (aliases, replicas) are ignored. */
export const CATALOG_RANGES: readonly KeyRange[] = [
  // database/{db-info,collection-info,aliases}/, fields/, functions/, partitions/
  { from: 'root-coord/database/', end: 'root-coord/partitions0' },
  // Legacy collections.
  { from: 'root-coord/collection/', end: 'root-coord/collection0' },
  { from: 'field-index/', end: 'field-index0' },
  // querycoord-collection-loadinfo/, querycoord-partition-loadinfo/
  { from: 'querycoord-collection-loadinfo/', end: 'querycoord-partition-loadinfo0' },
];

export interface KeyRange {
  readonly from: string;
  /** Exclusive. `0` is the character after `/`. */
  readonly end: string;
}

export const DEFAULT_DATABASE_ID = 1n;

type Ids = readonly [bigint, bigint | undefined];

const PATTERNS: readonly (readonly [prefix: string, ids: 1 | 2, make: (ids: Ids) => CatalogKey])[] = [
  ['root-coord/database/db-info/', 1, ([id]) => ({ kind: 'database', id })],
  [
    'root-coord/database/collection-info/',
    2,
    ([databaseId, id = 0n]) => ({ kind: 'collection', databaseId, id, legacy: false }),
  ],
  [
    'root-coord/collection/',
    1,
    ([id]) => ({ kind: 'collection', databaseId: DEFAULT_DATABASE_ID, id, legacy: true }),
  ],
  ['root-coord/partitions/', 2, ([collectionId, id = 0n]) => ({ kind: 'partition', collectionId, id })],
  ['root-coord/fields/', 2, ([collectionId, id = 0n]) => ({ kind: 'field', collectionId, id })],
  ['root-coord/functions/', 2, ([collectionId, id = 0n]) => ({ kind: 'function', collectionId, id })],
  ['field-index/', 2, ([collectionId, id = 0n]) => ({ kind: 'index', collectionId, id })],
  ['querycoord-collection-loadinfo/', 1, ([collectionId]) => ({ kind: 'collection-load', collectionId })],
  [
    'querycoord-partition-loadinfo/',
    2,
    ([collectionId, id = 0n]) => ({ kind: 'partition-load', collectionId, id }),
  ],
];

/** What a key (relative to the metadata's root) stands for; `undefined` when it is none of the catalog's. */
export function parseCatalogKey(key: string): CatalogKey | undefined {
  for (const [prefix, count, make] of PATTERNS) {
    if (!key.startsWith(prefix)) continue;
    const parts = key.slice(prefix.length).split('/');
    if (parts.length !== count || !parts.every((part) => /^\d+$/.test(part))) return undefined;
    const [first = '', second] = parts;
    return make([BigInt(first), second === undefined ? undefined : BigInt(second)]);
  }
  return undefined;
}
