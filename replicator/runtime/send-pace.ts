import type { LaneLimits } from '../engine/lane.ts';

export interface SendPaceOptions {
  /** Its `maxBytes` is what this adapts. */
  readonly limits: LaneLimits;
  readonly maxInFlight: number;
  readonly deadlineMs: number;
}

/** No request gets smaller than this: below it a target spends its time on requests instead of rows. */
const LEAST_BYTES = 256 * 1024;

/** Fits the load to the target: a write that comes near its deadline halves the size of requests and takes one out of
 *  flight; writes that end soon give both back. A deadline that is met costs nothing, one that is missed leaves the
 *  outcome open and everything has to be sent again, so it is better to slow down in time. */
export class SendPace {
  readonly #options: SendPaceOptions;
  readonly #mostBytes: number;
  #inFlight: number;

  constructor(options: SendPaceOptions) {
    this.#options = options;
    this.#mostBytes = options.limits.maxBytes;
    this.#inFlight = options.maxInFlight;
  }

  /** Requests that may be in flight now. */
  get inFlight(): number {
    return Math.floor(this.#inFlight);
  }

  /** A write ended after `ms`. */
  note(ms: number, applied: boolean): void {
    const { limits, maxInFlight, deadlineMs } = this.#options;
    if (ms > deadlineMs / 2) {
      limits.maxBytes = Math.max(LEAST_BYTES, limits.maxBytes / 2);
      this.#inFlight = Math.max(1, this.#inFlight - 1);
    } else if (applied && ms < deadlineMs / 4) {
      limits.maxBytes = Math.min(this.#mostBytes, limits.maxBytes * 1.1);
      this.#inFlight = Math.min(maxInFlight, this.#inFlight + 0.1);
    }
  }
}
