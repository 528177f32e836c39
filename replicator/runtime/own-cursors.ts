import type { ChannelPosition } from '#shared/task/positions.ts';
import type { ObjectCursor, TaskObject } from '#shared/task/run.ts';
import type { ChangeRecord, Position, Timestamp } from '../engine/change.ts';
import { routableCount } from '../engine/ops.ts';
import type { Committed, Hold } from '../engine/progress.ts';
import type { Window } from '../engine/window.ts';
import type { FollowedCollection } from './collection.ts';
import type { Cursor, CursorOptions } from './cursor.ts';

/** Some changes of one collection, and where they were read. */
export interface ReadAt {
  readonly window: Window;
  readonly cursor: Cursor;
  readonly hold: Hold;
}

/** The channel that the cursors belong to. */
export interface OwnCursorsHost {
  readonly channel: string;
  readonly main: Cursor;
  newCursor(own: Pick<CursorOptions, 'name' | 'start' | 'logTag' | 'horizon' | 'onWindow'>): Cursor;
  plan(collection: FollowedCollection, changes: readonly ChangeRecord[], at: ReadAt): void;
  askPartitions(collection: FollowedCollection, changes: readonly ChangeRecord[]): void;
  /** True when nothing of the collection waits or is in flight here. */
  isIdle(collection: FollowedCollection): boolean;
  /** Closes what is open: what follows comes from another cursor. */
  closeOpen(collection: FollowedCollection): void;
  progressed(): void;
  fail(error: unknown): void;
}

interface OwnCursor {
  readonly cursor: Cursor;
  readonly collection: FollowedCollection;
  readonly stop: AbortController;
  /** Set once the main cursor has taken over; the last windows read here are still being applied. */
  merged: boolean;
  /** What was last made durable. */
  stored: ObjectCursor;
}

/** The cursors of those collections of a channel that cannot follow the main one. Each reads the channel for itself,
 *  waits wherever its collection cannot go on, and ends when it stands at the same tick as the main cursor.
 *  See SPEC.md, "Positions, horizons, cursors". */
export class OwnCursors {
  readonly #host: OwnCursorsHost;
  readonly #cursors = new Map<bigint, OwnCursor>();

  constructor(host: OwnCursorsHost) {
    this.#host = host;
  }

  /** The cursor that reads for a collection now; undefined when the main one does, or none yet. */
  reading(id: bigint): Cursor | undefined {
    const own = this.#cursors.get(id);
    return own === undefined || own.merged ? undefined : own.cursor;
  }

  /** The cursor whose last windows are still being applied although the main one has taken over. */
  finishing(id: bigint): Cursor | undefined {
    const own = this.#cursors.get(id);
    return own?.merged === true && !own.cursor.done ? own.cursor : undefined;
  }

  /** Nothing after this was planned for a collection here. What was planned may still be sent, under a horizon that is
   *  raised meanwhile, before a cursor that begins now has been made durable. */
  horizonOf(id: bigint): Timestamp {
    return max(this.#host.main.horizon.reach, this.#cursors.get(id)?.cursor.horizon.reach ?? 0n);
  }

  /** True when a change waits for a farther horizon that {@link flush} will write. */
  get short(): boolean {
    for (const { cursor, collection } of this.#cursors.values()) {
      if (cursor.horizon.short && collection.quarantine === undefined) return true;
    }
    return false;
  }

  /** Starts to read from what is stored for the collection. */
  start(collection: FollowedCollection, stored: ObjectCursor, signal: AbortSignal): void {
    const { channel, main } = this.#host;
    const stop = new AbortController();
    // An earlier job may have merged this cursor in memory only, and sent what followed under the main horizon.
    const horizon = max(BigInt(stored.horizon), collection.heldBefore ? main.replayUntil : 0n);
    const cursor = this.#host.newCursor({
      name: `${channel} for collection ${collection.id}`,
      start: { ...committedAt(stored).position, exact: stored.horizon !== '0' },
      logTag: stored.logTag === '' ? undefined : stored.logTag,
      horizon,
      onWindow: (window, own, hold) => this.#onWindow(collection, { window, cursor: own, hold }),
    });
    this.#cursors.set(collection.id, { cursor, collection, stop, merged: false, stored });
    cursor
      .run(AbortSignal.any([signal, stop.signal]))
      .catch((error: unknown) => !stop.signal.aborted && this.#host.fail(error));
  }

  /** Ends the reading for a collection and forgets the cursor; what it has planned is the caller's business. */
  remove(id: bigint): void {
    this.#cursors.get(id)?.stop.abort();
    this.#cursors.delete(id);
  }

  async #onWindow(collection: FollowedCollection, at: ReadAt): Promise<void> {
    const host = this.#host;
    const own = this.#cursors.get(collection.id);
    if (own?.cursor !== at.cursor || own.stop.signal.aborted) return;
    let rest = at.window.changes.filter((change) => change.collectionId === collection.id);
    while (rest.length > 0) {
      const routing = collection.routing(host.channel, at.cursor.replayUntil);
      const count = collection.ready ? routableCount(rest, routing) : 0;
      if (count > 0) host.plan(collection, rest.slice(0, count), at);
      rest = rest.slice(count);
      const [blocked] = rest;
      if (blocked === undefined) break;
      host.progressed();
      host.askPartitions(collection, rest);
      if (host.isIdle(collection) && 'partitionId' in blocked) {
        collection.reachedPartition(blocked.partitionId, host.channel);
      }
      await collection.changed.next(own.stop.signal);
    }
    this.#mergeIfEqual(own, at.window.position.tick, host.main.readTick);
  }

  /** The main cursor has planned up to `tick`. */
  mainRead(tick: Timestamp): void {
    for (const own of this.#cursors.values()) this.#mergeIfEqual(own, own.cursor.readTick, tick);
  }

  /** When both cursors have planned up to the same tick, the main one takes over from there. */
  #mergeIfEqual(own: OwnCursor, tick: Timestamp, main: Timestamp): void {
    if (own.merged || tick !== main || own.collection.quarantine !== undefined) return;
    own.merged = true;
    own.stop.abort();
    this.#host.closeOpen(own.collection);
    own.collection.attach(this.#host.channel, own.cursor.replayUntil);
  }

  /** The main checkpoint is durable: forgets merged cursors of which it covers everything that was sent. */
  mainWritten(written: ChannelPosition): void {
    const { channel } = this.#host;
    for (const { cursor, collection, merged } of this.#cursors.values()) {
      if (!merged || !cursor.done) continue;
      if (written.tick < cursor.readTick || written.tick < cursor.horizon.durable) continue;
      this.#cursors.delete(collection.id);
      collection.record
        .update((object) => ({ cursors: object.cursors.filter((own) => own.channel !== channel) }))
        .catch((error: unknown) => this.#host.fail(error));
    }
  }

  /** Makes the cursors durable: their checkpoints, and their horizons when a change waits for one. */
  async flush(onlyShort: boolean): Promise<void> {
    for (const own of this.#cursors.values()) {
      const { horizon, committed } = own.cursor;
      if ((onlyShort && !horizon.short) || own.collection.quarantine !== undefined) continue;
      const next = horizon.next();
      const cursor = objectCursor(this.#host, committed.position, next);
      if (JSON.stringify(cursor) === JSON.stringify(own.stored)) continue;
      own.stored = cursor;
      await own.collection.record.update((object) => withCursor(object, cursor));
      horizon.raised(next);
    }
    this.#host.progressed();
  }
}

export function objectCursor(
  { channel, main }: Pick<OwnCursorsHost, 'channel' | 'main'>,
  { offset, tick }: Position,
  horizon: Timestamp,
): ObjectCursor {
  const logTag = main.logTag ?? '';
  return { channel, logTag, offset: String(offset), tick: String(tick), horizon: String(horizon) };
}

export function withCursor(object: TaskObject, cursor: ObjectCursor): Partial<TaskObject> {
  return { cursors: [...object.cursors.filter((own) => own.channel !== cursor.channel), cursor] };
}

export function committedAt(own: ObjectCursor): Committed {
  const offset = BigInt(own.offset);
  return { position: { offset, tick: BigInt(own.tick) }, appliedBelow: offset };
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
