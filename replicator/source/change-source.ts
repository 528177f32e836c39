import type { Logger } from '#shared/log.ts';
import type { Catalog } from '../engine/catalog.ts';
import type { ChannelRecord, Timestamp } from '../engine/change.ts';

/** What a channel's log holds now. Offsets are inclusive; `nextOffset` is where the next record will be put. */
export interface ChannelExtent {
  /** Identity of the log itself: a topic that was deleted and made again has another one. */
  readonly logId: string;
  readonly earliestOffset: bigint;
  readonly nextOffset: bigint;
}

/** Port: the source Milvus, as the engine sees it. One adapter per way of reading the log.
 *
 *  Errors: an absent neighbour is {@link SourceUnavailableError} and may be tried again; {@link HistoryLostError}
 *  and {@link SourceUnsupportedError} may not. Every call ends within its own bounded time, or when `signal` aborts. */
export interface ChangeSource {
  /** Makes sure that this is a source that can be followed: called once, before anything is read. The sentence of a
   *  failure says what to change. */
  detect(log: Logger, signal: AbortSignal): Promise<{ readonly version: string | undefined }>;

  /** Reads the whole catalog, linearizable: an object missing here does not exist. */
  readCatalog(signal: AbortSignal): Promise<Catalog>;

  /** Resolves as soon as the catalog may have changed after `revision` (at once when it has), or after
   *  `maxWaitMs`. A hint to read again; missing one only delays. */
  awaitCatalogChange(revision: bigint, maxWaitMs: number, signal: AbortSignal): Promise<void>;

  /** An upper bound, by seconds, of every timestamp that the source has given out so far. */
  currentTimestamp(signal: AbortSignal): Promise<Timestamp>;

  /** Fails with {@link SourceUnavailableError} when the channel's log does not exist (yet). */
  describeChannel(channel: string, signal: AbortSignal): Promise<ChannelExtent>;

  /** The records of a channel from `offset` on (inclusive), in order, in arrays as they arrive; waits for new ones
   *  and ends only when `signal` aborts or by failing. Nothing is fetched ahead beyond `maxBufferedBytes`; the
   *  next array is fetched while the consumer works on the last one.
   *  Fails with {@link HistoryLostError} when `offset` is no longer (or not yet) in the log. */
  read(channel: string, offset: bigint, options: ReadOptions): AsyncIterable<readonly ChannelRecord[]>;

  /** Reads exactly one record; `undefined` when the log has none at that offset. */
  readOne(channel: string, offset: bigint, signal: AbortSignal): Promise<ChannelRecord | undefined>;

  close(): Promise<void>;
}

export interface ReadOptions {
  readonly maxBufferedBytes: number;
  readonly signal: AbortSignal;
}

/** The source, or the way to it, is away. */
export class SourceUnavailableError extends Error {
  override readonly name = 'SourceUnavailableError';
}

/** A part of the log that was not applied yet is gone; only an operator can decide what follows. */
export class HistoryLostError extends Error {
  override readonly name = 'HistoryLostError';
}

/** The source is of a kind or holds something this release cannot read. */
export class SourceUnsupportedError extends Error {
  override readonly name = 'SourceUnsupportedError';
}
