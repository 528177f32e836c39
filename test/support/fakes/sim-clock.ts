import { type Clock, sleep } from '../../../replicator/runtime/clock.ts';

interface Timer {
  readonly at: number;
  readonly serial: number;
  readonly fire: () => void;
}

/** Time that passes only when told to: everything that is due runs, and what it starts in turn, before the next timer. */
export class SimClock implements Clock {
  #now = 0;
  #serial = 0;
  #timers: Timer[] = [];

  readonly #random: () => number;

  constructor(random: () => number = () => 0.5) {
    this.#random = random;
  }

  random(): number {
    return this.#random();
  }

  monotonic(): number {
    return this.#now;
  }

  wall(): number {
    return 1_700_000_000_000 + this.#now;
  }

  sleep(ms: number, signal = new AbortController().signal): Promise<void> {
    return sleep(this, ms, signal);
  }

  after(ms: number, callback: () => void): () => void {
    const timer = { at: this.#now + Math.max(0, ms), serial: this.#serial++, fire: callback };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** Lets `ms` pass. */
  async advance(ms: number): Promise<void> {
    const until = this.#now + ms;
    for (;;) {
      await settle();
      let next: Timer | undefined;
      for (const timer of this.#timers) {
        if (timer.at > until) continue;
        if (next === undefined || timer.at < next.at || (timer.at === next.at && timer.serial < next.serial))
          next = timer;
      }
      if (next === undefined) break;
      this.#timers = this.#timers.filter((timer) => timer !== next);
      this.#now = Math.max(this.#now, next.at);
      next.fire();
    }
    this.#now = until;
  }
}

/** Everything that can run without time passing has run. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
