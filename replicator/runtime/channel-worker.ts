import type { Logger } from '#shared/log.ts';
import type { ChannelPosition } from '#shared/task/positions.ts';
import type { ObjectCursor, TaskObject } from '#shared/task/run.ts';
import type { ChangeRecord, Timestamp } from '../engine/change.ts';
import { planOps, routableCount } from '../engine/ops.ts';
import type { Committed, Hold } from '../engine/progress.ts';
import type { CursorStart, Window } from '../engine/window.ts';
import type { ChangeSource } from '../source/change-source.ts';
import type { Clock } from './clock.ts';
import { type FollowedCollection, older } from './collection.ts';
import { Cursor } from './cursor.ts';
import { type LaneHost, LaneOfCollection } from './lane-of-collection.ts';
import type { LeaseKeeper } from './lease-keeper.ts';
import type { Sender } from './sender.ts';
import type { Settings } from './settings.ts';
import type { JobStatus } from './status.ts';

/** What a channel asks of those who know the collections. */
export interface Followers {
  /** Undefined for an id that is not followed. */
  find(id: bigint): FollowedCollection | undefined;
  /** True for an id that is known to be none of this task's business. */
  ignores(id: bigint): boolean;
  /** An id of which nothing is known: `hold` keeps the checkpoint before its first change until that is settled. */
  unknown(id: bigint, sighting: Sighting): void;
  /** Asks for a reading of the catalog that starts from now on; answers its number. */
  refresh(): number;
  refused(collection: FollowedCollection, code: number, message: string): Promise<void>;
  /** Something advanced, so that a barrier may have been passed. */
  advanced(): void;
  /** A cursor of a single collection waits for a farther horizon. */
  sideShort(): void;
  fail(error: unknown): void;
}

export interface Sighting {
  readonly channel: string;
  readonly cursor: ObjectCursor;
  readonly hold: Hold;
  readonly rows: number;
}

export interface ChannelWorkerOptions {
  readonly channel: string;
  readonly start: CursorStart;
  readonly logTag: string | undefined;
  readonly horizon: Timestamp;
  readonly bufferBytes: number;
  readonly source: ChangeSource;
  readonly sender: Sender;
  readonly lease: LeaseKeeper;
  readonly clock: Clock;
  readonly settings: Settings;
  readonly status: JobStatus;
  readonly log: Logger;
  readonly followers: Followers;
}

interface Side {
  readonly cursor: Cursor;
  readonly collection: FollowedCollection;
  readonly stop: AbortController;
  /** Set once the main cursor has taken over; the side's last windows are still being applied. */
  merged: boolean;
  /** What was last made durable. */
  stored: ObjectCursor;
}

/** Follows one channel: a main cursor for all collections in it, and a cursor of its own for each that cannot follow.
 *
 *  **Invariant:** nothing blocks the channel for the sake of one collection. A collection whose changes cannot be sent is
 *  detached: its own cursor becomes durable before the main checkpoint passes its changes, reads them again once they
 *  can be sent, and ends when both cursors stand at the same tick. See SPEC.md, "Cursors". */
export class ChannelWorker implements LaneHost {
  readonly channel: string;
  readonly main: Cursor;
  readonly #options: ChannelWorkerOptions;
  readonly #sides = new Map<bigint, Side>();
  readonly #lanes = new Map<bigint, LaneOfCollection>();
  #signal: AbortSignal | undefined;

  constructor(options: ChannelWorkerOptions) {
    this.#options = options;
    this.channel = options.channel;
    this.main = this.#cursor({
      name: options.channel,
      start: options.start,
      logTag: options.logTag,
      horizon: options.horizon,
      onWindow: (window, cursor, hold) => this.#onMainWindow(window, cursor, hold),
    });
  }

  #cursor(
    own: Pick<ConstructorParameters<typeof Cursor>[0], 'name' | 'start' | 'logTag' | 'horizon' | 'onWindow'>,
  ): Cursor {
    const { channel, source, clock, status, log, bufferBytes } = this.#options;
    const onPlanned = () => this.progressed();
    return new Cursor({ ...own, channel, source, clock, status, log, bufferBytes, onPlanned });
  }

  async run(signal: AbortSignal): Promise<void> {
    this.#signal = signal;
    await this.main.run(signal);
  }

  /** The durable account of the main cursor, with the horizon to write next; undefined before the log was found. */
  account(): ChannelPosition | undefined {
    const { logTag, horizon } = this.main;
    if (logTag === undefined) return undefined;
    const { position } = this.main.committed;
    return { channel: this.channel, logTag, ...position, horizon: horizon.next() };
  }

  /** `position` is what {@link account} answered; it is durable now. */
  written(position: ChannelPosition): void {
    this.main.horizon.raised(position.horizon);
    for (const side of this.#sides.values()) {
      if (side.merged) this.#forgetMerged(side, position);
    }
    this.progressed();
  }

  /** How far a collection is applied in this channel; undefined while its own cursor waits to be read. */
  committedOf(collection: FollowedCollection): Committed | undefined {
    // What is left of a collection that is going is not applied any more; its drop waits for the main cursor alone.
    if (collection.dropped && !collection.ready) return this.main.committed;
    const side = this.#sides.get(collection.id);
    if (side?.merged && !side.cursor.done) return older(side.cursor.committed, this.main.committed);
    if (!collection.isDetached(this.channel)) return this.main.committed;
    if (side !== undefined) return side.cursor.committed;
    const own = collection.ownCursor(this.channel);
    return own === undefined ? this.main.committed : committedAt(own);
  }

  /** Smallest ticks of what is followed here; quarantined collections are reported apart. */
  ticks(): Timestamp[] {
    const sides = [...this.#sides.values()].filter((side) => side.collection.quarantine === undefined);
    return [this.main.committed.position.tick, ...sides.map((side) => side.cursor.committed.position.tick)];
  }

  /** A durable cursor for a collection that leaves the main cursor now. */
  ownCursorOf(collection: FollowedCollection): ObjectCursor {
    const side = this.#sides.get(collection.id);
    const { position } = this.committedOf(collection) ?? this.main.committed;
    const neverSent =
      collection.record.value.state === 'found' || collection.record.value.state === 'creating';
    const horizons = [this.main.horizon.durable, side?.cursor.horizon.durable ?? 0n];
    const horizon = neverSent ? 0n : horizons.reduce((a, b) => (a > b ? a : b));
    return this.#objectCursor(position, horizon);
  }

  #objectCursor(position: { offset: bigint; tick: Timestamp }, horizon: Timestamp): ObjectCursor {
    return {
      channel: this.channel,
      logTag: this.main.logTag ?? '',
      offset: String(position.offset),
      tick: String(position.tick),
      horizon: String(horizon),
    };
  }

  #onMainWindow(window: Window, cursor: Cursor, hold: Hold): void {
    for (const [id, changes] of byCollection(window.changes)) {
      const collection = this.#options.followers.find(id);
      if (collection === undefined) this.#onUnfollowed(id, changes, hold);
      else this.#onChanges(collection, changes, { window, cursor, hold });
    }
    for (const side of this.#sides.values()) this.#mergeIfEqual(side, window.position.tick);
  }

  #onUnfollowed(id: bigint, changes: readonly ChangeRecord[], hold: Hold): void {
    const { followers } = this.#options;
    const rows = rowsOf(changes);
    if (changes.every((change) => change.kind === 'create-collection')) {
      followers.refresh();
      return;
    }
    if (followers.ignores(id)) return;
    if (rows === 0) return;
    const cursor = this.#objectCursor(this.main.committed.position, 0n);
    followers.unknown(id, { channel: this.channel, cursor, hold: hold.again(), rows });
  }

  #onChanges(
    collection: FollowedCollection,
    changes: readonly ChangeRecord[],
    at: { readonly window: Window; readonly cursor: Cursor; readonly hold: Hold },
  ): void {
    const { status } = this.#options;
    if (collection.dropped && !collection.ready) {
      status.counters.rowsOfDroppedCollections += rowsOf(changes);
      this.#noteDrops(collection, changes, at.window.position.tick);
      return;
    }
    if (collection.isDetached(this.channel)) return;
    const routing = collection.routing(this.channel, at.cursor.replayUntil);
    if (!collection.ready || routableCount(changes, routing) < changes.length) {
      if (rowsOf(changes) > 0) {
        this.#askPartitions(collection, changes);
        this.detach(collection, at.hold);
        return;
      }
    }
    this.#plan(collection, changes, at);
  }

  #plan(
    collection: FollowedCollection,
    changes: readonly ChangeRecord[],
    at: { readonly window: Window; readonly cursor: Cursor; readonly hold: Hold },
  ): void {
    const routing = collection.routing(this.channel, at.cursor.replayUntil);
    const planned = planOps(changes, routing, (bytes) => at.cursor.weigh(at.hold, bytes));
    this.#options.status.counters.rowsOfDroppedCollections += planned.rowsOfDropped;
    if (planned.ops.length > 0) {
      const lane = this.#laneOf(collection);
      for (const op of planned.ops) lane.lane.add(op, at.cursor.horizon);
    }
    this.#noteDrops(collection, changes, at.window.position.tick);
  }

  #noteDrops(collection: FollowedCollection, changes: readonly ChangeRecord[], tick: Timestamp): void {
    for (const change of changes) {
      if (change.kind === 'drop-collection') collection.dropSeen(this.channel, tick);
      if (change.kind === 'drop-partition')
        collection.partitionDropSeen(change.partitionId, this.channel, tick);
    }
  }

  #askPartitions(collection: FollowedCollection, changes: readonly ChangeRecord[]): void {
    const reading = this.#options.followers.refresh();
    for (const change of changes) {
      if (change.kind === 'insert' || change.kind === 'delete')
        collection.askPartition(change.partitionId, reading);
    }
  }

  #laneOf(collection: FollowedCollection): LaneOfCollection {
    let lane = this.#lanes.get(collection.id);
    if (lane === undefined) {
      lane = new LaneOfCollection(collection, this, this.#options.sender.limits);
      this.#lanes.set(collection.id, lane);
      this.#options.sender.add(lane);
    }
    return lane;
  }

  /** Gives a collection a cursor of its own here; `hold` keeps the main checkpoint back until that is durable. */
  detach(collection: FollowedCollection, hold: Hold): void {
    const { followers } = this.#options;
    const held = hold.again();
    const cursor = this.ownCursorOf(collection);
    collection.detach(this.channel);
    this.#sides.delete(collection.id);
    this.#lanes.get(collection.id)?.lane.closeAll();
    collection.record
      .update((object) => withCursor(object, cursor))
      .then(
        () => {
          held.release();
          this.follow(collection);
        },
        (error: unknown) => followers.fail(error),
      );
  }

  /** Starts to read the collection's own cursor, when it has one here and its changes can be sent. */
  follow(collection: FollowedCollection): void {
    const stored = collection.ownCursor(this.channel);
    const signal = this.#signal;
    if (stored === undefined || signal === undefined || signal.aborted || !collection.ready) return;
    if (this.#sides.get(collection.id)?.merged === false || !collection.isDetached(this.channel)) return;
    const stop = new AbortController();
    // An earlier job may have merged this cursor in memory only, and sent what followed under the main horizon.
    const horizon = max(BigInt(stored.horizon), collection.heldBefore ? this.main.replayUntil : 0n);
    const cursor = this.#cursor({
      name: `${this.channel} for collection ${collection.id}`,
      start: { ...committedAt(stored).position, exact: stored.horizon !== '0' },
      logTag: stored.logTag === '' ? undefined : stored.logTag,
      horizon,
      onWindow: (window, own, hold) => this.#onSideWindow(collection, window, own, hold),
    });
    const side: Side = { cursor, collection, stop, merged: false, stored };
    this.#sides.set(collection.id, side);
    cursor
      .run(AbortSignal.any([signal, stop.signal]))
      .catch((error: unknown) => !stop.signal.aborted && this.#options.followers.fail(error));
  }

  async #onSideWindow(
    collection: FollowedCollection,
    window: Window,
    cursor: Cursor,
    hold: Hold,
  ): Promise<void> {
    const side = this.#sides.get(collection.id);
    if (side?.cursor !== cursor || side.stop.signal.aborted) return;
    let rest = window.changes.filter((change) => change.collectionId === collection.id);
    while (rest.length > 0) {
      const routing = collection.routing(this.channel, cursor.replayUntil);
      const count = collection.ready ? routableCount(rest, routing) : 0;
      if (count > 0) this.#plan(collection, rest.slice(0, count), { window, cursor, hold });
      rest = rest.slice(count);
      if (rest.length === 0) break;
      this.progressed();
      const [blocked] = rest;
      this.#askPartitions(collection, rest);
      if (
        (this.#lanes.get(collection.id)?.lane.idle ?? true) &&
        blocked !== undefined &&
        'partitionId' in blocked
      ) {
        collection.reachedPartition(blocked.partitionId, this.channel);
      }
      await collection.changed.next(side.stop.signal);
    }
    this.#mergeIfEqual(side, window.position.tick, this.main.readTick);
  }

  /** When both cursors have planned up to the same tick, the main one takes over from there. */
  #mergeIfEqual(side: Side, tick: Timestamp, other: Timestamp = side.cursor.readTick): void {
    if (side.merged || tick !== other || side.collection.quarantine !== undefined) return;
    side.merged = true;
    side.stop.abort();
    this.#lanes.get(side.collection.id)?.lane.closeAll();
    side.collection.attach(this.channel, side.cursor.replayUntil);
  }

  /** Forgets a merged cursor once the main checkpoint covers everything that was sent by it. */
  #forgetMerged(side: Side, written: ChannelPosition): void {
    const { cursor, collection } = side;
    if (collection.isDetached(this.channel) || !cursor.done) return;
    if (written.tick < cursor.readTick || written.tick < cursor.horizon.durable) return;
    this.#sides.delete(collection.id);
    collection.record
      .update((object) => ({ cursors: object.cursors.filter((own) => own.channel !== this.channel) }))
      .catch((error: unknown) => this.#options.followers.fail(error));
  }

  /** Makes the cursors of their own durable: their checkpoints, and their horizons when a change waits for one. */
  async flushSides(onlyShort: boolean): Promise<void> {
    for (const side of this.#sides.values()) {
      if (onlyShort && !side.cursor.horizon.short) continue;
      if (side.collection.quarantine !== undefined) continue;
      const horizon = side.cursor.horizon.next();
      const cursor = this.#objectCursor(side.cursor.committed.position, horizon);
      if (JSON.stringify(cursor) === JSON.stringify(side.stored)) continue;
      side.stored = cursor;
      await side.collection.record.update((object) => withCursor(object, cursor));
      side.cursor.horizon.raised(horizon);
    }
    this.progressed();
  }

  /** Stops everything of a collection here: it is quarantined or gone. */
  release(collection: FollowedCollection): void {
    const side = this.#sides.get(collection.id);
    side?.stop.abort();
    this.#sides.delete(collection.id);
    const lane = this.#lanes.get(collection.id);
    if (lane === undefined) return;
    lane.stop();
    this.#lanes.delete(collection.id);
    this.#options.sender.remove(lane);
  }

  /** True while the log holds more of it than was just read. */
  fillingFor(collection: FollowedCollection): boolean {
    const side = this.#sides.get(collection.id);
    return side !== undefined && !side.merged ? side.cursor.filling : this.main.filling;
  }

  refused(collection: FollowedCollection, code: number, message: string): Promise<void> {
    return this.#options.followers.refused(collection, code, message);
  }

  progressed(): void {
    const { sender, lease, followers } = this.#options;
    sender.kick();
    if (this.main.horizon.short) lease.hurry();
    for (const side of this.#sides.values()) if (side.cursor.horizon.short) followers.sideShort();
    followers.advanced();
  }
}

function byCollection(changes: readonly ChangeRecord[]): Map<bigint, ChangeRecord[]> {
  const grouped = new Map<bigint, ChangeRecord[]>();
  for (const change of changes) {
    const group = grouped.get(change.collectionId);
    if (group === undefined) grouped.set(change.collectionId, [change]);
    else group.push(change);
  }
  return grouped;
}

function rowsOf(changes: readonly ChangeRecord[]): number {
  let rows = 0;
  for (const change of changes) {
    if (change.kind === 'insert') rows += change.rows.count;
    else if (change.kind === 'delete') rows += change.keys.length;
  }
  return rows;
}

function withCursor(object: TaskObject, cursor: ObjectCursor): Partial<TaskObject> {
  return { cursors: [...object.cursors.filter((own) => own.channel !== cursor.channel), cursor] };
}

function committedAt(own: ObjectCursor): Committed {
  const offset = BigInt(own.offset);
  return { position: { offset, tick: BigInt(own.tick) }, appliedBelow: offset };
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
