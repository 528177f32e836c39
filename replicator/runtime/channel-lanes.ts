import type { Horizon } from '../engine/horizon.ts';
import type { Op } from '../engine/lane.ts';
import type { FollowedCollection } from './collection.ts';
import { type LaneHost, LaneOfCollection } from './lane-of-collection.ts';
import type { Sender } from './sender.ts';

/** The lanes of the collections of one channel; each is made with the first change that goes through it. */
export class ChannelLanes {
  readonly #host: LaneHost;
  readonly #sender: Sender;
  readonly #lanes = new Map<bigint, LaneOfCollection>();

  constructor(host: LaneHost, sender: Sender) {
    this.#host = host;
    this.#sender = sender;
  }

  /** Adds changes in order; `horizon` is that of the cursor that read them. */
  add(collection: FollowedCollection, ops: readonly Op[], horizon: Horizon): void {
    if (ops.length === 0) return;
    const { lane } = this.#lanes.get(collection.id) ?? this.#make(collection);
    for (const op of ops) lane.add(op, horizon);
  }

  #make(collection: FollowedCollection): LaneOfCollection {
    const lane = new LaneOfCollection(collection, this.#host, this.#sender.limits);
    this.#lanes.set(collection.id, lane);
    this.#sender.add(lane);
    return lane;
  }

  /** True when nothing of the collection waits or is in flight. */
  isIdle({ id }: FollowedCollection): boolean {
    return this.#lanes.get(id)?.lane.idle ?? true;
  }

  /** Closes what is open: what follows comes from another cursor. */
  closeAll({ id }: FollowedCollection): void {
    this.#lanes.get(id)?.lane.closeAll();
  }

  /** Gives up what is not in flight; see {@link LaneOfCollection.lane}. */
  abandon({ id }: FollowedCollection): () => void {
    return this.#lanes.get(id)?.lane.abandon() ?? (() => undefined);
  }

  /** Gives up what is not in flight, and forgets the collection. */
  remove({ id }: FollowedCollection): void {
    const lane = this.#lanes.get(id);
    if (lane === undefined) return;
    lane.stop();
    this.#lanes.delete(id);
    this.#sender.remove(lane);
  }
}
