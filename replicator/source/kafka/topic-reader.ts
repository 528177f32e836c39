import { HistoryLostError, SourceUnavailableError, SourceUnsupportedError } from '../change-source.ts';
import { abortable, abortableSleep } from './abortable.ts';
import { Decompressor } from './decompress.ts';
import type { TopicClient, TopicState } from './kafka-client.ts';
import { unavailable } from './kafka-errors.ts';
import { kafkaVerdict } from './kafka-verdict.ts';
import {
  DamagedBatchError,
  type LogRecord,
  type RecordBatch,
  readRecords,
  splitBatches,
} from './record-batch.ts';

/** How long a broker holds a fetch when there is nothing new: a compromise between wake-ups and the time an abort or a
 *  lost connection goes unnoticed. What arrives is delivered at once. */
const MAX_WAIT_MS = 250;
/** Larger fetches were not faster. */
const MAX_FETCH_BYTES = 2 * 1024 * 1024;
const MIN_FETCH_BYTES = 64 * 1024;
/** Tries before a fetch counts as failed: enough for a new leader, few enough that the job above decides soon. */
const MAX_ATTEMPTS = 6;
/** A broker that does not even refuse costs a timeout each time; no new try begins after this. */
const MAX_RECOVERY_MS = 15_000;
const FIRST_PAUSE_MS = 50;

export interface TopicReaderOptions {
  /** Used by this reader alone; closed with it. */
  readonly client: TopicClient;
  readonly topic: string;
  /** The topic must be this one; undefined: whichever is there when reading begins. */
  readonly topicId: string | undefined;
  readonly offset: bigint;
  readonly maxBufferedBytes: number;
  readonly signal: AbortSignal;
}

/** Reads partition 0 of one topic from an offset on, for as long as the signal allows.
 *
 *  One fetch is ahead of the consumer. In memory at a time: what a fetch returned and the next one (a quarter of
 *  `maxBufferedBytes` each, more only where a single batch is larger), and the unpacked records handed out last (half).
 *  A lost leader, connection or damaged batch is tried again a few times within seconds, then it is a
 *  {@link SourceUnavailableError}. **Invariant:** the offsets handed out grow and leave out none that the log holds;
 *  what the log does not hold any more is a {@link HistoryLostError}. */
export class TopicReader {
  readonly #options: TopicReaderOptions;
  readonly #fetchBytes: number;
  readonly #chunkBytes: number;
  readonly #decompressor = new Decompressor();
  #topicId: string | undefined;
  #state: TopicState | undefined;

  constructor(options: TopicReaderOptions) {
    this.#options = options;
    this.#topicId = options.topicId;
    const quarter = Math.floor(options.maxBufferedBytes / 4);
    this.#fetchBytes = Math.max(MIN_FETCH_BYTES, Math.min(MAX_FETCH_BYTES, quarter));
    this.#chunkBytes = Math.max(MIN_FETCH_BYTES, quarter * 2);
  }

  /** Arrays of records, none empty. Ends when the signal aborts. */
  async *read(): AsyncGenerator<readonly LogRecord[], void, undefined> {
    const { signal, client, topic } = this.#options;
    let offset = this.#options.offset;
    try {
      for (let ahead = this.#fetchAhead(offset); ; ) {
        const batches = await ahead;
        const from = offset;
        offset = batches.at(-1)?.nextOffset ?? offset;
        ahead = this.#fetchAhead(offset);
        yield* this.#unpack(batches, from);
      }
    } catch (error) {
      if (signal.aborted) return;
      // Its sum was right, so this is how it was written.
      if (error instanceof DamagedBatchError)
        throw new SourceUnsupportedError(`topic ${topic}: ${error.message}`, { cause: error });
      throw error;
    } finally {
      void client.close();
    }
  }

  *#unpack(batches: readonly RecordBatch[], from: bigint): Generator<readonly LogRecord[], void, undefined> {
    let records: LogRecord[] = [];
    let bytes = 0;
    for (const batch of batches) {
      bytes += readRecords(batch, from, records, this.#decompressor);
      if (bytes < this.#chunkBytes) continue;
      if (records.length > 0) yield records;
      records = [];
      bytes = 0;
    }
    if (records.length > 0) yield records;
  }

  #fetchAhead(offset: bigint): Promise<readonly RecordBatch[]> {
    const fetched = this.#fetch(offset);
    // It may fail while the consumer is busy with the records before; the failure waits for its turn.
    fetched.catch(() => undefined);
    return fetched;
  }

  async #fetch(offset: bigint): Promise<readonly RecordBatch[]> {
    const { client, signal } = this.#options;
    const giveUpAt = performance.now() + MAX_RECOVERY_MS;
    for (let attempt = 1; ; attempt += 1) {
      signal.throwIfAborted();
      try {
        this.#state ??= await this.#locate();
        const request = { offset, maxBytes: this.#fetchBytes, maxWaitMs: MAX_WAIT_MS };
        const recordSet = await abortable(client.fetch(this.#state, request), signal);
        const batches = splitBatches(recordSet);
        if (recordSet.length > 0 && batches.length === 0) throw new DamagedBatchError('no batch is whole');
        return batches;
      } catch (error) {
        signal.throwIfAborted();
        const isLast = attempt >= MAX_ATTEMPTS || performance.now() >= giveUpAt;
        await this.#recover(error, offset, isLast);
        await abortableSleep(FIRST_PAUSE_MS * 2 ** (attempt - 1), signal);
      }
    }
  }

  /** Throws unless the fetch may be tried again. */
  async #recover(error: unknown, offset: bigint, isLast: boolean): Promise<void> {
    const { client, topic } = this.#options;
    if (error instanceof HistoryLostError || error instanceof SourceUnavailableError) throw error;
    const verdict = kafkaVerdict(error);
    if (verdict === 'refused' || isLast) throw unavailable(client, topic, error);
    if (verdict === 'out-of-range') await this.#failIfLost(offset);
    this.#state = undefined;
  }

  async #locate(): Promise<TopicState> {
    const { client, topic, signal } = this.#options;
    const state = await abortable(client.topic(topic), signal);
    this.#topicId ??= state.id;
    if (state.id === this.#topicId) return state;
    throw new HistoryLostError(
      `topic ${topic} was deleted and made again: it is ${state.id}, not ${this.#topicId}`,
    );
  }

  /** A broker may refuse an offset in passing, while leadership moves; the log's extent decides. */
  async #failIfLost(offset: bigint): Promise<void> {
    const { client, topic, signal } = this.#options;
    let extent: { readonly earliest: bigint; readonly next: bigint };
    try {
      extent = await abortable(client.extent(await this.#locate()), signal);
    } catch (error) {
      if (error instanceof HistoryLostError) throw error;
      return;
    }
    if (offset >= extent.earliest && offset <= extent.next) return;
    throw new HistoryLostError(
      `topic ${topic} does not hold offset ${offset}: it holds ${extent.earliest} to before ${extent.next}`,
    );
  }
}
