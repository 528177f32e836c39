import type { Key, Rows, Timestamp } from './change.ts';
import type { Horizon } from './horizon.ts';
import type { Hold } from './progress.ts';

/** One change of one collection, ready to be sent. `replace` is an upsert whose rows hold a key twice, which an upsert
 *  cannot carry: its keys are deleted first, then its rows inserted. */
export interface Op {
  readonly kind: 'insert' | 'upsert' | 'replace' | 'delete';
  readonly timestamp: Timestamp;
  /** Name on the target; undefined: the target chooses (rows), all partitions (delete). */
  readonly partition: string | undefined;
  /** Undefined for a delete. */
  readonly rows: Rows | undefined;
  readonly keys: readonly Key[];
  readonly bytes: number;
  readonly hold: Hold;
}

/** Many changes of one kind and partition as one request. */
export interface LaneRequest {
  readonly kind: Op['kind'];
  readonly partition: string | undefined;
  readonly parts: readonly Rows[];
  readonly keys: readonly Key[];
  readonly bytes: number;
}

export interface LaneLimits {
  /** A request is closed when it holds this many bytes. */
  maxBytes: number;
  /** A delete is closed when it holds this many keys: its expression names each. */
  readonly maxDeleteKeys: number;
}

type State = 'open' | 'closed' | 'sent' | 'done';

class Group implements LaneRequest {
  readonly kind: Op['kind'];
  readonly partition: string | undefined;
  readonly horizon: Horizon;
  readonly parts: Rows[] = [];
  readonly keys: Key[] = [];
  readonly holds: Hold[] = [];
  readonly dependents: Group[] = [];
  readonly dependsOn = new Set<Group>();
  bytes = 0;
  newest: Timestamp = 0n;
  state: State = 'open';

  constructor(kind: Op['kind'], partition: string | undefined, horizon: Horizon) {
    this.kind = kind;
    this.partition = partition;
    this.horizon = horizon;
  }
}

/** Orders and groups the changes of one collection in one channel.
 *
 *  **Invariant:** requests that share a key never overlap, and are sent in the order of their changes; requests that share
 *  none overlap freely. A key belongs to the newest group that names it; a change that meets a key of another group
 *  closes that group and waits for it. Groups close before they are waited for, so nothing waits in a circle.
 *  Pure. See SPEC.md I9. */
export class Lane {
  readonly #limits: LaneLimits;
  readonly #open = new Map<string, Group>();
  readonly #closed: Group[] = [];
  readonly #owners = new Map<Key, Group>();
  readonly #sent = new Set<Group>();
  #bytes = 0;

  constructor(limits: LaneLimits) {
    this.#limits = limits;
  }

  /** Bytes waiting and in flight. */
  get bytes(): number {
    return this.#bytes;
  }

  get inFlight(): number {
    return this.#sent.size;
  }

  get idle(): boolean {
    return this.#sent.size === 0 && this.#closed.length === 0 && this.#open.size === 0;
  }

  /** True when a full request waits, so that it need not wait for more. */
  get hasClosed(): boolean {
    return this.#closed.length > 0;
  }

  /** Takes the next change, in order. `horizon` is that of the cursor that read it. */
  add(op: Op, horizon: Horizon): void {
    const name = `${op.kind}/${op.partition ?? ''}`;
    const own = this.#open.get(name);
    const others = this.#othersWith(op, own?.horizon === horizon ? own : undefined);
    for (const other of others) if (other.state === 'open') this.#close(other);
    let group = this.#open.get(name);
    if (group !== undefined && group.horizon !== horizon) {
      this.#close(group);
      group = undefined;
    }
    if (group === undefined) {
      group = new Group(op.kind, op.partition, horizon);
      this.#open.set(name, group);
    }
    for (const other of others) {
      if (other.state === 'done' || group.dependsOn.has(other)) continue;
      group.dependsOn.add(other);
      other.dependents.push(group);
    }
    for (const key of op.keys) {
      this.#owners.set(key, group);
      group.keys.push(key);
    }
    if (op.rows !== undefined) group.parts.push(op.rows);
    group.holds.push(op.hold);
    group.bytes += op.bytes;
    this.#bytes += op.bytes;
    if (op.timestamp > group.newest) group.newest = op.timestamp;
    horizon.note(op.timestamp);
    const full =
      group.bytes >= this.#limits.maxBytes ||
      op.kind === 'replace' ||
      (op.kind === 'delete' && group.keys.length >= this.#limits.maxDeleteKeys);
    if (full) this.#close(group);
  }

  /** The groups that this change has to wait for: all that hold one of its keys, but for its own group where joining
   *  it is right (plain inserts of a key that the source holds twice, and repeated deletes). */
  #othersWith(op: Op, own: Group | undefined): Set<Group> {
    const others = new Set<Group>();
    for (const key of op.keys) {
      const owner = this.#owners.get(key);
      if (owner === undefined || (owner === own && op.kind !== 'upsert' && op.kind !== 'replace')) continue;
      others.add(owner);
    }
    return others;
  }

  #close(group: Group): void {
    this.#open.delete(`${group.kind}/${group.partition ?? ''}`);
    group.state = 'closed';
    this.#closed.push(group);
  }

  /** Closes every open group: what follows comes from another cursor. */
  closeAll(): void {
    for (const group of [...this.#open.values()]) this.#close(group);
  }

  /** The next request that may be sent now. `partial`: a group that is not full may be closed for it. Answers undefined
   *  when there is none; a request held back by its horizon alone shows in {@link Horizon.short}. */
  take(partial: boolean): LaneRequest | undefined {
    const at = this.#closed.findIndex(sendable);
    let group = at >= 0 ? this.#closed.splice(at, 1)[0] : undefined;
    if (group === undefined && partial) {
      for (const open of this.#open.values()) {
        if (!sendable(open)) continue;
        group = open;
        this.#open.delete(`${open.kind}/${open.partition ?? ''}`);
        break;
      }
    }
    if (group === undefined) return undefined;
    group.state = 'sent';
    this.#sent.add(group);
    return group;
  }

  /** The request was applied: frees its keys and releases the windows it came from. */
  done(request: LaneRequest): void {
    const group = request as Group;
    group.state = 'done';
    this.#sent.delete(group);
    this.#bytes -= group.bytes;
    for (const key of group.keys) if (this.#owners.get(key) === group) this.#owners.delete(key);
    for (const dependent of group.dependents) dependent.dependsOn.delete(group);
    for (const hold of group.holds) hold.release();
  }

  /** Gives up everything that is not in flight, because another cursor takes the collection over from before all of it.
   *  Answers how to release the windows, to be called once that cursor is durable. What is in flight still ends with
   *  {@link done}. */
  abandon(): () => void {
    this.closeAll();
    const given = this.#closed.splice(0);
    this.#owners.clear();
    // What is in flight keeps its keys, also those that a waiting group had taken over from it.
    for (const group of this.#sent) for (const key of group.keys) this.#owners.set(key, group);
    for (const group of given) {
      this.#bytes -= group.bytes;
      group.state = 'done';
      for (const dependent of group.dependents) dependent.dependsOn.delete(group);
    }
    return () => {
      for (const group of given) for (const hold of group.holds) hold.release();
    };
  }
}

function sendable(group: Group): boolean {
  return group.dependsOn.size === 0 && group.newest <= group.horizon.durable;
}
