import { type Clock, sleep } from './clock.ts';

export interface BackoffOptions {
  readonly clock: Clock;
  readonly firstMs?: number | undefined;
  readonly capMs?: number | undefined;
}

/** Waits between tries: doubling up to a cap, half of it jitter; starts over once something worked. */
export class Backoff {
  readonly #clock: Clock;
  readonly #firstMs: number;
  readonly #capMs: number;
  #nextMs: number;

  constructor(options: BackoffOptions) {
    this.#clock = options.clock;
    this.#firstMs = options.firstMs ?? 200;
    this.#capMs = options.capMs ?? 10_000;
    this.#nextMs = this.#firstMs;
  }

  /** Milliseconds the next wait takes at most. */
  get nextMs(): number {
    return this.#nextMs;
  }

  async wait(signal: AbortSignal): Promise<void> {
    const ms = this.#nextMs * (0.5 + 0.5 * this.#clock.random());
    this.#nextMs = Math.min(this.#nextMs * 2, this.#capMs);
    await sleep(this.#clock, ms, signal);
  }

  reset(): void {
    this.#nextMs = this.#firstMs;
  }
}
