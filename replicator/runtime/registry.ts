import type { Code } from '#shared/errors.ts';
import type { Logger } from '#shared/log.ts';
import type { ChannelPosition } from '#shared/task/positions.ts';
import type { TaskObject } from '#shared/task/run.ts';
import { inScope, mapName } from '#shared/task/scope.ts';
import { ITEM_VERSION, type Task } from '#shared/task/task.ts';
import type { Catalog, CatalogCollection } from '../engine/catalog.ts';
import type { Timestamp } from '../engine/change.ts';
import { watermark } from '../engine/watermark.ts';
import type { ChangeSource } from '../source/change-source.ts';
import type { Target } from '../target/target.ts';
import { channelStart } from './channel-start.ts';
import { ChannelWorker, type Followers, type Sighting } from './channel-worker.ts';
import type { Clock } from './clock.ts';
import { FollowedCollection } from './collection.ts';
import type { LeaseKeeper } from './lease-keeper.ts';
import { ObjectActor } from './object-actor.ts';
import { ObjectRecord, type ObjectRecordOptions } from './object-record.ts';
import type { Sender } from './sender.ts';
import type { Settings } from './settings.ts';
import type { JobStatus } from './status.ts';

export interface RegistryOptions {
  readonly task: Task;
  readonly objects: readonly TaskObject[];
  readonly positions: readonly ChannelPosition[];
  readonly source: ChangeSource;
  readonly target: Target;
  readonly sender: Sender;
  readonly lease: LeaseKeeper;
  readonly recordOptions: ObjectRecordOptions;
  readonly clock: Clock;
  readonly settings: Settings;
  readonly status: JobStatus;
  readonly log: Logger;
  readonly signal: AbortSignal;
  readonly permit: (signal: AbortSignal) => Promise<void>;
  /** Asks for a reading of the catalog that starts from now on. */
  readonly refresh: () => void;
  /** A cursor of a single collection waits for a farther horizon. */
  readonly onOwnShort: () => void;
  readonly onError: (error: unknown) => void;
}

interface Unresolved {
  readonly sightings: Map<string, Sighting>;
  rows: number;
  /** The reading of the catalog that settles it has at least this number. */
  readonly since: number;
}

/** Knows every collection of the task and every channel they live in, and keeps both in step with the catalog. */
export class Registry implements Followers {
  readonly #options: RegistryOptions;
  readonly #collections = new Map<bigint, FollowedCollection>();
  readonly #actors = new Map<bigint, Promise<void>>();
  readonly #stopActors = new AbortController();
  readonly #ignored = new Set<bigint>();
  /** Those of them that would be followed, had the source not dropped them before they could be. */
  readonly #missed = new Set<bigint>();
  readonly #unresolved = new Map<bigint, Unresolved>();
  readonly #workers = new Map<string, { readonly worker: ChannelWorker; readonly stop: AbortController }>();
  readonly #opening = new Set<string>();
  readonly #stored: Map<string, ChannelPosition>;
  #catalogKnown: Timestamp | undefined;
  #readings = 0;
  #applied = false;
  #revision = -1n;

  constructor(options: RegistryOptions) {
    this.#options = options;
    this.#stored = new Map(options.positions.map((position) => [position.channel, position]));
    for (const object of options.objects) {
      const record = new ObjectRecord({ ...object, quarantine: undefined }, true, options.recordOptions);
      this.#add(BigInt(object.collectionId), record, undefined);
    }
  }

  #add(id: bigint, record: ObjectRecord, catalog: CatalogCollection | undefined): FollowedCollection {
    const { ignorePartition } = this.#options.task.target;
    const collection = new FollowedCollection({ id, record, catalog, ignorePartitions: ignorePartition });
    this.#collections.set(id, collection);
    return collection;
  }

  // ---- the catalog

  /** Number of the reading of the catalog that is about to start; hand it to {@link apply}. */
  startReading(): number {
    return ++this.#readings;
  }

  /** Takes a reading of the catalog: follows what is new, tells what changed, and settles what was unknown. */
  async apply(catalog: Catalog, reading: number): Promise<void> {
    if (catalog.revision < this.#revision) return;
    this.#revision = catalog.revision;
    this.#applied = true;
    for (const collection of this.#collections.values())
      collection.update(catalog.collections.get(collection.id), reading);
    for (const found of catalog.collections.values()) this.#consider(found);
    this.#openChannels();
    this.#startActors();
    await this.#resolve(catalog, reading);
    this.#retireChannels();
    this.#catalogKnown = undefined;
  }

  /** The catalog cannot be read: until it can, nothing newer than what is read now is known to be complete. */
  catalogLost(): void {
    const ticks = [...this.#workers.values()].map(({ worker }) => worker.main.readTick);
    this.#catalogKnown ??= ticks.length === 0 ? undefined : ticks.reduce((a, b) => (a > b ? a : b));
  }

  #consider(found: CatalogCollection): void {
    if (this.#collections.has(found.id) || this.#ignored.has(found.id)) return;
    if (!inScope(this.#options.task.scope, found.database, found.name)) {
      this.#ignored.add(found.id);
      return;
    }
    // One that is being dropped and was never followed has nothing to be kept, unless its changes are waiting already.
    if (found.state !== 'created') return;
    const record = new ObjectRecord(this.#newObject(found), false, this.#options.recordOptions);
    this.#add(found.id, record, found);
    this.#options.log.info(
      { collection: `${found.database}.${found.name}`, id: String(found.id) },
      'following a collection',
    );
  }

  #newObject(found: CatalogCollection): TaskObject {
    const { task } = this.#options;
    const mapped = mapName(task.mappings, found.database, found.name);
    return {
      version: ITEM_VERSION,
      taskId: task.id,
      incarnation: task.incarnation,
      collectionId: String(found.id),
      source: {
        database: found.database,
        name: found.name,
        channels: [...new Set(found.shards.map((shard) => shard.channel))],
      },
      target: { database: mapped.database, name: mapped.collection },
      state: 'found',
      createdHere: false,
      replayUntil: '0',
      cursors: [],
      partitions: {},
      indexes: {},
      loaded: false,
      warnings: [],
    };
  }

  async #resolve(catalog: Catalog, reading: number): Promise<void> {
    for (const [id, unresolved] of this.#unresolved) {
      const collection = this.#collections.get(id);
      if (collection !== undefined) {
        this.#unresolved.delete(id);
        await this.#adopt(collection, unresolved);
      } else if (reading >= unresolved.since && catalog.collections.get(id)?.state !== 'creating') {
        this.#unresolved.delete(id);
        this.#ignored.add(id);
        const known = catalog.collections.get(id);
        const ours = known === undefined || inScope(this.#options.task.scope, known.database, known.name);
        if (ours) this.#missed.add(id);
        this.ignores(id, unresolved.rows);
        for (const sighting of unresolved.sightings.values()) sighting.hold.release();
      }
    }
  }

  async #adopt(collection: FollowedCollection, unresolved: Unresolved): Promise<void> {
    const cursors = [...unresolved.sightings.values()].map((sighting) => sighting.cursor);
    for (const cursor of cursors) collection.detach(cursor.channel);
    const channels = new Set(cursors.map((cursor) => cursor.channel));
    await collection.record.update((o) => ({
      cursors: [...o.cursors.filter((own) => !channels.has(own.channel)), ...cursors],
    }));
    for (const sighting of unresolved.sightings.values()) sighting.hold.release();
    if (collection.ready) this.#follow(collection);
  }

  // ---- actors

  #startActors(): void {
    for (const collection of this.#collections.values()) {
      if (this.#actors.has(collection.id) || this.#stopActors.signal.aborted) continue;
      const { target, source, clock, settings, status, log, permit, signal, task } = this.#options;
      const actor = new ObjectActor({
        collection,
        target,
        source,
        clock,
        settings,
        status,
        log,
        permit,
        ignorePartitions: task.target.ignorePartition,
        committedOf: (channel) => this.#workers.get(channel)?.worker.committedOf(collection),
        nameTaken: () => this.#nameTaken(collection),
        onReady: () => this.#follow(collection),
        onQuarantine: (code, message) => this.quarantine(collection, code, message),
        onGone: () => this.#gone(collection),
      });
      const stop = AbortSignal.any([signal, this.#stopActors.signal]);
      const done = actor.run(stop).catch((error: unknown) => this.fail(error));
      this.#actors.set(collection.id, done);
    }
  }

  /** Ends the work on the target's objects; resolves when no call of it is under way. */
  async stopActors(): Promise<void> {
    this.#stopActors.abort();
    await Promise.all(this.#actors.values());
  }

  #nameTaken(collection: FollowedCollection): boolean {
    const { database, collection: name } = collection.target;
    for (const other of this.#collections.values()) {
      if (other === collection || other.record.value.state === 'found') continue;
      if (other.target.database === database && other.target.collection === name) return true;
    }
    return false;
  }

  #follow(collection: FollowedCollection): void {
    collection.changed.notify();
    for (const { worker } of this.#workers.values()) worker.follow(collection);
    this.#options.sender.kick();
  }

  async #gone(collection: FollowedCollection): Promise<void> {
    await collection.record.remove();
    this.#collections.delete(collection.id);
    this.#actors.delete(collection.id);
    this.#ignored.add(collection.id);
    for (const { worker } of this.#workers.values()) worker.release(collection);
    for (const other of this.#collections.values()) other.wake.notify();
    this.#retireChannels();
  }

  /** The collection cannot go on; the others do. Its cursors stay where everything before is applied. */
  async quarantine(collection: FollowedCollection, code: Code, message: string): Promise<void> {
    if (collection.quarantine !== undefined) return collection.quarantined;
    const { database, collection: name } = collection.target;
    this.#options.log.error(
      { collection: `${database}.${name}`, code, reason: message },
      'collection quarantined',
    );
    const workers = collection.channels.flatMap((channel) => this.#workers.get(channel)?.worker ?? []);
    const cursors = workers.map((worker) => worker.ownCursorOf(collection));
    collection.setQuarantine(code, message);
    for (const { channel } of cursors) collection.detach(channel);
    const channels = new Set(cursors.map((cursor) => cursor.channel));
    collection.quarantined = collection.record.update((o) => ({
      quarantine: { code, message, since: new Date(this.#options.clock.wall()).toISOString() },
      cursors: [...o.cursors.filter((own) => !channels.has(own.channel)), ...cursors],
    }));
    await collection.quarantined;
    for (const worker of workers) worker.release(collection);
  }

  refused(collection: FollowedCollection, code: number, message: string): Promise<void> {
    const { database, collection: name } = collection.target;
    return this.quarantine(
      collection,
      'target_refused',
      `the target refuses changes of ${database}.${name}: ${message} (code ${code})`,
    ).catch((error: unknown) => this.#options.onError(error));
  }

  // ---- channels

  #openChannels(): void {
    for (const collection of this.#collections.values()) {
      for (const channel of collection.channels) {
        if (this.#workers.has(channel) || this.#opening.has(channel)) continue;
        this.#opening.add(channel);
        this.#open(channel).catch(
          (error: unknown) => !this.#options.signal.aborted && this.#options.onError(error),
        );
      }
    }
  }

  async #open(channel: string): Promise<void> {
    const { source, sender, lease, clock, settings, status, log, signal, task } = this.#options;
    const start = await channelStart({
      channel,
      stored: this.#stored.get(channel),
      collections: () => [...this.#collections.values()].filter((c) => c.channels.includes(channel)),
      task,
      source,
      clock,
      status,
      log,
      signal,
    });
    const worker = new ChannelWorker({
      channel,
      ...start,
      bufferBytes: settings.bufferBytes / Math.max(2, this.#opening.size + this.#workers.size),
      source,
      sender,
      lease,
      clock,
      settings,
      status,
      log,
      followers: this,
    });
    const stop = new AbortController();
    this.#workers.set(channel, { worker, stop });
    this.#opening.delete(channel);
    worker
      .run(AbortSignal.any([signal, stop.signal]))
      .catch((error: unknown) => !signal.aborted && !stop.signal.aborted && this.#options.onError(error));
    for (const collection of this.#collections.values()) worker.follow(collection);
  }

  /** A channel that holds nothing of the task any more is not read, and its position forgotten. */
  #retireChannels(): void {
    const wanted = new Set([...this.#collections.values()].flatMap((collection) => collection.channels));
    for (const [channel, { stop }] of this.#workers) {
      if (wanted.has(channel)) continue;
      stop.abort();
      this.#workers.delete(channel);
      this.#stored.delete(channel);
    }
    for (const channel of this.#stored.keys()) if (!wanted.has(channel)) this.#stored.delete(channel);
  }

  // ---- Followers

  find(id: bigint): FollowedCollection | undefined {
    return this.#collections.get(id);
  }

  ignores(id: bigint, rows: number): boolean {
    if (this.#missed.has(id)) this.#options.status.counters.rowsOfDroppedCollections += rows;
    return this.#ignored.has(id);
  }

  unknown(id: bigint, sighting: Sighting): void {
    let unresolved = this.#unresolved.get(id);
    if (unresolved === undefined) {
      unresolved = { sightings: new Map(), rows: 0, since: this.refresh() };
      this.#unresolved.set(id, unresolved);
    }
    unresolved.rows += sighting.rows;
    if (unresolved.sightings.has(sighting.channel)) sighting.hold.release();
    else unresolved.sightings.set(sighting.channel, sighting);
  }

  refresh(): number {
    this.#options.refresh();
    return this.#readings + 1;
  }

  advanced(): void {
    for (const collection of this.#collections.values()) {
      if (collection.mayDrop((channel) => this.#workers.get(channel)?.worker.committedOf(collection))) {
        collection.wake.notify();
      }
    }
  }

  ownShort(): void {
    this.#options.onOwnShort();
  }

  fail(error: unknown): void {
    if (!this.#options.signal.aborted) this.#options.onError(error);
  }

  // ---- accounts

  /** Positions to make durable, with those of channels that are not open yet as they were. */
  positions(): ChannelPosition[] {
    const open = [...this.#workers.values()].flatMap(({ worker }) => worker.account() ?? []);
    const known = new Set(open.map((position) => position.channel));
    return [...open, ...[...this.#stored.values()].filter((position) => !known.has(position.channel))];
  }

  written(positions: readonly ChannelPosition[]): void {
    for (const position of positions) {
      const open = this.#workers.get(position.channel);
      if (open === undefined) continue;
      this.#stored.set(position.channel, position);
      open.worker.written(position);
    }
  }

  async flushOwn(onlyShort: boolean): Promise<void> {
    for (const { worker } of this.#workers.values()) await worker.flushOwn(onlyShort);
  }

  /** True when a change waits for a farther horizon. */
  get short(): boolean {
    for (const { worker } of this.#workers.values()) if (worker.main.horizon.short) return true;
    return false;
  }

  /** True once every channel is read. */
  get following(): boolean {
    if (!this.#applied || this.#opening.size > 0) return false;
    for (const { worker } of this.#workers.values()) if (worker.main.readTick === 0n) return false;
    return true;
  }

  get watermark(): Timestamp | undefined {
    if (!this.following) return undefined;
    return watermark(
      [...this.#workers.values()].flatMap(({ worker }) => worker.ticks()),
      this.#catalogKnown,
    );
  }

  get collections(): Iterable<FollowedCollection> {
    return this.#collections.values();
  }
}
