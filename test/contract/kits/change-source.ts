import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CatalogCollection } from '../../../replicator/engine/catalog.ts';
import type { ChannelRecord, Timestamp } from '../../../replicator/engine/change.ts';
import {
  type ChangeSource,
  HistoryLostError,
  SourceUnavailableError,
} from '../../../replicator/source/change-source.ts';

/** What stands in a channel, without the offset that the channel gives it. Keys of inserts are int64, their key field has
 *  {@link KEY_FIELD_ID}; `padding` bytes per row make an insert as heavy as a test wants it. */
export type LogEntry =
  | { readonly kind: 'tick'; readonly timestamp: Timestamp }
  | {
      readonly kind: 'insert' | 'delete';
      readonly timestamp: Timestamp;
      readonly collectionId: bigint;
      readonly keys: readonly bigint[];
      readonly padding?: number | undefined;
    }
  | {
      readonly kind: 'create-collection' | 'drop-collection';
      readonly timestamp: Timestamp;
      readonly collectionId: bigint;
    }
  | {
      readonly kind: 'drop-partition';
      readonly timestamp: Timestamp;
      readonly collectionId: bigint;
      readonly partitionId: bigint;
    }
  | { readonly kind: 'unknown'; readonly timestamp: Timestamp; readonly messageType: number };

export const KEY_FIELD_ID = 100;

/** A source under test, and the other side of it: what its users and its operators do. */
export interface ChangeSourceHarness {
  readonly source: ChangeSource;
  /** A new channel, used by one test only, that holds the entries from offset 0 on. */
  makeChannel(entries: readonly LogEntry[]): Promise<string>;
  append(channel: string, entries: readonly LogEntry[]): Promise<void>;
  /** The log forgets everything before `offset`. */
  truncate(channel: string, offset: bigint): Promise<void>;
  /** Deletes the channel and makes another one of the same name that holds the entries. */
  remake(channel: string, entries: readonly LogEntry[]): Promise<void>;
  /** As a user of the source: a collection in `default` with an int64 key and one shard. Returns when the source says that
   *  it is done. */
  createCollection(name: string): Promise<void>;
  createPartition(collection: string, partition: string): Promise<void>;
  insert(collection: string, keys: readonly bigint[]): Promise<void>;
  dropCollection(name: string): Promise<void>;
  close(): Promise<void>;
}

const BUFFER = 4 * 1024 * 1024;
/** Longer than anything here takes, shorter than the test's own limit: a failing wait says so itself. */
const PATIENCE_MS = 20_000;
const PROMPTLY_MS = 1_000;

/** What every {@link ChangeSource} promises; each sentence of the port is a test here. */
export function describeChangeSource(name: string, make: () => Promise<ChangeSourceHarness>): void {
  describe(`${name} as a change source`, () => {
    let harness: ChangeSourceHarness;
    let source: ChangeSource;

    beforeAll(async () => {
      harness = await make();
      source = harness.source;
    });
    afterAll(() => harness.close());

    const patience = (): AbortSignal => AbortSignal.timeout(PATIENCE_MS);

    /** Reads until `count` records have come. */
    const take = async (
      channel: string,
      offset: bigint,
      count: number,
    ): Promise<readonly ChannelRecord[]> => {
      const stop = new AbortController();
      const signal = AbortSignal.any([stop.signal, patience()]);
      const taken: ChannelRecord[] = [];
      for await (const records of source.read(channel, offset, { maxBufferedBytes: BUFFER, signal })) {
        taken.push(...records);
        if (taken.length >= count) stop.abort();
      }
      return taken;
    };

    const find = async (collection: string): Promise<CatalogCollection | undefined> => {
      const { collections } = await source.readCatalog(patience());
      return [...collections.values()].find((c) => c.name === collection && c.state === 'created');
    };

    describe('reading a channel', () => {
      test('hands out every record, of every kind, in the order of the log', async () => {
        const entries: readonly LogEntry[] = [
          { kind: 'create-collection', timestamp: 10n, collectionId: 7n },
          { kind: 'insert', timestamp: 11n, collectionId: 7n, keys: [1n, -2n, 9007199254740993n] },
          { kind: 'tick', timestamp: 11n },
          { kind: 'delete', timestamp: 12n, collectionId: 7n, keys: [-2n] },
          { kind: 'drop-partition', timestamp: 13n, collectionId: 7n, partitionId: 8n },
          { kind: 'unknown', timestamp: 14n, messageType: 4242 },
          { kind: 'drop-collection', timestamp: 15n, collectionId: 7n },
          { kind: 'tick', timestamp: 15n },
        ];
        const channel = await harness.makeChannel(entries);
        const records = await take(channel, 0n, entries.length);
        expect(records.map(asEntry)).toEqual(entries.map((entry, at) => ({ offset: BigInt(at), ...entry })));
      });

      test('begins at the offset it is given, that record included', async () => {
        const channel = await harness.makeChannel(ticks(20));
        const records = await take(channel, 13n, 7);
        expect(records.map(({ offset }) => offset)).toEqual(range(13, 20));
      });

      test('may begin where the next record will be put, and waits for it', async () => {
        const channel = await harness.makeChannel(ticks(3));
        const reading = take(channel, 3n, 1);
        await sleep(300);
        await harness.append(channel, ticks(1, 3));
        expect((await reading).map(({ offset, timestamp }) => ({ offset, timestamp }))).toEqual([
          { offset: 3n, timestamp: 4n },
        ]);
      });

      test('reads a channel that is still empty', async () => {
        const channel = await harness.makeChannel([]);
        const reading = take(channel, 0n, 2);
        await harness.append(channel, ticks(2));
        expect(await reading).toHaveLength(2);
      });

      test('hands out what is appended while it reads, once and in order', async () => {
        const channel = await harness.makeChannel(ticks(5));
        const reading = take(channel, 0n, 50);
        for (let at = 5; at < 50; at += 5) await harness.append(channel, ticks(5, at));
        expect((await reading).map(({ offset }) => offset)).toEqual(range(0, 50));
      });

      test('serves readers of one channel independently of each other', async () => {
        const channel = await harness.makeChannel(ticks(30));
        const [all, tail] = await Promise.all([take(channel, 0n, 30), take(channel, 25n, 5)]);
        expect(all).toHaveLength(30);
        expect(tail.map(({ offset }) => offset)).toEqual(range(25, 30));
      });

      test('never hands out an empty array', async () => {
        const channel = await harness.makeChannel(ticks(10));
        const stop = new AbortController();
        const sizes: number[] = [];
        const options = { maxBufferedBytes: BUFFER, signal: AbortSignal.any([stop.signal, patience()]) };
        setTimeout(() => stop.abort(), 700);
        for await (const records of source.read(channel, 0n, options)) sizes.push(records.length);
        expect(Math.min(...sizes)).toBeGreaterThan(0);
      });

      test('reads a log that is much larger than its buffer', async () => {
        const heavy = (at: number): LogEntry => ({
          kind: 'insert',
          timestamp: BigInt(at + 1),
          collectionId: 7n,
          keys: range(at * 10, at * 10 + 10),
          padding: 20_000,
        });
        const entries = Array.from({ length: 40 }, (_, at) => heavy(at));
        const channel = await harness.makeChannel(entries);
        const maxBufferedBytes = 256 * 1024;
        const stop = new AbortController();
        const keys: unknown[] = [];
        const signal = AbortSignal.any([stop.signal, patience()]);
        for await (const records of source.read(channel, 0n, { maxBufferedBytes, signal })) {
          for (const record of records)
            if (record.kind === 'insert') keys.push(...record.rows.keys(KEY_FIELD_ID));
          if (keys.length >= 400) stop.abort();
        }
        expect(keys).toEqual(range(0, 400));
      });
    });

    describe('stopping to read', () => {
      test('ends promptly when the signal aborts while nothing arrives', async () => {
        const channel = await harness.makeChannel(ticks(1));
        const stop = new AbortController();
        const reading = drain(source, channel, 1n, stop.signal);
        await sleep(200);
        const before = performance.now();
        stop.abort();
        await reading;
        expect(performance.now() - before).toBeLessThan(PROMPTLY_MS);
      });

      test('ends at once when the signal has aborted already', async () => {
        const channel = await harness.makeChannel(ticks(1));
        await drain(source, channel, 0n, AbortSignal.abort());
      });

      test('lets the consumer leave in the middle', async () => {
        const channel = await harness.makeChannel(ticks(5));
        const options = { maxBufferedBytes: BUFFER, signal: patience() };
        for await (const records of source.read(channel, 0n, options)) {
          expect(records.length).toBeGreaterThan(0);
          break;
        }
      });
    });

    describe('a log that is not what it was', () => {
      test('fails with HistoryLostError below the first offset that the log still holds', async () => {
        const channel = await harness.makeChannel(ticks(10));
        await harness.truncate(channel, 6n);
        await expect(take(channel, 5n, 1)).rejects.toThrow(HistoryLostError);
        expect(await take(channel, 6n, 4)).toHaveLength(4);
      });

      test('fails with HistoryLostError beyond the end of the log', async () => {
        const channel = await harness.makeChannel(ticks(3));
        await expect(take(channel, 4n, 1)).rejects.toThrow(HistoryLostError);
      });

      test('fails with HistoryLostError when the channel was made anew since it was described', async () => {
        const channel = await harness.makeChannel(ticks(10));
        const { logId } = await source.describeChannel(channel, patience());
        await harness.remake(channel, ticks(10));
        await expect(take(channel, 5n, 1)).rejects.toThrow(HistoryLostError);
        expect((await source.describeChannel(channel, patience())).logId).not.toBe(logId);
        expect(await take(channel, 5n, 5)).toHaveLength(5);
      });

      test('fails with SourceUnavailableError for a channel that does not exist', async () => {
        await expect(take('no-such-channel', 0n, 1)).rejects.toThrow(SourceUnavailableError);
        await expect(source.describeChannel('no-such-channel', patience())).rejects.toThrow(
          SourceUnavailableError,
        );
        await expect(source.readOne('no-such-channel', 0n, patience())).rejects.toThrow(
          SourceUnavailableError,
        );
      });

      test('does not bring a channel into being by asking for it', async () => {
        await expect(source.describeChannel('never-made', patience())).rejects.toThrow(
          SourceUnavailableError,
        );
        await expect(source.describeChannel('never-made', patience())).rejects.toThrow(
          SourceUnavailableError,
        );
      });
    });

    describe('describing a channel', () => {
      test('tells the first offset and the one that the next record will get', async () => {
        const channel = await harness.makeChannel(ticks(10));
        const extent = await source.describeChannel(channel, patience());
        expect(extent).toMatchObject({ earliestOffset: 0n, nextOffset: 10n });
        await harness.append(channel, ticks(2, 10));
        await harness.truncate(channel, 4n);
        const { earliestOffset, nextOffset, logId } = await source.describeChannel(channel, patience());
        expect({ earliestOffset, nextOffset, logId }).toEqual({
          earliestOffset: 4n,
          nextOffset: 12n,
          logId: extent.logId,
        });
      });

      test('tells channels apart by their log id', async () => {
        const [one, two] = await Promise.all([harness.makeChannel([]), harness.makeChannel([])]);
        const [a, b] = await Promise.all([one, two].map((c) => source.describeChannel(c, patience())));
        expect(a?.logId).not.toBe(b?.logId);
      });
    });

    describe('reading one record', () => {
      test('answers the record at that offset', async () => {
        const channel = await harness.makeChannel(ticks(10));
        for (const offset of [0n, 4n, 9n]) {
          expect(await source.readOne(channel, offset, patience())).toEqual({
            kind: 'tick',
            offset,
            timestamp: offset + 1n,
          });
        }
      });

      test('answers undefined where the log holds none', async () => {
        const channel = await harness.makeChannel(ticks(10));
        await harness.truncate(channel, 5n);
        for (const offset of [-1n, 0n, 4n, 10n, 11n]) {
          expect(await source.readOne(channel, offset, patience())).toBeUndefined();
        }
      });
    });

    describe('the catalog', () => {
      test('holds a collection that was created before the call', async () => {
        for (let round = 0; round < 3; round += 1) {
          const collection = uniqueName();
          await harness.createCollection(collection);
          const found = await find(collection);
          expect(found).toMatchObject({ database: 'default', name: collection, state: 'created' });
          expect(found?.schema.fields.some((field) => field.isPrimaryKey)).toBe(true);
          expect(found?.shards).toHaveLength(1);
          expect([...(found?.partitions.values() ?? [])].map((p) => p.name)).toEqual(['_default']);
        }
      });

      test('does not hold, as created, a collection that was dropped before the call', async () => {
        const collection = uniqueName();
        await harness.createCollection(collection);
        expect(await find(collection)).toBeDefined();
        await harness.dropCollection(collection);
        expect(await find(collection)).toBeUndefined();
      });

      test('gives a collection that is made again under its name another id', async () => {
        const collection = uniqueName();
        await harness.createCollection(collection);
        const first = await find(collection);
        await harness.dropCollection(collection);
        await harness.createCollection(collection);
        const second = await find(collection);
        expect(second?.id).not.toBe(first?.id);
      });

      test('has a revision that grows with every change', async () => {
        const before = await source.readCatalog(patience());
        await harness.createCollection(uniqueName());
        const after = await source.readCatalog(patience());
        expect(after.revision).toBeGreaterThan(before.revision);
      });

      test('is not changed by later reads', async () => {
        const collection = uniqueName();
        await harness.createCollection(collection);
        const before = await source.readCatalog(patience());
        const partitions = (id: bigint): number => before.collections.get(id)?.partitions.size ?? 0;
        const id = (await find(collection))?.id ?? -1n;
        await harness.createPartition(collection, 'later');
        const after = await source.readCatalog(patience());
        expect(after.collections.get(id)?.partitions.size).toBe(2);
        expect(partitions(id)).toBe(1);
      });

      test('answers concurrent reads, each with all that was committed before it', async () => {
        const collection = uniqueName();
        const early = source.readCatalog(patience());
        await harness.createCollection(collection);
        const reads = await Promise.all([1, 2, 3].map(() => source.readCatalog(patience())));
        await early;
        for (const { collections } of reads) {
          expect([...collections.values()].some((c) => c.name === collection)).toBe(true);
        }
      });
    });

    describe('waiting for a change of the catalog', () => {
      test('wakes soon after a change', async () => {
        const collection = uniqueName();
        await harness.createCollection(collection);
        let seen = await source.readCatalog(patience());
        const has = (): boolean =>
          [...seen.collections.values()].some((c) =>
            [...c.partitions.values()].some(
              (p) => c.name === collection && p.name === 'wake' && p.state === 'created',
            ),
          );
        // A waiter may be woken without need; what counts is when it has seen the change.
        const watching = (async () => {
          while (!has()) {
            await source.awaitCatalogChange(seen.revision, PATIENCE_MS, patience());
            seen = await source.readCatalog(patience());
          }
          return performance.now();
        })();
        await sleep(500);
        await harness.createPartition(collection, 'wake');
        const done = performance.now();
        expect((await watching) - done).toBeLessThan(PROMPTLY_MS);
      });

      test('returns at once when the change has already happened', async () => {
        const { revision } = await source.readCatalog(patience());
        await source.awaitCatalogChange(revision, 100, patience());
        const before = await source.readCatalog(patience());
        await harness.createCollection(uniqueName());
        const start = performance.now();
        await source.awaitCatalogChange(before.revision, PATIENCE_MS, patience());
        expect(performance.now() - start).toBeLessThan(PROMPTLY_MS);
      });

      test('returns after the longest wait when nothing changes', async () => {
        const start = performance.now();
        const { revision } = await source.readCatalog(patience());
        await source.awaitCatalogChange(revision + 1_000_000n, 300, patience());
        expect(performance.now() - start).toBeLessThan(300 + PROMPTLY_MS);
      });

      test('ends promptly when the signal aborts', async () => {
        const { revision } = await source.readCatalog(patience());
        const stop = new AbortController();
        const waiting = source.awaitCatalogChange(revision + 1_000_000n, PATIENCE_MS, stop.signal);
        const settled = waiting.then(
          () => 'resolved',
          () => 'rejected',
        );
        await sleep(100);
        const start = performance.now();
        stop.abort();
        await settled;
        expect(performance.now() - start).toBeLessThan(PROMPTLY_MS);
      });
    });

    describe('a collection that is written to', () => {
      test('stands in its channel from its start offset on, each row once, nothing at or below a tick behind it', async () => {
        const name = uniqueName();
        await harness.createCollection(name);
        const collection = await find(name);
        const [shard] = collection?.shards ?? [];
        if (collection === undefined || shard === undefined)
          throw new Error('the collection is not in the catalog');
        for (let at = 0; at < 10; at += 1) await harness.insert(name, range(at * 3, at * 3 + 3));

        const first = await source.readOne(shard.channel, shard.startOffset, patience());
        expect(first).toMatchObject({ kind: 'create-collection', collectionId: collection.id });

        const keyField = collection.schema.fields.find((field) => field.isPrimaryKey);
        const keys: unknown[] = [];
        let tick = -1n;
        const stop = new AbortController();
        const signal = AbortSignal.any([stop.signal, patience()]);
        const options = { maxBufferedBytes: BUFFER, signal };
        for await (const records of source.read(shard.channel, shard.startOffset, options)) {
          for (const record of records) {
            if (record.kind === 'tick') {
              expect(record.timestamp).toBeGreaterThanOrEqual(tick);
              tick = record.timestamp;
              if (keys.length >= 30) stop.abort();
              continue;
            }
            if (tick >= 0n) expect(record.timestamp).toBeGreaterThan(tick);
            if (record.kind !== 'insert' || record.collectionId !== collection.id) continue;
            keys.push(...record.rows.keys(Number(keyField?.fieldId)));
          }
        }
        expect(keys.sort(byValue)).toEqual(range(0, 30));
      });

      test('bears timestamps below the bound that the source tells afterwards', async () => {
        const name = uniqueName();
        await harness.createCollection(name);
        await harness.insert(name, [1n]);
        const bound = await source.currentTimestamp(patience());
        const collection = await find(name);
        const [shard] = collection?.shards ?? [];
        if (shard === undefined) throw new Error('the collection is not in the catalog');
        const [create] = await take(shard.channel, shard.startOffset, 1);
        expect(create?.timestamp).toBeLessThanOrEqual(bound);
        expect(create?.timestamp).toBeGreaterThan(bound - (60_000n << 18n));
      });
    });
  });
}

function ticks(count: number, from = 0): readonly LogEntry[] {
  return Array.from({ length: count }, (_, at) => ({ kind: 'tick', timestamp: BigInt(from + at + 1) }));
}

function range(from: number, to: number): readonly bigint[] {
  return Array.from({ length: to - from }, (_, at) => BigInt(from + at));
}

function byValue(a: unknown, b: unknown): number {
  return Number((a as bigint) - (b as bigint));
}

let names = 0;
function uniqueName(): string {
  names += 1;
  return `source_kit_${process.pid}_${Date.now().toString(36)}_${names}`;
}

async function drain(
  source: ChangeSource,
  channel: string,
  offset: bigint,
  signal: AbortSignal,
): Promise<void> {
  for await (const _ of source.read(channel, offset, { maxBufferedBytes: BUFFER, signal }));
}

/** A record in the words of {@link LogEntry}. */
function asEntry(record: ChannelRecord): unknown {
  const { offset, kind, timestamp } = record;
  switch (record.kind) {
    case 'tick':
      return { offset, kind, timestamp };
    case 'insert':
      return {
        offset,
        kind,
        timestamp,
        collectionId: record.collectionId,
        keys: record.rows.keys(KEY_FIELD_ID),
      };
    case 'delete':
      return { offset, kind, timestamp, collectionId: record.collectionId, keys: record.keys };
    case 'create-collection':
    case 'drop-collection':
      return { offset, kind, timestamp, collectionId: record.collectionId };
    case 'drop-partition':
      return { offset, kind, timestamp, collectionId: record.collectionId, partitionId: record.partitionId };
    case 'unknown':
      return { offset, kind, timestamp, messageType: record.messageType };
  }
}
