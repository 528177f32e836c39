import type { ChangeRecord, InsertRecord, Key, Timestamp } from './change.ts';
import { type DeferredHold, deferredHold, type Hold } from './progress.ts';

/** An insert that was sent before the tick that covers it. */
interface Sent {
  readonly record: InsertRecord;
  readonly keys: readonly Key[];
  readonly hold: DeferredHold;
  /** An older change of one of its keys came after it: it has to be sent again, in its place. */
  spoiled: boolean;
}

/** What is known of one collection between two ticks. */
class Collection {
  /** By offset. */
  readonly sent = new Map<bigint, Sent>();
  readonly byKey = new Map<Key, Set<Sent>>();
  /** Newest timestamp at which a change that waits for its tick names a key. */
  readonly waiting = new Map<Key, Timestamp>();
  /** Newest change that is about more than keys: nothing goes ahead of it. */
  barrier: Timestamp = 0n;
}

export interface Settled {
  /** What is still to be planned, in the same order. */
  readonly due: readonly ChangeRecord[];
  /** Those of them that were sent already: their rows may be on the target. */
  readonly repeated: ReadonlySet<ChangeRecord>;
}

/** Lets plain inserts of one channel go before the tick that covers them, which costs a source's client about 200 ms.
 *
 *  It is a bet that no older change of the same keys follows before the tick; several proxies write concurrently, so one
 *  may. **Invariant:** the outcome is the one of sending everything in order: a change that is planned at its tick and names
 *  a key of a newer insert that went ahead makes that insert be sent again behind it, as one that the target may have.
 *  Deletes and upserts wait for their tick, and whatever meets the key of a waiting change waits with it.
 *  Pure. See SPEC.md, "Ahead of the tick". */
export class Ahead {
  readonly #collections = new Map<bigint, Collection>();
  #tick: Timestamp = 0n;

  /** Takes the records of one collection that wait for their tick, each once, in the order of the channel. Answers those
   *  that may be sent now, each with a hold that will belong to the window the insert turns out to be in. */
  admit(
    id: bigint,
    records: readonly ChangeRecord[],
    keyFieldId: number,
  ): readonly { readonly record: InsertRecord; readonly hold: Hold }[] {
    const known = this.#collections.get(id) ?? new Collection();
    this.#collections.set(id, known);
    const admitted = [];
    for (const record of records) {
      // A log that is read again holds what went ahead before.
      if (known.sent.has(record.offset)) continue;
      const keys = keysOf(record, keyFieldId);
      if (record.kind !== 'insert' || !this.#mayGo(known, record, keys)) {
        this.#wait(known, record, keys);
        continue;
      }
      const sent: Sent = { record, keys, hold: deferredHold(), spoiled: false };
      known.sent.set(record.offset, sent);
      for (const key of keys) {
        const same = known.byKey.get(key);
        if (same === undefined) known.byKey.set(key, new Set([sent]));
        else same.add(sent);
      }
      admitted.push({ record, hold: sent.hold });
    }
    return admitted;
  }

  #mayGo(known: Collection, record: InsertRecord, keys: readonly Key[]): boolean {
    if (record.ofUpsert || known.barrier > this.#tick) return false;
    for (const key of keys) {
      if ((known.waiting.get(key) ?? 0n) > this.#tick) return false;
      for (const other of known.byKey.get(key) ?? [])
        if (other.record.timestamp >= record.timestamp) return false;
    }
    return true;
  }

  #wait(known: Collection, { kind, timestamp }: ChangeRecord, keys: readonly Key[]): void {
    if (kind !== 'insert' && kind !== 'delete' && timestamp > known.barrier) known.barrier = timestamp;
    for (const key of keys) {
      if (timestamp > (known.waiting.get(key) ?? 0n)) known.waiting.set(key, timestamp);
    }
  }

  /** Takes the changes of one collection that a tick has made due, in the order of their effects. What went ahead and was
   *  not overtaken is left out; until it is applied it holds `window`. */
  settle(id: bigint, changes: readonly ChangeRecord[], keyFieldId: number, window: Hold): Settled {
    const known = this.#collections.get(id);
    if (known === undefined || known.sent.size === 0) return { due: changes, repeated: new Set() };
    const due: ChangeRecord[] = [];
    const repeated = new Set<ChangeRecord>();
    for (const change of changes) {
      const sent = known.sent.get(change.offset);
      if (sent !== undefined) forget(known, sent);
      if (sent?.spoiled === false) {
        sent.hold.bind(window);
        continue;
      }
      due.push(change);
      if (sent !== undefined) repeated.add(change);
      // Whatever is older was settled before: what still has the key comes after this change.
      for (const key of keysOf(change, keyFieldId))
        for (const newer of known.byKey.get(key) ?? []) newer.spoiled = true;
    }
    return { due, repeated };
  }

  /** Everything up to this tick was settled. */
  passed(tick: Timestamp): void {
    this.#tick = tick;
    for (const [id, known] of this.#collections) {
      for (const [key, timestamp] of known.waiting) if (timestamp <= tick) known.waiting.delete(key);
      if (known.sent.size === 0 && known.waiting.size === 0 && known.barrier <= tick)
        this.#collections.delete(id);
    }
  }

  /** Another cursor takes the collection over from before all of it: what went ahead counts as not sent. */
  forget(id: bigint): void {
    this.#collections.delete(id);
  }
}

function forget(known: Collection, sent: Sent): void {
  known.sent.delete(sent.record.offset);
  for (const key of sent.keys) {
    const same = known.byKey.get(key);
    same?.delete(sent);
    if (same?.size === 0) known.byKey.delete(key);
  }
}

function keysOf(change: ChangeRecord, keyFieldId: number): readonly Key[] {
  if (change.kind === 'insert') return change.rows.keys(keyFieldId);
  return change.kind === 'delete' ? change.keys : [];
}
