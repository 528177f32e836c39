interface Waiting {
  readonly start: () => void;
  readonly fail: (error: unknown) => void;
  readonly urgent: boolean;
}

/** How long an urgent write lets the one before it go first. */
const PATIENCE_MS = 300;

export interface LaneOptions {
  /** True for a failure that whatever waits would only meet again, one after the other. */
  readonly failsAll: (error: unknown) => boolean;
}

/** Lets one write at a time through. Two writes of one job that both involve its run item would be each other's
 *  transaction conflict, so they queue up. Urgent ones (renewals) go before the others, and ahead when the one before
 *  them hangs: then a conflict is the smaller evil. */
export class Lane {
  readonly #failsAll: (error: unknown) => boolean;
  #waiting: Waiting[] = [];
  #inFlight = 0;

  constructor(options: LaneOptions) {
    this.#failsAll = options.failsAll;
  }

  get idle(): boolean {
    return this.#inFlight === 0;
  }

  async run<T>(work: () => Promise<T>, urgent: boolean): Promise<T> {
    // Who waited has been counted by the one that handed on, or a newcomer would slip in between.
    if (this.#inFlight > 0) await this.#turn(urgent);
    else this.#inFlight++;
    try {
      return await work();
    } catch (error) {
      if (this.#failsAll(error)) this.#failWaiting(error);
      throw error;
    } finally {
      this.#inFlight--;
      if (this.#inFlight === 0) this.#startNext();
    }
  }

  #turn(urgent: boolean): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const entry: Waiting = {
      urgent,
      fail: reject,
      start: () => {
        this.#waiting = this.#waiting.filter((w) => w !== entry);
        this.#inFlight++;
        clearTimeout(timer);
        resolve();
      },
    };
    const timer = urgent ? setTimeout(entry.start, PATIENCE_MS) : undefined;
    this.#waiting.push(entry);
    return promise;
  }

  #startNext(): void {
    (this.#waiting.find((w) => w.urgent) ?? this.#waiting[0])?.start();
  }

  #failWaiting(error: unknown): void {
    const failing = this.#waiting.filter((w) => !w.urgent);
    this.#waiting = this.#waiting.filter((w) => w.urgent);
    for (const waiting of failing) waiting.fail(error);
  }
}
