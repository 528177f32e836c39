import { Lane, type LaneLimits, type LaneRequest } from '../engine/lane.ts';
import type { FollowedCollection } from './collection.ts';
import type { Address, SendLane } from './sender.ts';

/** The channel that a lane belongs to. */
export interface LaneHost {
  fillingFor(collection: FollowedCollection): boolean;
  /** Resolves once the collection's own cursors are durable. */
  refused(collection: FollowedCollection, code: number, message: string): Promise<void>;
  progressed(): void;
}

/** The changes of one collection in one channel, on their way to the target; the main cursor and the collection's own
 *  one share it, so that requests with a common key never overlap whoever read them. */
export class LaneOfCollection implements SendLane {
  readonly lane: Lane;
  readonly #collection: FollowedCollection;
  readonly #host: LaneHost;
  #stopped = false;

  constructor(collection: FollowedCollection, host: LaneHost, limits: LaneLimits) {
    this.#collection = collection;
    this.#host = host;
    this.lane = new Lane(limits);
  }

  get address(): Address {
    const { address } = this.#collection;
    if (address === undefined) throw new Error(`collection ${this.#collection.id} has rows and no schema`);
    return address;
  }

  get filling(): boolean {
    return this.#host.fillingFor(this.#collection);
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  refused(request: LaneRequest, code: number, message: string): void {
    this.#stopped = true;
    void this.#host.refused(this.#collection, code, message).then(() => {
      this.lane.abandon()();
      this.lane.done(request);
      this.#host.progressed();
    });
  }

  applied(): void {
    if (this.lane.idle) this.#collection.changed.notify();
    this.#host.progressed();
  }

  /** Gives up what was not sent; the collection's own cursor is durable. */
  stop(): void {
    this.#stopped = true;
    this.lane.abandon()();
  }
}
