import { setTimeout as sleep } from 'node:timers/promises';
import type { Side } from '../support/compare/side.ts';
import { ok } from '../support/milvus/connect.ts';

export interface LagProbeOptions {
  readonly source: Side;
  readonly target: Side;
  readonly collection: string;
}

/** Far above the keys that the writer uses. */
const FIRST_KEY = 1_000_000_000_000;
const EVERY_MS = 1_000;
const POLL_MS = 20;

/** Measures the lag from outside: writes a row into the source, looks for it in the target, deletes it again. */
export class LagProbe implements AsyncDisposable {
  readonly #options: LagProbeOptions;
  readonly #stop = new AbortController();
  #seconds: number | undefined;
  #waitingSince: number | undefined;
  #running: Promise<void> | undefined;

  constructor(options: LagProbeOptions) {
    this.#options = options;
  }

  /** Seconds the newest row took, or has been on its way if that is longer; undefined before the first arrived. */
  get seconds(): number | undefined {
    const waiting = this.#waitingSince === undefined ? 0 : (performance.now() - this.#waitingSince) / 1_000;
    return this.#seconds === undefined ? undefined : Math.max(this.#seconds, waiting);
  }

  start(onError: (error: Error) => void): void {
    this.#running = this.#probe().catch((error: unknown) => onError(error as Error));
  }

  async #probe(): Promise<void> {
    const { source, collection } = this.#options;
    const { signal } = this.#stop;
    for (let key = FIRST_KEY; !signal.aborted; key += 1) {
      const vector = Array.from({ length: 128 }, () => 0);
      this.#waitingSince = performance.now();
      const data = [{ id: key, bucket: 0, vector }];
      await ok('insert', source.sdk.insert({ collection_name: collection, data }));
      await this.#untilSeen(key);
      if (signal.aborted) return;
      this.#seconds = (performance.now() - this.#waitingSince) / 1_000;
      this.#waitingSince = undefined;
      await ok('delete', source.sdk.delete({ collection_name: collection, filter: `id in [${key}]` }));
      await sleep(EVERY_MS, undefined, { signal }).catch(() => {});
    }
  }

  async #untilSeen(key: number): Promise<void> {
    const { target, collection } = this.#options;
    const query = { collection_name: collection, filter: `id == ${key}`, output_fields: ['id'] };
    while (!this.#stop.signal.aborted) {
      // The target is asked again when it cannot answer: it may not have the collection yet.
      const answer = await target.sdk.query({ ...query, consistency_level: 'Eventually' as never });
      if (answer.data?.length === 1) return;
      await sleep(POLL_MS, undefined, { signal: this.#stop.signal }).catch(() => {});
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }
}
