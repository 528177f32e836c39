import { create } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Catalog } from '../../../../../replicator/engine/catalog.ts';
import { SourceUnavailableError } from '../../../../../replicator/source/change-source.ts';
import { EtcdCatalog } from '../../../../../replicator/source/kafka/etcd-catalog.ts';
import {
  EtcdCompactedError,
  type Listing,
  type ListOptions,
} from '../../../../../replicator/source/kafka/etcd-client.ts';
import { KeyValueSchema } from '../../../../../replicator/wire/gen/etcd_kv_pb.ts';
import type { CollectionState, PartitionState } from '../../../../../replicator/wire/gen/etcd_meta_pb.ts';
import type { LoadType } from '../../../../../replicator/wire/gen/query_coord_pb.ts';
import {
  collection,
  collectionLoad,
  database,
  field,
  fields,
  index,
  type MetaRow,
  partition,
  partitionLoad,
  TOMBSTONE,
} from './rows.ts';

const ROOT = 'by-dev/meta';
const never = new AbortController().signal;

/** etcd's data model: keys, revisions, and ranges filtered by modification. One state only: the present one. */
class ModelEtcd {
  readonly #keys = new Map<string, { readonly value: Uint8Array; readonly modRevision: bigint }>();
  revision = 1n;
  /** Keys that were returned, over all listings. */
  returned = 0;
  /** So many of the next listings at a given revision find it compacted. */
  compactions = 0;

  put([key, value]: MetaRow): void {
    this.revision += 1n;
    this.#keys.set(`${ROOT}/${key}`, { value, modRevision: this.revision });
  }

  delete(key: string): void {
    if (this.#keys.delete(`${ROOT}/${key}`)) this.revision += 1n;
  }

  compact(times: number): void {
    this.compactions = times;
  }

  get keys(): readonly string[] {
    return [...this.#keys.keys()].map((key) => key.slice(ROOT.length + 1));
  }

  async list(from: string, end: string, options: ListOptions): Promise<Listing> {
    if (options.revision !== undefined && this.compactions > 0) {
      this.compactions -= 1;
      throw new EtcdCompactedError('required revision has been compacted');
    }
    const inRange = [...this.#keys]
      .filter(([key]) => key >= from && key < end)
      .sort(([a], [b]) => (a < b ? -1 : 1));
    const kvs = inRange
      .filter(([, { modRevision }]) => modRevision >= (options.minModRevision ?? 0n))
      .map(([key, kv]) => create(KeyValueSchema, { ...kv, key: Buffer.from(key) }));
    this.returned += kvs.length;
    return { revision: this.revision, kvs, count: BigInt(inRange.length) };
  }

  session(): never {
    throw new Error('this test does not wait');
  }

  failed(): void {}
}

const read = (etcd: ModelEtcd, catalog = new EtcdCatalog(etcd, ROOT)): Promise<Catalog> =>
  catalog.read(never);

const id = fc.integer({ min: 5, max: 7 });
const row: fc.Arbitrary<MetaRow> = fc.oneof(
  fc.tuple(fc.integer({ min: 1, max: 3 }), fc.constantFrom('a', 'b')).map(([db, name]) => database(db, name)),
  fc
    .tuple(fc.integer({ min: 1, max: 3 }), id, fc.integer({ min: 0, max: 2 }))
    .map(([db, of, state]) =>
      collection(of, { state: state as CollectionState }, `root-coord/database/collection-info/${db}/${of}`),
    ),
  id.map((of) => collection(of, { schema: { name: 'legacy' } }, `root-coord/collection/${of}`)),
  fc.tuple(id, fc.integer({ min: 0, max: 2 })).map(([of, at]) => fields(of)[at] as MetaRow),
  fc.tuple(id, fc.boolean()).map(([of, isDynamic]) => field(of, 101, { name: '$meta', isDynamic })),
  fc
    .tuple(id, fc.integer({ min: 1, max: 3 }), fc.integer({ min: 0, max: 2 }))
    .map(([of, at, state]) => partition(of, at, state as PartitionState)),
  fc
    .tuple(id, fc.integer({ min: 1, max: 2 }), fc.boolean())
    .map(([of, at, deleted]) => index(of, at, { deleted })),
  fc
    .tuple(id, fc.integer({ min: 1, max: 2 }))
    .map(([of, loadType]) => collectionLoad(of, { loadType: loadType as LoadType })),
  fc.tuple(id, fc.integer({ min: 1, max: 3 })).map(([of, at]) => partitionLoad(of, at)),
  fc.constant<MetaRow>(['root-coord/database/aliases/1/alias', Buffer.from('x')]),
);
type Step = (etcd: ModelEtcd) => void;
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: row.map(
      (r): Step =>
        (etcd) =>
          etcd.put(r),
    ),
  },
  {
    weight: 2,
    arbitrary: row.map(
      ([key]): Step =>
        (etcd) =>
          etcd.put([key, TOMBSTONE]),
    ),
  },
  {
    weight: 3,
    arbitrary: fc.nat().map(
      (n): Step =>
        (etcd) => {
          const key = etcd.keys[n % Math.max(1, etcd.keys.length)];
          if (key !== undefined) etcd.delete(key);
        },
    ),
  },
  {
    weight: 1,
    arbitrary: fc.integer({ min: 1, max: 2 }).map(
      (n): Step =>
        (etcd) =>
          etcd.compact(n),
    ),
  },
);

test('a catalog that takes differences equals one that lists everything, after any history', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(step, { maxLength: 12 }), { maxLength: 12 }), async (rounds) => {
      const etcd = new ModelEtcd();
      const catalog = new EtcdCatalog(etcd, ROOT);
      for (const steps of rounds) {
        for (const apply of steps) apply(etcd);
        const differences = await read(etcd, catalog);
        etcd.compactions = 0;
        expect(differences).toEqual(await read(etcd));
      }
    }),
    { numRuns: 300 },
  );
});

test('a read after nothing changed fetches nothing, and after a change only that', async () => {
  const etcd = new ModelEtcd();
  for (let of = 5; of < 105; of += 1) for (const r of [collection(of), ...fields(of)]) etcd.put(r);
  const catalog = new EtcdCatalog(etcd, ROOT);
  await catalog.read(never);
  etcd.returned = 0;
  await catalog.read(never);
  expect(etcd.returned).toBe(0);
  etcd.put(partition(5, 1));
  await catalog.read(never);
  expect(etcd.returned).toBe(1);
});

test('a deletion lists only the range that it happened in', async () => {
  const etcd = new ModelEtcd();
  for (let of = 5; of < 105; of += 1)
    for (const r of [collection(of), ...fields(of), collectionLoad(of)]) etcd.put(r);
  const catalog = new EtcdCatalog(etcd, ROOT);
  await catalog.read(never);
  etcd.returned = 0;
  etcd.delete(collectionLoad(7)[0]);
  expect((await catalog.read(never)).collections.get(7n)?.load).toEqual({ kind: 'released' });
  expect(etcd.returned).toBe(99);
});

test('a revision that is compacted each time is a source that is away', async () => {
  const etcd = new ModelEtcd();
  etcd.compactions = 100;
  await expect(read(etcd)).rejects.toThrow(SourceUnavailableError);
});

test('a read that failed does not make the next one forget', async () => {
  const etcd = new ModelEtcd();
  const catalog = new EtcdCatalog(etcd, ROOT);
  await catalog.read(never);
  for (const r of [collection(5), ...fields(5)]) etcd.put(r);
  etcd.compactions = 100;
  await expect(catalog.read(never)).rejects.toThrow(SourceUnavailableError);
  etcd.compactions = 0;
  expect((await catalog.read(never)).collections.get(5n)?.state).toBe('created');
});

test('a read whose signal has aborted fails with its reason, and the next one works', async () => {
  const etcd = new ModelEtcd();
  const catalog = new EtcdCatalog(etcd, ROOT);
  await expect(catalog.read(AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough');
  expect((await catalog.read(never)).revision).toBe(1n);
});

test('calls that come while a read is under way share the next one', async () => {
  const etcd = new ModelEtcd();
  const catalog = new EtcdCatalog(etcd, ROOT);
  const first = catalog.read(never);
  await Promise.resolve();
  for (const r of [collection(5), ...fields(5)]) etcd.put(r);
  const later = [catalog.read(never), catalog.read(never), catalog.read(never)];
  await first;
  const catalogs = await Promise.all(later);
  for (const { collections } of catalogs) expect(collections.has(5n)).toBe(true);
  expect(new Set(catalogs).size).toBe(1);
});

test('a closed catalog is a source that is away', async () => {
  const catalog = new EtcdCatalog(new ModelEtcd(), ROOT);
  catalog.close();
  await expect(catalog.read(never)).rejects.toThrow(SourceUnavailableError);
});
