import type { ObjectCursor } from '#shared/task/run.ts';
import type { Catalog } from '../engine/catalog.ts';
import type { Hold } from '../engine/progress.ts';

/** The first change of an unknown collection id in one channel. */
export interface Sighting {
  readonly channel: string;
  /** Where a cursor of the collection's own would begin. */
  readonly cursor: ObjectCursor;
  /** Keeps the main checkpoint before the change. */
  readonly hold: Hold;
  readonly rows: number;
}

/** What was seen of one unknown id, over all channels. */
export interface Unknown {
  readonly id: bigint;
  readonly sightings: readonly Sighting[];
  readonly rows: number;
}

interface Waiting {
  readonly sightings: Map<string, Sighting>;
  rows: number;
  /** Number of the first reading of the catalog that settles it. */
  readonly since: number;
}

/** Collection ids that the log names and nobody knows. The catalog settles what they are, but only a reading of it that
 *  began after the id was met: an older one may be from before the collection. */
export class UnknownIds {
  readonly #waiting = new Map<bigint, Waiting>();

  has(id: bigint): boolean {
    return this.#waiting.has(id);
  }

  /** `since` is asked for the first time an id is met. */
  add(id: bigint, sighting: Sighting, since: () => number): void {
    let waiting = this.#waiting.get(id);
    if (waiting === undefined) {
      waiting = { sightings: new Map(), rows: 0, since: since() };
      this.#waiting.set(id, waiting);
    }
    waiting.rows += sighting.rows;
    if (waiting.sightings.has(sighting.channel)) sighting.hold.release();
    else waiting.sightings.set(sighting.channel, sighting);
  }

  /** Takes out what this reading settles: what is followed by now, and what it does not show as being created. */
  settle(catalog: Catalog, reading: number, isFollowed: (id: bigint) => boolean): Unknown[] {
    const settled: Unknown[] = [];
    for (const [id, { sightings, rows, since }] of this.#waiting) {
      const absent = reading >= since && catalog.collections.get(id)?.state !== 'creating';
      if (!isFollowed(id) && !absent) continue;
      this.#waiting.delete(id);
      settled.push({ id, rows, sightings: [...sightings.values()] });
    }
    return settled;
  }
}
