import { type ChannelPosition, unpackPositions } from '#shared/task/positions.ts';
import type { Run } from '#shared/task/run.ts';
import type { Timestamp } from '../engine/change.ts';
import { type Clock, isoTime } from './clock.ts';

/** Knows when the checkpoint last moved. A restart is no progress: it goes on from what the predecessor left, so a task
 *  that dies before it gets anywhere is seen to stand still. */
export class Advance {
  readonly #clock: Clock;
  #last: Timestamp | undefined;
  #at: string | undefined;

  constructor(clock: Clock, before: Pick<Run, 'advancedAt' | 'watermark' | 'channels'>) {
    this.#clock = clock;
    this.#at = before.advancedAt;
    // A job that is starting takes the watermark out of the item; the positions stay.
    this.#last = before.watermark === undefined ? oldestTick(before.channels) : BigInt(before.watermark);
  }

  /** ISO 8601; undefined before the first time. */
  get at(): string | undefined {
    return this.#at;
  }

  /** A watermark may fall, when a collection is followed from further back; it moves when it grows from there.
   *  `idle`: there is nothing to follow, which is as far as one can be. */
  note(watermark: Timestamp | undefined, idle: boolean): void {
    const grown = watermark !== undefined && (this.#last === undefined || watermark > this.#last);
    if (grown || idle) this.#at = isoTime(this.#clock);
    this.#last = watermark ?? this.#last;
  }
}

function oldestTick(channels: Uint8Array): Timestamp | undefined {
  const ticks = unpackPositions(channels).map((position: ChannelPosition) => position.tick);
  return ticks.length === 0 ? undefined : ticks.reduce((a, b) => (a < b ? a : b));
}
