import { CdcError } from '#shared/errors.ts';
import type { Logger } from '#shared/log.ts';
import {
  type ChangeSource,
  SourceUnavailableError,
  SourceUnsupportedError,
} from '../source/change-source.ts';
import { Backoff } from './backoff.ts';
import { type Clock, sleep } from './clock.ts';
import type { Registry } from './registry.ts';
import type { JobStatus } from './status.ts';

export interface CatalogFollowerOptions {
  readonly source: ChangeSource;
  readonly registry: () => Registry;
  readonly clock: Clock;
  readonly status: JobStatus;
  readonly log: Logger;
}

/** Milliseconds between two readings of the catalog when nothing says that it changed. */
const REREAD_MS = 30_000;

/** Reads the source's catalog whenever it may have changed, and when somebody asks. */
export class CatalogFollower {
  readonly #options: CatalogFollowerOptions;
  #asked = new AbortController();

  constructor(options: CatalogFollowerOptions) {
    this.#options = options;
  }

  /** A reading that starts after this call. */
  refresh(): void {
    this.#asked.abort();
  }

  /** Follows until the signal aborts; waits and tries again while the source is away. */
  async run(signal: AbortSignal): Promise<void> {
    const { source, clock, status, log } = this.#options;
    const backoff = new Backoff({ clock });
    let detected = false;
    while (!signal.aborted) {
      try {
        if (!detected) await source.detect(log, signal);
        detected = true;
        this.#asked = new AbortController();
        const registry = this.#options.registry();
        const reading = registry.startReading();
        const catalog = await source.readCatalog(signal);
        await registry.apply(catalog, reading);
        status.clear('catalog');
        backoff.reset();
        const wake = AbortSignal.any([signal, this.#asked.signal]);
        await source.awaitCatalogChange(catalog.revision, REREAD_MS, wake).catch((error: unknown) => {
          if (!this.#asked.signal.aborted) throw error;
        });
        // Requests that come in a burst are answered by one reading.
        if (this.#asked.signal.aborted) await sleep(clock, 20, signal);
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof SourceUnsupportedError) {
          throw new CdcError('source_unsupported', error.message, { cause: error });
        }
        if (!(error instanceof SourceUnavailableError)) throw error;
        log.warn({ err: error }, 'catalog not readable; trying again');
        status.trouble('catalog', 'source_unavailable', error.message);
        this.#options.registry().catalogLost();
        await backoff.wait(signal).catch(() => undefined);
      }
    }
  }
}
