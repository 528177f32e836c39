import { create } from '@bufbuild/protobuf';
import type { ClientDuplexStream } from '@grpc/grpc-js';
import { type WatchRequest, WatchRequestSchema, type WatchResponse } from '../../wire/gen/etcd_rpc_pb.ts';
import { abortableSleep } from './abortable.ts';
import type { KeyRange } from './catalog-keys.ts';
import type { EtcdClient } from './etcd-client.ts';

const OPEN_TIMEOUT_MS = 5_000;
const BACKOFF_FIRST_MS = 250;
const BACKOFF_LAST_MS = 5_000;

export interface AlarmWait {
  readonly maxWaitMs: number;
  /** How long to let further changes come after the first one. */
  readonly debounceMs: number;
  readonly signal: AbortSignal;
}

/** Wakes when keys in some ranges may have changed: a watch used as an alarm clock, never as a source of data.
 *
 *  What it tells is a hint. Truth is always read ({@link EtcdCatalog}), hence a watch that loses events, is cancelled by a
 *  compaction or dies with its login can delay a change, and cannot hide it. While no watch stands, {@link wait} returns
 *  after a growing pause of at most five seconds, so that the caller goes on by reading. The watch is opened by
 *  `wait` alone: nothing runs in the background for a caller that does not wait. */
export class EtcdAlarm {
  readonly #client: Pick<EtcdClient, 'session' | 'failed'>;
  readonly #ranges: readonly KeyRange[];
  #stream: ClientDuplexStream<WatchRequest, WatchResponse> | undefined;
  #opening: Promise<void> | undefined;
  /** The newest revision at which something may have changed. */
  #rangAt = -1n;
  #waiters = new Set<() => void>();
  #failures = 0;
  /** After a failure no watch is tried before this moment, in `performance.now()`'s milliseconds. */
  #notBefore = 0;
  #closed = false;

  constructor(client: Pick<EtcdClient, 'session' | 'failed'>, ranges: readonly KeyRange[]) {
    this.#client = client;
    this.#ranges = ranges;
  }

  /** Whether a watch stands now. */
  get armed(): boolean {
    return this.#stream !== undefined;
  }

  /** Resolves when something may have changed after `revision` (at once if it already has), or after `maxWaitMs`. */
  async wait(revision: bigint, { maxWaitMs, debounceMs, signal }: AlarmWait): Promise<void> {
    const deadline = performance.now() + maxWaitMs;
    if (this.#stream === undefined && performance.now() >= this.#notBefore)
      await this.#arm(maxWaitMs, signal);
    signal.throwIfAborted();
    if (this.#rangAt > revision) return abortableSleep(debounceMs, signal);
    const left = Math.max(0, deadline - performance.now());
    if (this.#stream === undefined) {
      return abortableSleep(Math.min(left, Math.max(0, this.#notBefore - performance.now())), signal);
    }
    if (await this.#ring(left, signal)) await abortableSleep(debounceMs, signal);
  }

  close(): void {
    this.#closed = true;
    this.#drop(this.#stream);
    this.#ringAll();
  }

  /** One attempt to open the watch, shared by all waiters. Never fails: without a watch the caller polls. */
  async #arm(maxWaitMs: number, signal: AbortSignal): Promise<void> {
    if (this.#closed) return;
    this.#opening ??= this.#open()
      .catch((error: unknown) => this.#failed(error))
      .finally(() => {
        this.#opening = undefined;
      });
    const enough = new AbortController();
    const patience = abortableSleep(maxWaitMs, AbortSignal.any([signal, enough.signal])).catch(
      () => undefined,
    );
    await Promise.race([this.#opening, patience]);
    enough.abort();
  }

  async #open(): Promise<void> {
    const { endpoint, token } = await this.#client.session(AbortSignal.timeout(OPEN_TIMEOUT_MS));
    const stream = endpoint.watch(token);
    const created = Promise.withResolvers<void>();
    const failed = (error: unknown): void => {
      created.reject(error);
      this.#lost(stream, error);
    };
    let missing = this.#ranges.length;
    stream.on('error', failed);
    stream.on('end', () => failed(new Error('etcd ended the watch')));
    stream.on('data', (response: WatchResponse) => {
      if (response.canceled) return failed(new Error(`etcd cancelled the watch: ${response.cancelReason}`));
      if (response.created) {
        missing -= 1;
        // What happened between the caller's last read and this moment was not watched: read once more.
        if (missing === 0) {
          this.#note(response.header?.revision ?? 0n);
          created.resolve();
        }
        return;
      }
      this.#failures = 0;
      for (const event of response.events) this.#note(event.kv?.modRevision ?? 0n);
    });
    for (const range of this.#ranges) stream.write(watchRange(range));
    const timer = setTimeout(() => failed(new Error('etcd did not open the watch in time')), OPEN_TIMEOUT_MS);
    try {
      await created.promise;
      if (this.#closed) this.#drop(stream);
      else this.#stream = stream;
    } finally {
      clearTimeout(timer);
    }
  }

  #note(revision: bigint): void {
    if (revision > this.#rangAt) this.#rangAt = revision;
    this.#ringAll();
  }

  #lost(stream: ClientDuplexStream<WatchRequest, WatchResponse>, error: unknown): void {
    const current = this.#stream === stream;
    this.#drop(stream);
    if (!current) return;
    this.#failed(error);
    this.#ringAll();
  }

  #failed(error: unknown): void {
    const pause = Math.min(BACKOFF_LAST_MS, BACKOFF_FIRST_MS * 2 ** Math.min(10, this.#failures));
    this.#failures += 1;
    this.#notBefore = performance.now() + pause;
    this.#client.failed(error);
  }

  #drop(stream: ClientDuplexStream<WatchRequest, WatchResponse> | undefined): void {
    if (stream === undefined) return;
    if (this.#stream === stream) this.#stream = undefined;
    // A cancelled call still reports that it was cancelled.
    stream.removeAllListeners('error');
    stream.on('error', () => undefined);
    stream.cancel();
  }

  /** Whether it rang within that time. */
  async #ring(maxWaitMs: number, signal: AbortSignal): Promise<boolean> {
    const rang = new AbortController();
    const wake = (): void => rang.abort();
    this.#waiters.add(wake);
    try {
      await abortableSleep(maxWaitMs, AbortSignal.any([signal, rang.signal]));
      return false;
    } catch (error) {
      signal.throwIfAborted();
      if (rang.signal.aborted) return true;
      throw error;
    } finally {
      this.#waiters.delete(wake);
    }
  }

  #ringAll(): void {
    for (const wake of this.#waiters) wake();
  }
}

function watchRange({ from, end }: KeyRange): WatchRequest {
  return create(WatchRequestSchema, {
    requestUnion: {
      case: 'createRequest',
      value: { key: Buffer.from(from), rangeEnd: Buffer.from(end), fragment: true },
    },
  });
}
