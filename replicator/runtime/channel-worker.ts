import type { Logger } from '#shared/log.ts';
import type { ChannelPosition } from '#shared/task/positions.ts';
import type { ObjectCursor } from '#shared/task/run.ts';
import { Ahead } from '../engine/ahead.ts';
import type { ChangeRecord, Timestamp } from '../engine/change.ts';
import { type Planned, planOps, routableCount } from '../engine/ops.ts';
import type { Committed, Hold } from '../engine/progress.ts';
import type { CursorStart, Window } from '../engine/window.ts';
import type { ChangeSource } from '../source/change-source.ts';
import { ChannelLanes } from './channel-lanes.ts';
import type { Clock } from './clock.ts';
import { type FollowedCollection, older } from './collection.ts';
import { Cursor, type CursorOptions } from './cursor.ts';
import type { Followers } from './followers.ts';
import type { LaneHost } from './lane-of-collection.ts';
import type { LeaseKeeper } from './lease-keeper.ts';
import {
  committedAt,
  OwnCursors,
  type OwnCursorsHost,
  objectCursor,
  type ReadAt,
  withCursor,
} from './own-cursors.ts';
import type { Sender } from './sender.ts';
import type { Settings } from './settings.ts';
import type { JobStatus } from './status.ts';

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

/** Follows one channel: a main cursor for all collections in it, and a cursor of its own for each that cannot follow.
 *
 *  **Invariant:** nothing blocks the channel for the sake of one collection. A collection whose changes cannot be sent is
 *  detached: its own cursor becomes durable before the main checkpoint passes its changes, reads them again once they
 *  can be sent, and ends when both cursors stand at the same tick. See SPEC.md, "Cursors". */
export class ChannelWorker implements LaneHost, OwnCursorsHost {
  readonly channel: string;
  readonly main: Cursor;
  readonly #options: ChannelWorkerOptions;
  readonly #own: OwnCursors;
  readonly #ahead = new Ahead();
  readonly #lanes: ChannelLanes;
  #signal: AbortSignal | undefined;

  constructor(options: ChannelWorkerOptions) {
    this.#options = options;
    this.channel = options.channel;
    this.#own = new OwnCursors(this);
    this.#lanes = new ChannelLanes(this, options.sender);
    this.main = this.newCursor({
      name: options.channel,
      start: options.start,
      logTag: options.logTag,
      horizon: options.horizon,
      onWindow: (window, cursor, hold) => this.#onMainWindow(window, cursor, hold),
      onHeld: (records) => this.#sendAhead(records),
    });
  }

  newCursor(
    own: Pick<CursorOptions, 'name' | 'start' | 'logTag' | 'horizon' | 'onWindow' | 'onHeld'>,
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
    this.#own.mainWritten(position);
    this.progressed();
  }

  /** How far a collection is applied in this channel. */
  committedOf(collection: FollowedCollection): Committed {
    // What is left of a collection that is going is not applied any more; its drop waits for the main cursor alone.
    if (collection.dropped && !collection.ready) return this.main.committed;
    const finishing = this.#own.finishing(collection.id);
    if (finishing !== undefined) return older(finishing.committed, this.main.committed);
    if (!collection.isDetached(this.channel)) return this.main.committed;
    const stored = collection.ownCursor(this.channel);
    return (
      this.#own.reading(collection.id)?.committed ??
      (stored === undefined ? this.main.committed : committedAt(stored))
    );
  }

  /** A durable cursor for a collection that leaves the main cursor now. */
  ownCursorOf(collection: FollowedCollection): ObjectCursor {
    const { position } = this.committedOf(collection);
    const { state } = collection.record.value;
    const neverSent = state === 'found' || state === 'creating';
    return objectCursor(this, position, neverSent ? 0n : this.#own.horizonOf(collection.id));
  }

  #onMainWindow(window: Window, cursor: Cursor, hold: Hold): void {
    for (const [id, changes] of byCollection(window.changes)) {
      const collection = this.#options.followers.find(id);
      if (collection === undefined) this.#onUnfollowed(id, changes, hold);
      else this.#onChanges(collection, changes, { window, cursor, hold });
    }
    this.#ahead.passed(window.position.tick);
    this.#own.mainRead(window.position.tick);
  }

  /** Sends what need not wait for its tick; see {@link Ahead}. */
  #sendAhead(records: readonly ChangeRecord[]): void {
    for (const [id, changes] of byCollection(records)) {
      const collection = this.#options.followers.find(id);
      if (collection === undefined || !collection.ready || collection.dropped) continue;
      if (collection.isDetached(this.channel)) continue;
      const routing = collection.routing(this.channel, this.main.replayUntil);
      const routable = changes.slice(0, routableCount(changes, routing));
      for (const { record, hold } of this.#ahead.admit(id, routable, routing.keyFieldId)) {
        const holdOf = (bytes: number) => this.main.weigh(hold, bytes);
        this.#add(collection, planOps([record], routing, { holdOf }), this.main);
        hold.release();
      }
    }
  }

  #onUnfollowed(id: bigint, changes: readonly ChangeRecord[], hold: Hold): void {
    const { followers } = this.#options;
    const rows = rowsOf(changes);
    if (changes.every((change) => change.kind === 'create-collection')) {
      followers.refresh();
      return;
    }
    if (followers.ignores(id, rows)) return;
    if (rows === 0) return;
    const cursor = objectCursor(this, this.main.committed.position, 0n);
    followers.unknown(id, { channel: this.channel, cursor, hold: hold.again(), rows });
  }

  #onChanges(collection: FollowedCollection, changes: readonly ChangeRecord[], at: ReadAt): void {
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
        this.askPartitions(collection, changes);
        this.detach(collection, at.hold);
        return;
      }
    }
    const { due, repeated } = this.#ahead.settle(collection.id, changes, routing.keyFieldId, at.hold);
    this.plan(collection, due, at, repeated);
  }

  plan(
    collection: FollowedCollection,
    changes: readonly ChangeRecord[],
    at: ReadAt,
    repeated?: ReadonlySet<ChangeRecord>,
  ): void {
    const routing = collection.routing(this.channel, at.cursor.replayUntil);
    const holdOf = (bytes: number) => at.cursor.weigh(at.hold, bytes);
    this.#add(collection, planOps(changes, routing, { holdOf, repeated }), at.cursor);
    this.#noteDrops(collection, changes, at.window.position.tick);
  }

  #add(collection: FollowedCollection, { ops, rowsOfDropped }: Planned, { horizon }: Cursor): void {
    this.#options.status.counters.rowsOfDroppedCollections += rowsOfDropped;
    this.#lanes.add(collection, ops, horizon);
  }

  #noteDrops(collection: FollowedCollection, changes: readonly ChangeRecord[], tick: Timestamp): void {
    for (const change of changes) {
      if (change.kind === 'drop-collection') collection.dropSeen(this.channel, tick);
      if (change.kind === 'drop-partition')
        collection.partitionDropSeen(change.partitionId, this.channel, tick);
    }
  }

  askPartitions(collection: FollowedCollection, changes: readonly ChangeRecord[]): void {
    const reading = this.#options.followers.refresh();
    for (const change of changes) {
      if (change.kind === 'insert' || change.kind === 'delete')
        collection.askPartition(change.partitionId, reading);
    }
  }

  /** Gives a collection a cursor of its own here; `hold` keeps the main checkpoint back until that is durable. */
  detach(collection: FollowedCollection, hold: Hold): void {
    const { followers } = this.#options;
    const held = hold.again();
    const cursor = this.ownCursorOf(collection);
    collection.detach(this.channel);
    this.#own.remove(collection.id);
    this.#ahead.forget(collection.id);
    // What was not sent is read again by the cursor that begins here.
    const release = this.#lanes.abandon(collection);
    collection.record
      .update((object) => withCursor(object, cursor))
      .then(
        () => {
          release();
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
    if (!collection.isDetached(this.channel) || this.#own.reading(collection.id) !== undefined) return;
    this.#own.start(collection, stored, signal);
  }

  isIdle(collection: FollowedCollection): boolean {
    return this.#lanes.isIdle(collection);
  }

  closeOpen(collection: FollowedCollection): void {
    this.#lanes.closeAll(collection);
    this.#ahead.forget(collection.id);
  }

  fail(error: unknown): void {
    this.#options.followers.fail(error);
  }

  /** Makes the cursors of single collections durable; see {@link OwnCursors.flush}. */
  flushOwn(onlyShort: boolean): Promise<void> {
    return this.#own.flush(onlyShort);
  }

  /** Stops everything of a collection here: it is quarantined or gone. */
  release(collection: FollowedCollection): void {
    this.#own.remove(collection.id);
    this.#ahead.forget(collection.id);
    this.#lanes.remove(collection);
  }

  /** True while the log holds more of it than was just read. */
  fillingFor(collection: FollowedCollection): boolean {
    return (this.#own.reading(collection.id) ?? this.main).filling;
  }

  refused(collection: FollowedCollection, code: number, message: string): Promise<void> {
    return this.#options.followers.refused(collection, code, message);
  }

  progressed(): void {
    const { sender, lease, followers } = this.#options;
    sender.kick();
    if (this.main.horizon.short) lease.hurry();
    if (this.#own.short) followers.ownShort();
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
