interface Waiting {
  readonly start: () => void;
  readonly urgent: boolean;
}

/** Lets one write at a time through. Two writes of one job that both involve its run item would be each other's
 *  transaction conflict, so they queue up; urgent ones (renewals) go before the others. */
export class Lane {
  readonly #waiting: Waiting[] = [];
  #busy = false;

  get idle(): boolean {
    return !this.#busy;
  }

  async run<T>(work: () => Promise<T>, urgent: boolean): Promise<T> {
    if (this.#busy) await this.#turn(urgent);
    else this.#busy = true;
    try {
      return await work();
    } finally {
      // Handed on without becoming idle between, or a newcomer would slip in.
      const urgentOne = this.#waiting.findIndex((w) => w.urgent);
      const [next] = this.#waiting.splice(Math.max(0, urgentOne), 1);
      if (next === undefined) this.#busy = false;
      else next.start();
    }
  }

  #turn(urgent: boolean): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push({ start: resolve, urgent });
    return promise;
  }
}
