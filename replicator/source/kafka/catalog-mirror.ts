import {
  type Catalog,
  type CatalogCollection,
  type CatalogDatabase,
  DEFAULT_DATABASE,
} from '../../engine/catalog.ts';
import { buildCollection, toRecord } from './catalog-build.ts';
import { type CatalogRow, decodeRow, isTombstone } from './catalog-decode.ts';
import { DEFAULT_DATABASE_ID, type KeyRange, parseCatalogKey } from './catalog-keys.ts';

/** A key and value of etcd; the key relative to the metadata's root. */
export interface MirroredValue {
  readonly key: string;
  readonly value: Uint8Array;
  readonly modRevision: bigint;
}

type RowOf<Kind extends CatalogRow['kind']> = Extract<CatalogRow, { kind: Kind }>;
type Rows = Map<string, CatalogRow>;

/** Everything known about one collection id. */
interface Shelf {
  readonly rows: Rows;
  /** The collection as last built; undefined when a row has changed since, or there is none. */
  built: CatalogCollection | undefined;
}

/** A copy of the source's metadata that takes differences: only rows that changed are decoded, only collections they
 *  speak of are built again. Pure; {@link EtcdCatalog} feeds it. */
export class CatalogMirror {
  /** Revision of every key that etcd holds in a range, also of tombstones and of keys that are not the catalog's. */
  readonly #keys = new Map<KeyRange, Map<string, bigint>>();
  readonly #databases: Rows = new Map();
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
      shelf.built ??= build(id, shelf.rows, databases);
      if (shelf.built !== undefined) collections.set(id, shelf.built);
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
      put(this.#databases, key, row);
      // A database's name is part of each of its collections.
      for (const shelf of this.#shelves.values()) shelf.built = undefined;
      return;
    }
    const id = parsed.kind === 'collection' ? parsed.id : parsed.collectionId;
    const shelf = this.#shelves.get(id) ?? { rows: new Map(), built: undefined };
    put(shelf.rows, key, row);
    shelf.built = undefined;
    if (shelf.rows.size > 0) this.#shelves.set(id, shelf);
    else this.#shelves.delete(id);
  }

  /** Any row that is no tombstone is a live database, whatever its state: 2.3 wrote state 0 into some. */
  #buildDatabases(): ReadonlyMap<bigint, CatalogDatabase> {
    const databases = new Map<bigint, CatalogDatabase>();
    databases.set(DEFAULT_DATABASE_ID, { id: DEFAULT_DATABASE_ID, name: DEFAULT_DATABASE, properties: {} });
    for (const { id, info } of rowsOf(this.#databases, 'database')) {
      databases.set(id, { id, name: info.name, properties: toRecord(info.properties) });
    }
    return databases;
  }
}

function put(rows: Rows, key: string, row: CatalogRow | undefined): void {
  if (row === undefined) rows.delete(key);
  else rows.set(key, row);
}

function build(
  id: bigint,
  byKey: Rows,
  databases: ReadonlyMap<bigint, CatalogDatabase>,
): CatalogCollection | undefined {
  // Whatever order they came in, the same rows make the same collection.
  const rows = new Map([...byKey].sort(([a], [b]) => (a < b ? -1 : 1)));
  // More than one row is possible only where a legacy row outlived its successor; a row of the younger layout wins.
  const candidates = rowsOf(rows, 'collection');
  const row = candidates.find(({ legacy }) => !legacy) ?? candidates[0];
  if (row === undefined) return undefined;
  return buildCollection({
    id,
    databaseId: row.databaseId,
    database: databases.get(row.databaseId)?.name ?? '',
    info: row.info,
    fields: rowsOf(rows, 'field').map(({ info }) => info),
    functions: rowsOf(rows, 'function').map(({ info }) => info),
    partitions: rowsOf(rows, 'partition').map(({ info }) => info),
    indexes: rowsOf(rows, 'index').map(({ info }) => info),
    collectionLoad: rowsOf(rows, 'collection-load')[0]?.info,
    partitionLoads: rowsOf(rows, 'partition-load').map(({ info }) => info),
  });
}

function rowsOf<Kind extends CatalogRow['kind']>(rows: Rows, kind: Kind): readonly RowOf<Kind>[] {
  return [...rows.values()].filter((row): row is RowOf<Kind> => row.kind === kind);
}
