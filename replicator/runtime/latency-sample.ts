import { MAX_VALUES } from '#shared/metrics.ts';

/** A fair sample of the times that came since it was last taken, with the largest of them always in it: percentiles are
 *  those of the sample, the maximum is the true one. Bounded, whatever the load. */
export class LatencySample {
  readonly #random: () => number;
  #values: number[] = [];
  #seen = 0;
  #largest = 0;

  /** `random` in [0, 1). */
  constructor(random: () => number) {
    this.#random = random;
  }

  note(took: number): void {
    const ms = Math.round(took * 100) / 100;
    this.#seen++;
    this.#largest = Math.max(this.#largest, ms);
    // Each of the n seen so far is in the sample with the same chance.
    const at = this.#seen <= MAX_VALUES ? this.#values.length : Math.floor(this.#random() * this.#seen);
    if (at < MAX_VALUES) this.#values[at] = ms;
  }

  /** Answers the sample and begins anew. */
  take(): readonly number[] {
    const values = this.#values;
    if (values.length > 0 && !values.includes(this.#largest)) values[0] = this.#largest;
    this.#values = [];
    this.#seen = 0;
    this.#largest = 0;
    return values;
  }
}
