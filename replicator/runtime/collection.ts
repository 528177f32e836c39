import type { Code } from '#shared/errors.ts';
import type { ObjectCursor, Reason } from '#shared/task/run.ts';
import { DropBarrier } from '../engine/barrier.ts';
import type { CatalogCollection } from '../engine/catalog.ts';
import type { Timestamp } from '../engine/change.ts';
import { computedColumns, hasPartitionKey, primaryKey } from '../engine/definition.ts';
import type { PartitionRoute, Routing } from '../engine/ops.ts';
import type { Committed } from '../engine/progress.ts';
import type { CollectionName } from '../target/target.ts';
import type { ObjectRecord } from './object-record.ts';
import type { Address } from './sender.ts';
import { WaitSet } from './wait-set.ts';
import { Wake } from './wake.ts';

export interface FollowedCollectionOptions {
  readonly id: bigint;
  readonly record: ObjectRecord;
  readonly catalog: CatalogCollection | undefined;
  readonly ignorePartitions: boolean;
}

/** One collection of the source that is kept on the target: what is known of it, and how its changes are routed.
 *  It is changed by the catalog, by the actor that keeps its objects on the target, and by the channels it lives in. */
export class FollowedCollection {
  readonly id: bigint;
  readonly record: ObjectRecord;
  /** Wakes the actor. */
  readonly wake = new Wake();
  /** Tells those who wait until its changes can be sent that they may look again. */
  readonly changed = new WaitSet();
  /** True when an earlier job may have sent changes of it. */
  readonly heldBefore: boolean;
  readonly #ignorePartitions: boolean;
  /** Channels in which the main cursor leaves this collection out. */
  readonly #own = new Set<string>();
  readonly #replayFloor = new Map<string, Timestamp>();
  /** Partition id -> number of the first reading of the catalog that settles whether it exists. */
  readonly #asked = new Map<bigint, number>();
  readonly #gonePartitions = new Set<bigint>();
  readonly #partitionDrops = new Map<bigint, DropBarrier>();
  #catalog: CatalogCollection | undefined;
  #drop: DropBarrier | undefined;
  #quarantine: Reason | undefined;
  #address: Address | undefined;
  #keyFieldId = 0;
  #partitionKey = false;
  /** Set once its objects were checked on the target in this job; its changes may be sent from then on. */
  ready = false;
  /** Resolves once the quarantine is durable. */
  quarantined: Promise<void> = Promise.resolve();

  constructor(options: FollowedCollectionOptions) {
    this.id = options.id;
    this.record = options.record;
    this.#ignorePartitions = options.ignorePartitions;
    const { state } = options.record.value;
    this.heldBefore = state === 'bound' || state === 'dropping';
    for (const cursor of options.record.value.cursors) this.#own.add(cursor.channel);
    this.#setCatalog(options.catalog);
  }

  /** Undefined once the source no longer has it. */
  get catalog(): CatalogCollection | undefined {
    return this.#catalog;
  }

  /** True when the source is dropping or has dropped it. */
  get dropped(): boolean {
    return this.#catalog === undefined || this.#catalog.state === 'dropping';
  }

  get channels(): readonly string[] {
    return this.record.value.source.channels;
  }

  get quarantine(): Reason | undefined {
    return this.#quarantine;
  }

  get target(): CollectionName {
    const { database, name } = this.record.value.target;
    return { database, collection: name };
  }

  /** Known once the collection was seen complete in the catalog. */
  get address(): Address | undefined {
    return this.#address;
  }

  /** The catalog was read anew. A partition that was asked for before this reading began, and that it lacks, never was on
   *  the target and never will be. */
  update(catalog: CatalogCollection | undefined, reading: number): void {
    if (catalog === this.#catalog && this.#asked.size === 0) return;
    this.#setCatalog(catalog);
    for (const [id, since] of this.#asked) {
      if (reading < since) continue;
      this.#asked.delete(id);
      const state = catalog?.partitions.get(id)?.state;
      const exists = !this.dropped && (state === 'created' || state === 'creating');
      if (!exists && this.record.value.partitions[String(id)]?.state !== 'bound')
        this.#gonePartitions.add(id);
    }
    this.notify();
  }

  notify(): void {
    this.wake.notify();
    this.changed.notify();
  }

  #setCatalog(catalog: CatalogCollection | undefined): void {
    this.#catalog = catalog;
    if (catalog !== undefined && catalog.schema.fields.length > 0) {
      const key = primaryKey(catalog.schema);
      this.#keyFieldId = Number(key.fieldId);
      this.#partitionKey = hasPartitionKey(catalog.schema);
      this.#address = { ...this.target, keyField: key.name, omit: computedColumns(catalog.schema) };
    }
    if (this.dropped) this.#drop ??= new DropBarrier(this.channels);
  }

  routing(channel: string, cursorReplay: Timestamp): Routing {
    const floors = [
      cursorReplay,
      this.#replayFloor.get(channel) ?? 0n,
      BigInt(this.record.value.replayUntil),
    ];
    return {
      keyFieldId: this.#keyFieldId,
      upsertSpansPartitions: this.#partitionKey,
      partition: (id) => this.#partition(id),
      replayUntil: floors.reduce((a, b) => (a > b ? a : b)),
    };
  }

  #partition(id: bigint): PartitionRoute {
    if (this.#partitionKey || this.#ignorePartitions) return { kind: 'known', name: undefined };
    const known = this.record.value.partitions[String(id)];
    if (known?.state === 'bound') return { kind: 'known', name: known.name };
    if (known?.state === 'dropping' || this.#gonePartitions.has(id)) return { kind: 'gone' };
    return { kind: 'unknown' };
  }

  /** Partitions that the log names and this task does not know: the next reading of the catalog that starts after this
   *  decides whether they exist. */
  askPartition(id: bigint, reading: number): void {
    if (!this.#asked.has(id)) this.#asked.set(id, reading);
  }

  /** True where the main cursor leaves this collection out. */
  isDetached(channel: string): boolean {
    return this.#own.has(channel);
  }

  detach(channel: string): void {
    this.#own.add(channel);
  }

  /** The main cursor takes over; `replayUntil` of the cursor that ends still holds for what follows. */
  attach(channel: string, replayUntil: Timestamp): void {
    this.#own.delete(channel);
    const floor = this.#replayFloor.get(channel) ?? 0n;
    if (replayUntil > floor) this.#replayFloor.set(channel, replayUntil);
  }

  ownCursor(channel: string): ObjectCursor | undefined {
    return this.record.value.cursors.find((cursor) => cursor.channel === channel);
  }

  setQuarantine(code: Code, message: string): void {
    this.#quarantine = { code, message };
    this.ready = false;
  }

  dropSeen(channel: string, tick: Timestamp): void {
    this.#drop ??= new DropBarrier(this.channels);
    this.#drop.recordSeen(channel, tick);
    this.wake.notify();
  }

  partitionDropSeen(id: bigint, channel: string, tick: Timestamp): void {
    this.partitionDrop(id).recordSeen(channel, tick);
    this.wake.notify();
  }

  /** True when a drop that waited may be carried out now. */
  mayDrop(committedOf: (channel: string) => Committed | undefined): boolean {
    if (this.dropped) return this.#drop?.passed(committedOf) ?? false;
    for (const barrier of this.#partitionDrops.values()) if (barrier.passed(committedOf)) return true;
    return false;
  }

  /** In `channel` everything before a change of partition `id` is applied. That partition exists, so the drop of an older
   *  one under the same name lies before it. */
  reachedPartition(id: bigint, channel: string): void {
    const name = this.#catalog?.partitions.get(id)?.name;
    for (const older of this.partitionsToDrop) {
      if (older.name === name) this.partitionDrop(older.id).reached(channel);
    }
    this.wake.notify();
  }

  /** A partition's drop is carried out. */
  partitionDropped(id: bigint): void {
    this.#partitionDrops.delete(id);
    this.notify();
  }

  /** Only while {@link dropped}. */
  get dropBarrier(): DropBarrier {
    this.#drop ??= new DropBarrier(this.channels);
    return this.#drop;
  }

  partitionDrop(id: bigint): DropBarrier {
    const barrier = this.#partitionDrops.get(id) ?? new DropBarrier(this.channels);
    this.#partitionDrops.set(id, barrier);
    return barrier;
  }

  /** Partitions that are or may be on the target, and that the source is dropping or has dropped. */
  get partitionsToDrop(): readonly { readonly id: bigint; readonly name: string }[] {
    const catalog = this.#catalog;
    if (catalog === undefined) return [];
    return Object.entries(this.record.value.partitions)
      .map(([id, { name }]) => ({ id: BigInt(id), name }))
      .filter(({ id }) => {
        const state = catalog.partitions.get(id)?.state;
        return state !== 'created' && state !== 'creating';
      });
  }
}

/** The older one of two accounts of the same collection in the same channel. */
export function older(a: Committed, b: Committed): Committed {
  return a.position.tick <= b.position.tick ? a : b;
}
