import type { Catalog, CatalogCollection, CatalogDatabase } from '../../engine/catalog.ts';
import { buildCollection, toRecord } from './catalog-build.ts';
import { type CatalogRow, decodeRow, isTombstone } from './catalog-decode.ts';
import { DEFAULT_DATABASE, DEFAULT_DATABASE_ID, type KeyRange, parseCatalogKey } from './catalog-keys.ts';

/** A key and value of etcd; the key relative to the metadata's root. */
export interface MirroredValue {
  readonly key: string;
  readonly value: Uint8Array;
  readonly modRevision: bigint;
}

type RowOf<Kind extends CatalogRow['kind']> = Extract<CatalogRow, { kind: Kind }>;

/** Everything known about one collection id, by key. */
interface Shelf {
  readonly collections: Map<string, RowOf<'collection'>>;
  readonly fields: Map<string, RowOf<'field'>>;
  readonly functions: Map<string, RowOf<'function'>>;
  readonly partitions: Map<string, RowOf<'partition'>>;
  readonly indexes: Map<string, RowOf<'index'>>;
  readonly partitionLoads: Map<string, RowOf<'partition-load'>>;
  readonly collectionLoads: Map<string, RowOf<'collection-load'>>;
  /** The collection as last built; undefined when a row has changed since, or there is none. */
  built: CatalogCollection | undefined;
}

/** A copy of the source's metadata that takes differences: only rows that changed are decoded, only collections they
 *  speak of are built again. Pure; {@link EtcdCatalog} feeds it. */
export class CatalogMirror {
  /** Revision of every key that etcd holds in a range, also of tombstones and of keys that are not the catalog's. */
  readonly #keys = new Map<KeyRange, Map<string, bigint>>();
  readonly #databases = new Map<string, RowOf<'database'>>();
  readonly #shelves = new Map<bigint, Shelf>();

  /** How many keys the mirror believes etcd to hold in a range. */
  size(range: KeyRange): number {
    return this.#keys.get(range)?.size ?? 0;
  }

  /** Takes values that were written. */
  put(range: KeyRange, values: readonly MirroredValue[]): void {
    const keys = this.#keysOf(range);
    for (const { key, value, modRevision } of values) {
      if (keys.get(key) === modRevision) continue;
      this.#set(key, isTombstone(value) ? undefined : value);
      // Last, so that a row that cannot be decoded fails again on the next read instead of being taken as known.
      keys.set(key, modRevision);
    }
  }

  /** Takes all that a range holds: what is not among the values is gone. */
  replace(range: KeyRange, values: readonly MirroredValue[]): void {
    const keys = this.#keysOf(range);
    const present = new Set(values.map(({ key }) => key));
    for (const key of keys.keys()) {
      if (present.has(key)) continue;
      this.#set(key, undefined);
      keys.delete(key);
    }
    this.put(range, values);
  }

  catalog(revision: bigint): Catalog {
    const databases = this.#buildDatabases();
    const collections = new Map<bigint, CatalogCollection>();
    for (const [id, shelf] of this.#shelves) {
      shelf.built ??= build(id, shelf, databases);
      if (shelf.built !== undefined) collections.set(id, shelf.built);
      else if (isEmpty(shelf)) this.#shelves.delete(id);
    }
    return { revision, databases, collections };
  }

  #keysOf(range: KeyRange): Map<string, bigint> {
    const keys = this.#keys.get(range) ?? new Map<string, bigint>();
    this.#keys.set(range, keys);
    return keys;
  }

  #set(key: string, value: Uint8Array | undefined): void {
    const parsed = parseCatalogKey(key);
    if (parsed === undefined) return;
    const row = value === undefined ? undefined : decodeRow(parsed, value);
    if (parsed.kind === 'database') {
      put(this.#databases, key, row as RowOf<'database'> | undefined);
      // A database's name is part of each of its collections.
      for (const shelf of this.#shelves.values()) shelf.built = undefined;
      return;
    }
    const shelf = this.#shelf(parsed.kind === 'collection' ? parsed.id : parsed.collectionId);
    shelf.built = undefined;
    switch (parsed.kind) {
      case 'collection':
        return put(shelf.collections, key, row as RowOf<'collection'> | undefined);
      case 'field':
        return put(shelf.fields, key, row as RowOf<'field'> | undefined);
      case 'function':
        return put(shelf.functions, key, row as RowOf<'function'> | undefined);
      case 'partition':
        return put(shelf.partitions, key, row as RowOf<'partition'> | undefined);
      case 'index':
        return put(shelf.indexes, key, row as RowOf<'index'> | undefined);
      case 'partition-load':
        return put(shelf.partitionLoads, key, row as RowOf<'partition-load'> | undefined);
      case 'collection-load':
        return put(shelf.collectionLoads, key, row as RowOf<'collection-load'> | undefined);
    }
  }

  #shelf(collectionId: bigint): Shelf {
    const shelf = this.#shelves.get(collectionId) ?? emptyShelf();
    this.#shelves.set(collectionId, shelf);
    return shelf;
  }

  /** Any row that is no tombstone is a live database, whatever its state: 2.3 wrote state 0 into some. */
  #buildDatabases(): ReadonlyMap<bigint, CatalogDatabase> {
    const databases = new Map<bigint, CatalogDatabase>();
    databases.set(DEFAULT_DATABASE_ID, { id: DEFAULT_DATABASE_ID, name: DEFAULT_DATABASE, properties: {} });
    for (const { id, info } of this.#databases.values()) {
      databases.set(id, { id, name: info.name, properties: toRecord(info.properties) });
    }
    return databases;
  }
}

function put<Row>(rows: Map<string, Row>, key: string, row: Row | undefined): void {
  if (row === undefined) rows.delete(key);
  else rows.set(key, row);
}

function emptyShelf(): Shelf {
  return {
    collections: new Map(),
    fields: new Map(),
    functions: new Map(),
    partitions: new Map(),
    indexes: new Map(),
    partitionLoads: new Map(),
    collectionLoads: new Map(),
    built: undefined,
  };
}

function isEmpty({ built: _, ...maps }: Shelf): boolean {
  return Object.values(maps).every((map) => map.size === 0);
}

function build(
  id: bigint,
  shelf: Shelf,
  databases: ReadonlyMap<bigint, CatalogDatabase>,
): CatalogCollection | undefined {
  // More than one row is possible only where a legacy row outlived its successor, whose key sorts behind.
  const key = [...shelf.collections.keys()].sort().at(-1);
  const row = key === undefined ? undefined : shelf.collections.get(key);
  if (row === undefined) return undefined;
  return buildCollection({
    id,
    databaseId: row.databaseId,
    database: databases.get(row.databaseId)?.name ?? '',
    info: row.info,
    fields: infos(shelf.fields),
    functions: infos(shelf.functions),
    partitions: infos(shelf.partitions),
    indexes: infos(shelf.indexes),
    collectionLoad: infos(shelf.collectionLoads)[0],
    partitionLoads: infos(shelf.partitionLoads),
  });
}

function infos<Info>(rows: ReadonlyMap<string, { readonly info: Info }>): readonly Info[] {
  return [...rows.values()].map(({ info }) => info);
}
