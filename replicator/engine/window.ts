import type { ChangeRecord, ChannelRecord, Position, Timestamp, UnknownRecord } from './change.ts';

/** The changes of a channel between two ticks, in the order of their effects. */
export interface Window {
  /** Where to resume once everything up to this window's tick is applied. */
  readonly position: Position;
  /** Every record below this offset is in this window or an earlier one. */
  readonly appliedBelow: bigint;
  /** By timestamp, a delete before an insert at the same one; else as the channel holds them. */
  readonly changes: readonly ChangeRecord[];
}

/** Where a cursor begins. `exact`: `tick` is one that was read in this log, so it must be met again; otherwise it
 *  only says what to leave out (0: nothing). */
export interface CursorStart extends Position {
  readonly exact: boolean;
}

/** Holds the records of one channel until a tick promises that nothing older follows, then hands them out in order.
 *
 *  Holding is necessary: several proxies write concurrently, so an insert may lie before an older delete of the same key.
 *  A producer's retry stores a message twice; the second one is dropped by its message id.
 *  Pure: no I/O, no clock. See SPEC.md I3, I7. */
export class WindowAssembler {
  readonly #start: CursorStart;
  #resumed: boolean;
  #held: ChangeRecord[] = [];
  #heldBytes = 0;
  #fresh: ChangeRecord[] = [];
  #seen = new Set<bigint>();
  #seenBefore = new Set<bigint>();
  #unknown: UnknownRecord | undefined;

  constructor(start: CursorStart) {
    this.#start = start;
    this.#resumed = start.tick === 0n;
  }

  /** Bytes of the records that wait for a tick. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** The records that wait for a tick and were not taken before; none before the position was met in the log. */
  takeFresh(): readonly ChangeRecord[] {
    if (!this.#resumed || this.#unknown !== undefined) return [];
    const fresh = this.#fresh;
    this.#fresh = [];
    return fresh;
  }

  /** Takes the next record; answers a window when it is a tick. */
  push(record: ChannelRecord): Window | undefined {
    if (record.kind === 'tick') return this.#tick(record.offset, record.timestamp);
    if (record.kind === 'unknown') {
      if (this.#resumed || record.timestamp > this.#start.tick) this.#unknown ??= record;
      return undefined;
    }
    // Also past the tick itself: what lies there and is older repeats a message whose first copy is applied.
    if (record.timestamp <= this.#start.tick || this.#isRepeat(record)) return undefined;
    this.#held.push(record);
    this.#fresh.push(record);
    this.#heldBytes += weight(record);
    return undefined;
  }

  #tick(offset: bigint, tick: Timestamp): Window | undefined {
    if (!this.#resumed) {
      if (tick < this.#start.tick) return undefined;
      if (tick > this.#start.tick && this.#start.exact) throw new TickNotFoundError(this.#start.tick, tick);
      // The tick of the position itself makes an empty window: it says anew what is applied, on a log that may be silent.
      this.#resumed = true;
    }
    if (this.#unknown !== undefined) throw new UnknownMessageError(this.#unknown);
    const due: ChangeRecord[] = [];
    const kept: ChangeRecord[] = [];
    for (const record of this.#held) (record.timestamp <= tick ? due : kept).push(record);
    this.#held = kept;
    this.#fresh = this.#fresh.filter((record) => record.timestamp > tick);
    this.#heldBytes = kept.reduce((sum, record) => sum + weight(record), 0);
    this.#seenBefore = this.#seen;
    this.#seen = new Set();
    const oldest = kept[0]?.offset;
    return {
      position: { offset: oldest !== undefined && oldest < offset ? oldest : offset, tick },
      appliedBelow: oldest ?? offset + 1n,
      changes: due.sort(byEffect),
    };
  }

  #isRepeat(record: ChangeRecord): boolean {
    if ((record.kind !== 'insert' && record.kind !== 'delete') || record.messageId === 0n) return false;
    if (this.#seen.has(record.messageId) || this.#seenBefore.has(record.messageId)) return true;
    this.#seen.add(record.messageId);
    return false;
  }
}

/** The tick that a position names is not in the log any more: the log is another one, or was cut. */
export class TickNotFoundError extends Error {
  override readonly name = 'TickNotFoundError';

  constructor(expected: Timestamp, found: Timestamp) {
    super(`expected the tick ${expected} in the log and met ${found}`);
  }
}

/** The log holds a message that this release does not know. */
export class UnknownMessageError extends Error {
  override readonly name = 'UnknownMessageError';

  constructor(record: UnknownRecord) {
    super(`the log holds a message of the unknown type ${record.messageType} at offset ${record.offset}`);
  }
}

function weight(record: ChangeRecord): number {
  if (record.kind === 'insert') return record.rows.bytes;
  return record.kind === 'delete' ? record.bytes : 0;
}

const RANK = {
  delete: 0,
  insert: 1,
  'create-collection': 2,
  'drop-partition': 2,
  'drop-collection': 3,
} as const;

/** A row inserted at the very timestamp of a delete survives it (an upsert relies on that), so the delete goes first. */
function byEffect(a: ChangeRecord, b: ChangeRecord): number {
  if (a.timestamp !== b.timestamp) return a.timestamp < b.timestamp ? -1 : 1;
  if (a.kind !== b.kind) return RANK[a.kind] - RANK[b.kind];
  return a.offset < b.offset ? -1 : 1;
}
