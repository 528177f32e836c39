import { create } from '@bufbuild/protobuf';
import type { Logger } from '#shared/log.ts';
import type {
  Catalog,
  CatalogCollection,
  CatalogIndex,
  LoadState,
} from '../../../replicator/engine/catalog.ts';
import type { ChannelRecord, Key, Rows, Timestamp } from '../../../replicator/engine/change.ts';
import {
  type ChangeSource,
  type ChannelExtent,
  HistoryLostError,
  type ReadOptions,
  SourceUnavailableError,
} from '../../../replicator/source/change-source.ts';
import {
  CollectionSchemaSchema,
  DataType,
  FieldSchemaSchema,
} from '../../../replicator/wire/gen/schema_pb.ts';
import type { SimClock } from './sim-clock.ts';
import { trace } from './trace.ts';

export interface FakeRow {
  readonly key: Key;
  readonly value: number;
}

/** Rows that carry their values in the clear. */
export class FakeRows implements Rows {
  readonly rows: readonly FakeRow[];
  readonly columns = [];

  constructor(rows: readonly FakeRow[]) {
    this.rows = rows;
  }

  get count(): number {
    return this.rows.length;
  }

  get bytes(): number {
    return this.rows.length * 100;
  }

  keys(): readonly Key[] {
    return this.rows.map((row) => row.key);
  }
}

interface Channel {
  readonly name: string;
  readonly logId: string;
  readonly records: ChannelRecord[];
  /** Records whose timestamp is given out and that are not in the log yet: they must be before the next tick. */
  readonly pending: (() => void)[];
  firstOffset: bigint;
}

export interface SourceCollection {
  catalog: CatalogCollection;
  /** Partition id -> key -> value. */
  readonly rows: Map<bigint, Map<Key, number>>;
}

/** A source Milvus in memory: a log of a few channels, a catalog, and the truth of what its rows are. */
export class FakeSource implements ChangeSource {
  readonly #clock: SimClock;
  readonly #random: () => number;
  readonly #channels = new Map<string, Channel>();
  readonly #collections = new Map<bigint, SourceCollection>();
  readonly #databases = new Map([[1n, 'default']]);
  #revision = 1n;
  #logical = 0n;
  #lastTick = 0n;
  #nextId = 1_000n;
  #listeners: (() => void)[] = [];
  #usage = new Map<string, number>();
  away = false;
  /** Whether the record that is written now reaches the log only right before the next tick. */
  isLate = (): boolean => this.#random() < 0.4;

  constructor(options: {
    readonly clock: SimClock;
    readonly channels: number;
    readonly random?: () => number;
  }) {
    this.#clock = options.clock;
    this.#random = options.random ?? (() => 0.5);
    for (let i = 0; i < options.channels; i++) {
      const name = `dml_${i}`;
      this.#channels.set(name, { name, logId: `log-${i}`, records: [], pending: [], firstOffset: 0n });
    }
  }

  // ---- what a user of the source does

  timestamp(): Timestamp {
    return (BigInt(Math.floor(this.#clock.wall())) << 18n) | (this.#logical++ & 0x3ffffn);
  }

  createDatabase(name: string): void {
    if (this.#databaseId(name) !== undefined) throw new Error(`there is a database ${name}`);
    this.#databases.set(this.#nextId++, name);
    this.#changed();
  }

  /** Refused, as on a real source, while it holds a collection that is not being dropped. */
  dropDatabase(name: string): void {
    const id = this.#databaseId(name);
    if (id === undefined) throw new Error(`no database ${name}`);
    const inside = [...this.#collections.values()].filter(({ catalog }) => catalog.databaseId === id);
    if (inside.some(({ catalog }) => catalog.state === 'created')) throw new Error(`${name} is not empty`);
    this.#databases.delete(id);
    // The rows of its last collections outlive its own.
    for (const { catalog } of inside) this.#edit(catalog.id, { database: '' });
    this.#changed();
  }

  databases(): readonly string[] {
    return [...this.#databases.values()];
  }

  #databaseId(name: string): bigint | undefined {
    return [...this.#databases].find(([, known]) => known === name)?.[0];
  }

  createCollection(
    name: string,
    options: { readonly shards?: number; readonly database?: string } = {},
  ): bigint {
    const database = options.database ?? 'default';
    const databaseId = this.#databaseId(database);
    if (databaseId === undefined) throw new Error(`no database ${database}`);
    const id = this.#nextId++;
    const shards = options.shards ?? 1;
    const channels = [...this.#channels.keys()]
      .sort((a, b) => (this.#usage.get(a) ?? 0) - (this.#usage.get(b) ?? 0))
      .slice(0, shards);
    const createdAt = this.timestamp();
    const starts = channels.map((channel) => {
      this.#usage.set(channel, (this.#usage.get(channel) ?? 0) + 1);
      this.#flush(channel);
      return this.#append(channel, { kind: 'create-collection', timestamp: createdAt, collectionId: id });
    });
    const partition = this.#nextId++;
    const catalog: CatalogCollection = {
      id,
      databaseId,
      database,
      name,
      state: 'created',
      schema: create(CollectionSchemaSchema, {
        name,
        fields: [
          create(FieldSchemaSchema, {
            fieldId: 100n,
            name: 'id',
            isPrimaryKey: true,
            dataType: DataType.INT64,
          }),
          create(FieldSchemaSchema, { fieldId: 101n, name: 'value', dataType: DataType.INT64 }),
        ],
      }),
      shards: channels.map((channel, i) => ({
        vchannel: `${channel}_${id}v${i}`,
        channel,
        startOffset: starts[i]!,
      })),
      createdAt,
      consistencyLevel: 2,
      properties: {},
      partitions: new Map([[partition, { id: partition, name: '_default', state: 'created' }]]),
      indexes: [],
      load: { kind: 'released' },
    };
    this.#collections.set(id, { catalog, rows: new Map([[partition, new Map()]]) });
    this.#changed();
    return id;
  }

  dropCollection(id: bigint): void {
    const collection = this.#collections.get(id)!;
    this.#edit(id, { state: 'dropping' });
    for (const { channel } of collection.catalog.shards) {
      this.#flush(channel);
      this.#append(channel, { kind: 'drop-collection', timestamp: this.timestamp(), collectionId: id });
    }
    // As on a real source, ticks pass the drop before the collection is forgotten and its channels fall silent.
    this.#clock.after(600 + 3_000 * this.#random(), () => {
      this.#collections.delete(id);
      this.#changed();
    });
  }

  createPartition(id: bigint, name: string): bigint {
    const partition = this.#nextId++;
    const { catalog, rows } = this.#collections.get(id)!;
    rows.set(partition, new Map());
    this.#edit(id, {
      partitions: new Map([...catalog.partitions, [partition, { id: partition, name, state: 'created' }]]),
    });
    return partition;
  }

  dropPartition(id: bigint, partition: bigint): void {
    const { catalog, rows } = this.#collections.get(id)!;
    rows.delete(partition);
    const entry = catalog.partitions.get(partition)!;
    this.#edit(id, {
      partitions: new Map([...catalog.partitions, [partition, { ...entry, state: 'dropping' }]]),
    });
    for (const { channel } of catalog.shards) {
      this.#flush(channel);
      this.#append(channel, {
        kind: 'drop-partition',
        timestamp: this.timestamp(),
        collectionId: id,
        partitionId: partition,
      });
    }
    this.#clock.after(2_000 * this.#random(), () => {
      const now = this.#collections.get(id)?.catalog;
      if (now === undefined) return;
      const left = new Map(now.partitions);
      left.delete(partition);
      this.#edit(id, { partitions: left });
    });
  }

  setIndexes(id: bigint, indexes: readonly CatalogIndex[]): void {
    this.#edit(id, { indexes });
  }

  setLoad(id: bigint, load: LoadState): void {
    this.#edit(id, { load });
  }

  insert(id: bigint, partition: bigint, rows: readonly FakeRow[]): void {
    const truth = this.#collections.get(id)!.rows.get(partition)!;
    for (const { key, value } of rows) truth.set(key, value);
    const timestamp = this.timestamp();
    for (const [channel, part] of this.#byShard(id, rows, (row) => row.key)) {
      this.#write(channel, {
        kind: 'insert',
        timestamp,
        messageId: this.#nextId++,
        collectionId: id,
        partitionId: partition,
        rows: new FakeRows(part),
        ofUpsert: false,
      });
    }
  }

  delete(id: bigint, keys: readonly Key[]): void {
    for (const rows of this.#collections.get(id)!.rows.values()) for (const key of keys) rows.delete(key);
    this.#writeDelete(id, -1n, keys, this.timestamp());
  }

  upsert(id: bigint, partition: bigint, rows: readonly FakeRow[]): void {
    const truth = this.#collections.get(id)!.rows.get(partition)!;
    for (const { key, value } of rows) truth.set(key, value);
    const timestamp = this.timestamp();
    for (const [channel, part] of this.#byShard(id, rows, (row) => row.key)) {
      this.#write(channel, {
        kind: 'insert',
        timestamp,
        messageId: this.#nextId++,
        collectionId: id,
        partitionId: partition,
        rows: new FakeRows(part),
        // Not every release tells.
        ofUpsert: this.#random() < 0.5,
      });
    }
    this.#writeDelete(
      id,
      partition,
      rows.map((row) => row.key),
      timestamp,
    );
  }

  #writeDelete(id: bigint, partition: bigint, keys: readonly Key[], timestamp: Timestamp): void {
    for (const [channel, part] of this.#byShard(id, keys, (key) => key)) {
      this.#write(channel, {
        kind: 'delete',
        timestamp,
        messageId: this.#nextId++,
        collectionId: id,
        partitionId: partition,
        keys: part,
        bytes: part.length * 10,
      });
    }
  }

  #byShard<T>(id: bigint, items: readonly T[], keyOf: (item: T) => Key): Map<string, T[]> {
    const { shards } = this.#collections.get(id)!.catalog;
    const grouped = new Map<string, T[]>();
    for (const item of items) {
      const { channel } = shards[Number(BigInt(keyOf(item)) % BigInt(shards.length))]!;
      grouped.set(channel, [...(grouped.get(channel) ?? []), item]);
    }
    return grouped;
  }

  /** A record reaches the log now or a little later, but before the next tick: proxies write concurrently. */
  #write(channel: string, record: DistributiveOmit<ChannelRecord, 'offset'>): void {
    const append = () => void this.#append(channel, record);
    if (this.isLate()) this.#channels.get(channel)!.pending.push(append);
    else append();
  }

  #flush(channel: string): void {
    for (const append of this.#channels.get(channel)!.pending.splice(0)) append();
  }

  /** Broadcasts a tick to every channel in use. As on a real source it may be older than what lies before it. */
  tick(timestamp = this.timestamp() - (BigInt(Math.floor(150 * this.#random())) << 18n)): void {
    timestamp = max(this.#lastTick + 1n, timestamp);
    this.#lastTick = timestamp;
    const used = new Set(
      [...this.#collections.values()].flatMap((c) => c.catalog.shards.map((s) => s.channel)),
    );
    for (const channel of used) {
      this.#flush(channel);
      this.#append(channel, { kind: 'tick', timestamp });
    }
  }

  /** Cuts the log: all but the newest `keep` records are gone. */
  loseHistory(channel: string, keep = 0): void {
    const log = this.#channels.get(channel)!;
    log.firstOffset = BigInt(Math.max(0, log.records.length - keep));
  }

  collections(): ReadonlyMap<bigint, SourceCollection> {
    return this.#collections;
  }

  #append(channel: string, record: DistributiveOmit<ChannelRecord, 'offset'>): bigint {
    const log = this.#channels.get(channel)!;
    const offset = BigInt(log.records.length);
    if (record.kind !== 'tick') {
      trace(
        () =>
          `${this.#clock.monotonic()}     log ${channel}@${offset} ${record.kind} ${'collectionId' in record ? record.collectionId : ''} ${'partitionId' in record ? record.partitionId : ''} ${record.kind === 'insert' ? (record.rows as FakeRows).rows.map((r) => `${r.key}=${r.value}`).join() : ''}${record.kind === 'delete' ? record.keys.join() : ''}`,
      );
    }
    log.records.push({ ...record, offset });
    this.#wake();
    return offset;
  }

  #edit(id: bigint, change: Partial<CatalogCollection>): void {
    const collection = this.#collections.get(id);
    if (collection === undefined) return;
    collection.catalog = { ...collection.catalog, ...change };
    this.#changed();
  }

  #changed(): void {
    this.#revision++;
    this.#wake();
  }

  #wake(): void {
    for (const listener of this.#listeners.splice(0)) listener();
  }

  #next(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal.aborted) {
        resolve();
        return;
      }
      this.#listeners.push(resolve);
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
  }

  // ---- the port

  async #latency(signal: AbortSignal): Promise<void> {
    await this.#clock.sleep(1 + 20 * this.#random(), signal);
    if (this.away) throw new SourceUnavailableError('the source is away');
  }

  async detect(_log: Logger, signal: AbortSignal): Promise<{ readonly version: string }> {
    await this.#latency(signal);
    return { version: 'fake' };
  }

  async readCatalog(signal: AbortSignal): Promise<Catalog> {
    await this.#latency(signal);
    return {
      revision: this.#revision,
      databases: new Map([...this.#databases].map(([id, name]) => [id, { id, name, properties: {} }])),
      collections: new Map([...this.#collections].map(([id, { catalog }]) => [id, catalog])),
    };
  }

  async awaitCatalogChange(revision: bigint, maxWaitMs: number, signal: AbortSignal): Promise<void> {
    const until = this.#clock.monotonic() + maxWaitMs;
    while (this.#revision <= revision && this.#clock.monotonic() < until) {
      await this.#next(signal);
      signal.throwIfAborted();
      if (this.away) throw new SourceUnavailableError('the source is away');
    }
    await this.#latency(signal);
  }

  async currentTimestamp(signal: AbortSignal): Promise<Timestamp> {
    await this.#latency(signal);
    return this.timestamp() + (3_000n << 18n);
  }

  async describeChannel(channel: string, signal: AbortSignal): Promise<ChannelExtent> {
    await this.#latency(signal);
    const log = this.#channels.get(channel);
    if (log === undefined) throw new SourceUnavailableError(`no channel ${channel}`);
    return { logId: log.logId, earliestOffset: log.firstOffset, nextOffset: BigInt(log.records.length) };
  }

  async *read(
    channel: string,
    offset: bigint,
    options: ReadOptions,
  ): AsyncIterable<readonly ChannelRecord[]> {
    const log = this.#channels.get(channel)!;
    let at = offset;
    for (;;) {
      await this.#latency(options.signal);
      if (at < log.firstOffset) throw new HistoryLostError(`${channel} begins at ${log.firstOffset}`);
      while (at >= BigInt(log.records.length)) {
        await this.#next(options.signal);
        options.signal.throwIfAborted();
        if (this.away) throw new SourceUnavailableError('the source is away');
      }
      const size = 1 + Math.floor(this.#random() * 12);
      const records = log.records.slice(Number(at), Number(at) + size);
      at += BigInt(records.length);
      yield records;
    }
  }

  async readOne(channel: string, offset: bigint, signal: AbortSignal): Promise<ChannelRecord | undefined> {
    await this.#latency(signal);
    const log = this.#channels.get(channel)!;
    return offset < log.firstOffset ? undefined : log.records[Number(offset)];
  }

  async close(): Promise<void> {}
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;
