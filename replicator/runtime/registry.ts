import type { Code } from '#shared/errors.ts';
import type { Logger } from '#shared/log.ts';
import type { ChannelPosition } from '#shared/task/positions.ts';
import type { TaskDatabase, TaskObject } from '#shared/task/run.ts';
import { inScope, type ScopePattern } from '#shared/task/scope.ts';
import type { Task } from '#shared/task/task.ts';
import type { Catalog, CatalogCollection } from '../engine/catalog.ts';
import type { Timestamp } from '../engine/change.ts';
import { watermark } from '../engine/watermark.ts';
import type { ChangeSource } from '../source/change-source.ts';
import type { Target } from '../target/target.ts';
import { ChannelSet } from './channel-set.ts';
import type { Clock } from './clock.ts';
import { FollowedCollection } from './collection.ts';
import { DatabaseActor } from './database-actor.ts';
import type { Followers } from './followers.ts';
import { foundObject } from './found-object.ts';
import type { LeaseKeeper } from './lease-keeper.ts';
import { ObjectActor } from './object-actor.ts';
import { ObjectRecord, type ObjectRecordOptions } from './object-record.ts';
import type { Sender } from './sender.ts';
import type { Settings } from './settings.ts';
import type { JobStatus } from './status.ts';
import { takeOver } from './take-over.ts';
import { type Sighting, UnknownIds } from './unknown-ids.ts';
import { WaitSet } from './wait-set.ts';

export interface RegistryOptions {
  /** With the scope that it has beside the other tasks of its target. */
  readonly task: Task;
  /** What it asked for and other tasks had when it was created: it may have come to this task by now. */
  readonly excluded: readonly ScopePattern[];
  readonly objects: readonly TaskObject[];
  readonly databases: readonly TaskDatabase[];
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

/** Knows every collection of the task and every channel they live in, and keeps both in step with the catalog. */
export class Registry implements Followers {
  readonly #options: RegistryOptions;
  readonly #collections = new Map<bigint, FollowedCollection>();
  readonly #actors = new Map<bigint, Promise<void>>();
  readonly #databases: DatabaseActor;
  #databasesKept: Promise<void> | undefined;
  readonly #stopActors = new AbortController();
  readonly #ignored = new Set<bigint>();
  /** Those of them that would be followed, had the source not dropped them before they could be. */
  readonly #missed = new Set<bigint>();
  readonly #unknown = new UnknownIds();
  readonly #channels: ChannelSet;
  #catalogKnown: Timestamp | undefined;
  readonly #taken = new WaitSet();
  #readings = 0;
  /** Number of the newest reading that was taken in. */
  #newest = 0;
  #applied = false;
  #revision = -1n;
  /** What other tasks knew of collections that are this task's now; given before the first reading is taken in. */
  estate: readonly TaskObject[] = [];

  constructor(options: RegistryOptions) {
    this.#options = options;
    this.#channels = new ChannelSet({
      ...options,
      collections: () => this.#collections.values(),
      followers: this,
    });
    this.#databases = new DatabaseActor({ ...options, inUse: (name) => this.#livesIn(name) });
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
    if (!this.#applied) await this.#takeOver(catalog);
    this.#revision = catalog.revision;
    this.#applied = true;
    this.#newest = reading;
    for (const collection of this.#collections.values())
      collection.update(catalog.collections.get(collection.id), reading);
    for (const found of catalog.collections.values()) this.#consider(found);
    this.#databases.apply(catalog);
    this.#channels.fit();
    this.#startActors();
    await this.#settleUnknown(catalog, reading);
    this.#catalogKnown = undefined;
    this.#taken.notify();
  }

  /** Follows what other tasks had until now; durable before anything is done with it. */
  async #takeOver(catalog: Catalog): Promise<void> {
    const { recordOptions, log } = this.#options;
    const isKnown = (id: bigint) => this.#collections.has(id);
    for (const object of await takeOver({ ...this.#options, catalog, estate: this.estate, isKnown })) {
      const id = BigInt(object.collectionId);
      const record = new ObjectRecord(object, false, recordOptions);
      await record.update(() => ({}));
      this.#add(id, record, catalog.collections.get(id));
      log.info({ collection: object.source, id: object.collectionId }, 'taken over from another task');
    }
  }

  /** The catalog cannot be read: until it can, nothing newer than what is read now is known to be complete. */
  catalogLost(): void {
    this.#catalogKnown ??= this.#channels.newestTick;
  }

  #consider(found: CatalogCollection): void {
    if (this.#collections.has(found.id) || this.#ignored.has(found.id)) return;
    const { task, recordOptions, log } = this.#options;
    if (!inScope(task.scope, found.database, found.name)) {
      this.#ignored.add(found.id);
      return;
    }
    // One that is being dropped and was never followed has nothing to be kept, unless its changes are waiting already.
    if (found.state !== 'created') return;
    const record = new ObjectRecord(foundObject(task, found), false, recordOptions);
    this.#add(found.id, record, found);
    log.info(
      { collection: `${found.database}.${found.name}`, id: String(found.id) },
      'following a collection',
    );
  }

  async #settleUnknown(catalog: Catalog, reading: number): Promise<void> {
    const settled = this.#unknown.settle(catalog, reading, (id) => this.#collections.has(id));
    for (const { id, sightings, rows } of settled) {
      const collection = this.#collections.get(id);
      if (collection !== undefined) await this.#giveOwnCursors(collection, sightings);
      else this.#ignore(id, catalog.collections.get(id), rows);
      for (const { hold } of sightings) hold.release();
    }
  }

  /** What was seen before the collection was followed is read again by cursors of its own. */
  async #giveOwnCursors(collection: FollowedCollection, sightings: readonly Sighting[]): Promise<void> {
    const cursors = sightings.map((sighting) => sighting.cursor);
    const channels = new Set(cursors.map((cursor) => cursor.channel));
    for (const channel of channels) collection.detach(channel);
    await collection.record.update((o) => ({
      cursors: [...o.cursors.filter((own) => !channels.has(own.channel)), ...cursors],
    }));
    if (collection.ready) this.#follow(collection);
  }

  #ignore(id: bigint, found: CatalogCollection | undefined, rows: number): void {
    this.#ignored.add(id);
    const ours = found === undefined || inScope(this.#options.task.scope, found.database, found.name);
    if (ours) this.#missed.add(id);
    this.ignores(id, rows);
  }

  // ---- actors

  #startActors(): void {
    const stop = AbortSignal.any([this.#options.signal, this.#stopActors.signal]);
    this.#databasesKept ??= this.#databases.run(stop).catch((error: unknown) => this.fail(error));
    for (const collection of this.#collections.values()) {
      if (this.#actors.has(collection.id) || this.#stopActors.signal.aborted) continue;
      const { target, source, clock, settings, status, log, permit, task } = this.#options;
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
        committedOf: (channel) => this.#channels.committedOf(collection, channel),
        nameTaken: () => this.#nameTaken(collection),
        databaseReady: (inner) => this.#databases.ready(collection, inner),
        onReady: () => this.#follow(collection),
        onQuarantine: (code, message) => this.quarantine(collection, code, message),
        onGone: () => this.#gone(collection),
      });
      const done = actor.run(stop).catch((error: unknown) => this.fail(error));
      this.#actors.set(collection.id, done);
    }
  }

  /** Ends the work on the target's objects; resolves when no call of it is under way. */
  async stopActors(): Promise<void> {
    this.#stopActors.abort();
    await Promise.all([this.#databasesKept, ...this.#actors.values()]);
  }

  #livesIn(database: string): boolean {
    return [...this.#collections.values()].some((collection) => collection.target.database === database);
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
    for (const worker of this.#channels.workersOf(collection)) worker.follow(collection);
    this.#options.sender.kick();
  }

  async #gone(collection: FollowedCollection): Promise<void> {
    await collection.record.remove();
    this.#collections.delete(collection.id);
    this.#actors.delete(collection.id);
    this.#ignored.add(collection.id);
    for (const worker of this.#channels.workersOf(collection)) worker.release(collection);
    for (const other of this.#collections.values()) other.wake.notify();
    this.#databases.released(collection.target.database);
    this.#channels.fit();
  }

  /** The collection cannot go on; the others do. Its cursors stay where everything before is applied. */
  async quarantine(collection: FollowedCollection, code: Code, message: string): Promise<void> {
    if (collection.quarantine !== undefined) return collection.quarantined;
    const { database, collection: name } = collection.target;
    this.#options.log.error(
      { collection: `${database}.${name}`, code, reason: message },
      'collection quarantined',
    );
    const workers = this.#channels.workersOf(collection);
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

  // ---- Followers

  find(id: bigint): FollowedCollection | undefined {
    return this.#collections.get(id);
  }

  ignores(id: bigint, rows: number): boolean {
    if (this.#missed.has(id)) this.#options.status.counters.rowsOfDroppedCollections += rows;
    return this.#ignored.has(id);
  }

  unknown(id: bigint, sighting: Sighting): void {
    this.#unknown.add(id, sighting, () => this.refresh());
  }

  async freshCatalog(signal: AbortSignal): Promise<void> {
    const wanted = this.refresh();
    while (this.#newest < wanted) await this.#taken.next(signal);
  }

  refresh(): number {
    this.#options.refresh();
    return this.#readings + 1;
  }

  advanced(): void {
    for (const collection of this.#collections.values()) {
      if (collection.mayDrop((channel) => this.#channels.committedOf(collection, channel))) {
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

  /** The account of the channels' cursors. */
  get channels(): ChannelSet {
    return this.#channels;
  }

  /** True once the catalog was read and what others left is taken over. */
  get begun(): boolean {
    return this.#applied;
  }

  /** True once the catalog was read and every channel is. */
  get following(): boolean {
    return this.#applied && this.#channels.following;
  }

  /** How many collections cannot go on. */
  get quarantined(): number {
    let count = 0;
    for (const { quarantine } of this.#collections.values()) if (quarantine !== undefined) count++;
    return count;
  }

  get watermark(): Timestamp | undefined {
    return this.following ? watermark(this.#channels.ticks(), this.#catalogKnown) : undefined;
  }
}
