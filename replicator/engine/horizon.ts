import type { Timestamp } from './change.ts';

const MILLISECOND = 1n << 18n;

/** How far ahead of the newest tick a horizon is set, at least: longer than two renewals of the lease, so that a quiet
 *  task always has a horizon in reserve and its next change goes out without a write. */
const AHEAD_MS = 10_000n;

/** A cursor's durable promise that nothing after it has been sent, and how far it should reach next.
 *
 *  **Invariant:** a change is sent only when its timestamp is at or below {@link durable}. The price of a far horizon is
 *  paid after a crash only: what lies between the checkpoint and the horizon is then sent as upserts. So it stays a few
 *  seconds ahead, and reaches further while catching up, when seconds of the log pass in milliseconds. See SPEC.md I8. */
export class Horizon {
  #durable: Timestamp;
  #newest: Timestamp = 0n;
  #atLastRaise: Timestamp = 0n;

  constructor(durable: Timestamp) {
    this.#durable = durable;
  }

  get durable(): Timestamp {
    return this.#durable;
  }

  /** Nothing after this is on its way to be sent: whatever was noted lies before it, waiting for the horizon or not. */
  get reach(): Timestamp {
    return this.#newest > this.#durable ? this.#newest : this.#durable;
  }

  /** Tells the newest timestamp that wants to be sent, or the newest tick. */
  note(timestamp: Timestamp): void {
    if (timestamp > this.#newest) this.#newest = timestamp;
  }

  /** True when something waits for a farther horizon. */
  get short(): boolean {
    return this.#newest > this.#durable;
  }

  /** What to write next; hand it to {@link raised} once it is durable. Never below the durable one. */
  next(): Timestamp {
    const moved = this.#atLastRaise === 0n ? 0n : this.#newest - this.#atLastRaise;
    const ahead = moved * 2n > AHEAD_MS * MILLISECOND ? moved * 2n : AHEAD_MS * MILLISECOND;
    const wanted = this.#newest + ahead;
    return this.#newest === 0n || wanted < this.#durable ? this.#durable : wanted;
  }

  raised(horizon: Timestamp): void {
    if (horizon > this.#durable) this.#durable = horizon;
    this.#atLastRaise = this.#newest;
  }
}
