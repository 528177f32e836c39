import type { Key } from '../../../replicator/engine/change.ts';
import {
  type Answer,
  type CollectionDefinition,
  type CollectionName,
  type Target,
  type TargetCollection,
  type TargetDatabase,
  type TargetIndex,
  type TargetLoadState,
  TargetRefusedError,
  TargetUnavailableError,
  type WriteRequest,
} from '../../../replicator/target/target.ts';
import type { FakeRows } from './fake-source.ts';
import type { SimClock } from './sim-clock.ts';
import { trace } from './trace.ts';

interface Row {
  readonly key: Key;
  readonly value: number;
  readonly partition: string;
}

interface Stored {
  readonly collection: TargetCollection;
  rows: Row[];
  readonly partitions: Set<string>;
  readonly indexes: Map<string, TargetIndex>;
  load: TargetLoadState;
  readonly inFlight: Map<Key, number>;
}

export interface Faults {
  /** Odds of an answer that leaves the outcome open. */
  readonly ambiguous: number;
  /** Odds of a definite "not now". */
  readonly busy: number;
}

/** A target Milvus in memory, with the habits that hurt: an insert never deduplicates, an upsert replaces within its
 *  partition, and a request whose connection closed may still be executed, up to `settleMs` later. */
export class FakeTargetServer {
  readonly collections = new Map<string, Stored>();
  /** Databases by name, with the time of their creation. */
  readonly databases = new Map([['default', 1n]]);
  /** Databases that somebody else made. */
  readonly foreign = new Set<string>();
  /** Whether it tells a database's time of creation. */
  tellsCreation = true;
  /** What must never happen and did. */
  readonly violations: string[] = [];
  readonly #clock: SimClock;
  readonly #random: () => number;
  readonly settleMs: number;
  faults: Faults = { ambiguous: 0, busy: 0 };
  away = false;
  poison: ((request: WriteRequest) => boolean) | undefined;
  writes = 0;
  #nextId = 1n;

  constructor(options: {
    readonly clock: SimClock;
    readonly random?: () => number;
    readonly settleMs: number;
  }) {
    this.#clock = options.clock;
    this.#random = options.random ?? (() => 0.5);
    this.settleMs = options.settleMs;
  }

  get clock(): SimClock {
    return this.#clock;
  }

  random(): number {
    return this.#random();
  }

  find(name: CollectionName): Stored | undefined {
    return this.collections.get(`${name.database}.${name.collection}`);
  }

  createDatabase(name: string): void {
    trace(() => `${this.#clock.monotonic()} CREATE DATABASE ${name}`);
    if (!this.databases.has(name)) this.databases.set(name, this.#nextId++ * 1_000_000n);
  }

  /** Somebody else makes a database. */
  createForeign(name: string): void {
    this.createDatabase(name);
    this.foreign.add(name);
  }

  /** Answers false when it holds a collection. */
  dropDatabase(name: string): boolean {
    trace(() => `${this.#clock.monotonic()} DROP DATABASE ${name}`);
    if ([...this.collections.values()].some(({ collection }) => collection.database === name)) return false;
    if (this.foreign.has(name)) this.violations.push(`the database ${name} is not the task's to drop`);
    this.databases.delete(name);
    return true;
  }

  create(definition: CollectionDefinition): bigint {
    if (!this.databases.has(definition.database))
      throw new TargetRefusedError(65_535, `database:${definition.database} not found`);
    const id = this.#nextId++;
    const { database, collection: name, schema, shards, consistencyLevel, properties } = definition;
    this.collections.set(`${database}.${name}`, {
      collection: {
        id,
        database,
        name,
        schema,
        shards,
        consistencyLevel,
        properties,
        partitionKeyPartitions: 0,
      },
      rows: [],
      partitions: new Set(['_default']),
      indexes: new Map(),
      load: { kind: 'released' },
      inFlight: new Map(),
    });
    return id;
  }

  /** Executes a request; answers why not. */
  execute(request: WriteRequest): string | undefined {
    const stored = this.find(request);
    trace(
      () =>
        `${this.#clock.monotonic()} ${request.kind} ${request.collection}/${request.partition} ${request.kind === 'delete' ? request.keys.join() : request.parts.flatMap((p) => (p as FakeRows).rows.map((r) => `${r.key}=${r.value}`)).join()}`,
    );
    if (stored === undefined) return `no collection ${request.collection}`;
    if (request.kind === 'delete') {
      const keys = new Set(request.keys);
      stored.rows = stored.rows.filter(
        (row) =>
          !keys.has(row.key) || (request.partition !== undefined && row.partition !== request.partition),
      );
      return undefined;
    }
    const partition = request.partition ?? '_default';
    if (!stored.partitions.has(partition)) return `no partition ${partition}`;
    const rows = request.parts.flatMap((part) => (part as FakeRows).rows);
    if (request.kind === 'upsert') {
      const keys = new Set(rows.map((row) => row.key));
      if (keys.size !== rows.length) this.violations.push('an upsert holds a key twice');
      stored.rows = stored.rows.filter((row) => !keys.has(row.key) || row.partition !== partition);
    }
    stored.rows.push(...rows.map((row) => ({ ...row, partition })));
    return undefined;
  }

  /** Marks the keys of a request while it may be executed. */
  begin(request: WriteRequest): () => void {
    const stored = this.find(request);
    if (stored === undefined) return () => undefined;
    const keys = request.kind === 'delete' ? request.keys : request.parts.flatMap((part) => part.keys(100));
    for (const key of new Set(keys)) {
      const count = stored.inFlight.get(key) ?? 0;
      if (count > 0) this.violations.push(`two requests with the key ${key} overlap (${request.kind})`);
      stored.inFlight.set(key, count + 1);
    }
    return () => {
      for (const key of new Set(keys)) stored.inFlight.set(key, (stored.inFlight.get(key) ?? 1) - 1);
    };
  }

  /** A client of this server: one per process. */
  client(alive: () => boolean): Target {
    return new FakeTarget(this, alive);
  }
}

class FakeTarget implements Target {
  readonly maxRequestBytes = 1_000_000;
  readonly #server: FakeTargetServer;
  readonly #alive: () => boolean;

  constructor(server: FakeTargetServer, alive: () => boolean) {
    this.#server = server;
    this.#alive = alive;
  }

  async write(request: WriteRequest): Promise<Answer> {
    const server = this.#server;
    server.writes++;
    if (server.away) {
      await this.#pause(50);
      return { kind: 'rejected', retryable: true, code: 0, message: 'the target is away' };
    }
    if (server.random() < server.faults.busy) {
      await this.#pause(5);
      return { kind: 'rejected', retryable: true, code: 8, message: 'rate limit' };
    }
    if (server.poison?.(request)) {
      await this.#pause(5);
      return { kind: 'rejected', retryable: false, code: 1100, message: 'invalid parameter' };
    }
    const end = server.begin(request);
    const ambiguous = server.random() < server.faults.ambiguous;
    // Executed at some moment; the answer comes later, or never.
    const executesIn = 1 + 80 * server.random();
    const answered = Promise.withResolvers<Answer>();
    const neverExecutes = ambiguous && server.random() < 0.4;
    const lateBy = ambiguous ? server.random() * server.settleMs * 0.9 : 0;
    server.clock.after(executesIn + lateBy, () => {
      const refusal = neverExecutes ? undefined : server.execute(request);
      end();
      if (!ambiguous && this.#alive()) {
        answered.resolve(
          refusal === undefined
            ? { kind: 'applied' }
            : { kind: 'rejected', retryable: false, code: 100, message: refusal },
        );
      }
    });
    if (ambiguous) {
      server.clock.after(executesIn, () => {
        if (this.#alive()) answered.resolve({ kind: 'ambiguous', message: 'deadline exceeded' });
      });
    }
    return answered.promise;
  }

  async #pause(ms: number): Promise<void> {
    await this.#server.clock.sleep(ms * (0.5 + this.#server.random()));
    if (!this.#alive()) await new Promise(() => undefined);
  }

  async #call<T>(work: () => T): Promise<T> {
    await this.#pause(20);
    const server = this.#server;
    if (server.away || server.random() < server.faults.busy)
      throw new TargetUnavailableError('the target is away');
    if (server.random() < server.faults.ambiguous) {
      work();
      throw new TargetUnavailableError('deadline exceeded');
    }
    return work();
  }

  #get(name: CollectionName): Stored {
    const stored = this.#server.find(name);
    if (stored === undefined) throw new TargetRefusedError(100, `no collection ${name.collection}`);
    return stored;
  }

  async version(): Promise<string> {
    return 'fake';
  }

  listDatabases(): Promise<readonly TargetDatabase[]> {
    const { databases, tellsCreation } = this.#server;
    return this.#call(() =>
      [...databases].map(([name, at]) => ({ name, createdAt: tellsCreation ? at : undefined })),
    );
  }

  createDatabase(name: string): Promise<void> {
    return this.#call(() => this.#server.createDatabase(name));
  }

  /** Once sent it is executed, also after the client has gone. */
  async dropDatabase(name: string): Promise<boolean> {
    const server = this.#server;
    if (server.away || server.random() < server.faults.busy) {
      await this.#pause(20);
      throw new TargetUnavailableError('the target is away');
    }
    const ambiguous = server.random() < server.faults.ambiguous;
    const answered = Promise.withResolvers<boolean>();
    const executesIn = 1 + 20 * server.random();
    const lateBy = ambiguous ? server.random() * server.settleMs * 0.9 : 0;
    server.clock.after(executesIn + lateBy, () => {
      const dropped = server.dropDatabase(name);
      if (!ambiguous && this.#alive()) answered.resolve(dropped);
    });
    server.clock.after(executesIn, () => {
      if (ambiguous && this.#alive()) answered.reject(new TargetUnavailableError('deadline exceeded'));
    });
    return answered.promise;
  }

  describeCollection(name: CollectionName): Promise<TargetCollection | undefined> {
    return this.#call(() => this.#server.find(name)?.collection);
  }

  createCollection(definition: CollectionDefinition): Promise<bigint> {
    return this.#call(() => this.#server.find(definition)?.collection.id ?? this.#server.create(definition));
  }

  dropCollection(name: CollectionName): Promise<void> {
    return this.#call(() => void this.#server.collections.delete(`${name.database}.${name.collection}`));
  }

  listPartitions(name: CollectionName): Promise<readonly string[]> {
    return this.#call(() => [...this.#get(name).partitions]);
  }

  createPartition(name: CollectionName, partition: string): Promise<void> {
    return this.#call(() => {
      trace(() => `${this.#server.clock.monotonic()} CREATE PARTITION ${name.collection}/${partition}`);
      this.#get(name).partitions.add(partition);
    });
  }

  dropPartition(name: CollectionName, partition: string): Promise<void> {
    return this.#call(() => {
      const stored = this.#get(name);
      trace(() => `${this.#server.clock.monotonic()} DROP PARTITION ${name.collection}/${partition}`);
      stored.partitions.delete(partition);
      stored.rows = stored.rows.filter((row) => row.partition !== partition);
    });
  }

  listIndexes(name: CollectionName): Promise<readonly TargetIndex[]> {
    return this.#call(() => [...this.#get(name).indexes.values()]);
  }

  createIndex(name: CollectionName, index: TargetIndex): Promise<void> {
    return this.#call(() => void this.#get(name).indexes.set(index.name, index));
  }

  dropIndex(name: CollectionName, index: string): Promise<void> {
    return this.#call(() => {
      const stored = this.#get(name);
      if (stored.load.kind !== 'released') throw new TargetRefusedError(1100, 'release the collection first');
      stored.indexes.delete(index);
    });
  }

  loadState(name: CollectionName): Promise<TargetLoadState> {
    return this.#call(() => this.#get(name).load);
  }

  load(name: CollectionName): Promise<void> {
    return this.#call(() => {
      const stored = this.#get(name);
      if (stored.indexes.size === 0) throw new TargetRefusedError(700, 'no index');
      stored.load = { kind: 'collection' };
    });
  }

  loadPartitions(name: CollectionName, partitions: readonly string[]): Promise<void> {
    return this.#call(() => {
      this.#get(name).load = { kind: 'partitions', names: partitions };
    });
  }

  release(name: CollectionName): Promise<void> {
    return this.#call(() => {
      this.#get(name).load = { kind: 'released' };
    });
  }

  async releasePartitions(): Promise<void> {
    throw new Error('not part of this model');
  }

  async countRows(name: CollectionName): Promise<bigint | undefined> {
    return BigInt(this.#get(name).rows.length);
  }

  async close(): Promise<void> {}
}
