import type { Position } from './change.ts';

/** A point of a cursor up to which everything is applied. */
export interface Committed {
  readonly position: Position;
  /** Every record of the channel below this offset is applied. */
  readonly appliedBelow: bigint;
}

interface Entry {
  readonly committed: Committed;
  holds: number;
}

/** Tracks which windows of a cursor are fully applied and answers how far its checkpoint may advance.
 *
 *  **Invariant:** {@link committed} never passes a window that is still held: only the contiguous prefix counts, and it
 *  never goes back. An empty window counts as well, so an idle channel advances. See SPEC.md I2, I4, I5. */
export class Progress {
  #committed: Committed;
  readonly #entries: Entry[] = [];
  #first = 0;

  constructor(start: Committed) {
    this.#committed = start;
  }

  get committed(): Committed {
    return this.#committed;
  }

  /** Opens the next window, held once by the caller until it has been planned. */
  open(committed: Committed): Hold {
    const entry: Entry = { committed, holds: 0 };
    this.#entries.push(entry);
    return this.#hold(entry);
  }

  #hold(entry: Entry): Hold {
    entry.holds++;
    let held = true;
    return {
      release: () => {
        if (!held) return;
        held = false;
        entry.holds--;
        this.#advance();
      },
      again: () => this.#hold(entry),
    };
  }

  #advance(): void {
    let entry = this.#entries[this.#first];
    while (entry !== undefined && entry.holds === 0) {
      this.#committed = entry.committed;
      this.#first++;
      entry = this.#entries[this.#first];
    }
    if (this.#first > 256) this.#entries.splice(0, this.#first);
    if (this.#entries.length === 0 || this.#first > 256) this.#first = 0;
  }
}

/** Something of a window that is not done yet. Releasing twice is harmless. */
export interface Hold {
  release(): void;
  /** Another hold on the same window; take it while this one is held. */
  again(): Hold;
}

/** A hold on a window that is not open yet. */
export interface DeferredHold extends Hold {
  /** The window is open and held by the caller: from now on this holds it, unless it was released meanwhile. */
  bind(window: Hold): void;
}

export function deferredHold(): DeferredHold {
  const root = { holds: 0, window: undefined as Hold | undefined };
  const take = (): Hold => {
    root.holds++;
    let held = true;
    return {
      release: () => {
        if (!held) return;
        held = false;
        root.holds--;
        if (root.holds === 0) root.window?.release();
      },
      again: take,
    };
  };
  return {
    ...take(),
    bind: (window) => {
      if (root.holds > 0) root.window = window.again();
    },
  };
}
