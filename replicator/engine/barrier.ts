import type { Timestamp } from './change.ts';
import type { Committed } from './progress.ts';

/** Until where a channel has to be applied before a drop may be carried out: the tick of the drop's own record, or, when
 *  that was not seen, the end of the log as it was after the catalog showed the drop. */
type Need = { readonly tick: Timestamp } | { readonly below: bigint } | 'passed';

/** A drop of a collection or partition waits until every channel of the collection has passed it, with everything
 *  before it applied. The marks need not survive a restart: the catalog still shows the object dropping or gone, and
 *  the end of each channel, looked at again, stands in for a record that is behind the checkpoint. Pure. */
export class DropBarrier {
  readonly #needs = new Map<string, Need | undefined>();

  constructor(channels: readonly string[]) {
    for (const channel of channels) this.#needs.set(channel, undefined);
  }

  /** The drop's record was met in that channel, in the window that ends with `tick`. */
  recordSeen(channel: string, tick: Timestamp): void {
    if (this.#needs.has(channel)) this.#needs.set(channel, { tick });
  }

  /** Everything before the drop is applied in that channel. */
  reached(channel: string): void {
    if (this.#needs.has(channel)) this.#needs.set(channel, 'passed');
  }

  /** Channels whose drop record was not seen yet. */
  get unseen(): readonly string[] {
    return [...this.#needs].filter(([, need]) => need === undefined).map(([channel]) => channel);
  }

  /** `nextOffset` was the end of the channel after the catalog showed the drop. */
  endSeen(channel: string, nextOffset: bigint): void {
    if (this.unseen.includes(channel)) this.#needs.set(channel, { below: nextOffset });
  }

  /** `committedOf` answers how far the collection is applied in a channel. */
  passed(committedOf: (channel: string) => Committed | undefined): boolean {
    for (const [channel, need] of this.#needs) {
      if (need === 'passed') continue;
      const committed = committedOf(channel);
      if (need === undefined || committed === undefined) return false;
      if ('tick' in need ? committed.position.tick < need.tick : committed.appliedBelow < need.below)
        return false;
    }
    return true;
  }
}
