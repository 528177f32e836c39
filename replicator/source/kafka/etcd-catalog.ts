import type { Catalog } from '../../engine/catalog.ts';
import type { KeyValue } from '../../wire/gen/etcd_kv_pb.ts';
import { SourceUnavailableError } from '../change-source.ts';
import { abortable } from './abortable.ts';
import { CATALOG_RANGES, type KeyRange } from './catalog-keys.ts';
import { CatalogMirror, type MirroredValue } from './catalog-mirror.ts';
import { EtcdAlarm } from './etcd-alarm.ts';
import { type EtcdClient, EtcdCompactedError, type Listing } from './etcd-client.ts';

/** A read meets a compaction only when etcd compacts its newest revisions; more than a few in a row is a fault. */
const COMPACTION_ATTEMPTS = 3;
/** Changes of one transaction group arrive within a few milliseconds of each other; one wake-up serves them all. */
const MIN_DEBOUNCE_MS = 5;
const MAX_DEBOUNCE_MS = 2_000;
/** Keeps reading to a fifth of the time where changes never cease. */
const DEBOUNCE_PER_COST = 4;

/** The source's catalog, read from etcd.
 *
 *  Each read is linearizable and costs what changed: it asks every range for the keys modified since the last read,
 *  pinned to one revision, and for the number of keys. Milvus rarely deletes for real (tombstones are writes), so
 *  the number nearly always equals the mirror's; when it does not, keys were deleted, and that range is listed whole.
 *  After the writes are applied the mirror holds no key too few, so equal numbers mean equal sets.
 *
 *  Chosen over a mirror fed by a watch: before etcd 3.5.8 a watch cannot be trusted to say how far it has come, with
 *  logins it dies silently, and after a compaction it has to list anyway. Here the watch only wakes ({@link EtcdAlarm}).
 *  **Invariant:** a catalog holds everything that was committed before the call, or the call fails. */
export class EtcdCatalog {
  readonly #client: Pick<EtcdClient, 'list'>;
  readonly #root: string;
  readonly #mirror = new CatalogMirror();
  readonly #alarm: EtcdAlarm;
  /** Revision that the mirror is complete at; 0 before the first read. */
  #revision = 0n;
  #running: Promise<unknown> = Promise.resolve();
  #waiting: Promise<Catalog> | undefined;
  readonly #closed = new AbortController();
  /** What the last read cost etcd and us. */
  #costMs = 0;

  /** `root` is `<root path>/<meta sub path>`. */
  constructor(client: Pick<EtcdClient, 'list' | 'session' | 'failed'>, root: string) {
    this.#client = client;
    this.#root = `${root}/`;
    this.#alarm = new EtcdAlarm(
      client,
      CATALOG_RANGES.map(({ from, end }) => ({ from: this.#root + from, end: this.#root + end })),
    );
  }

  /** Calls that come while a read is under way share the next one: a call must not be answered by a read that began
   *  before it. */
  read(signal: AbortSignal): Promise<Catalog> {
    this.#waiting ??= this.#afterRunning();
    return abortable(this.#waiting, signal);
  }

  /** Resolves at a change, after a pause that grows with what reading costs: etcd looks at every key to find those that
   *  changed (about 2 ms per thousand), and a source with very many collections must not suffer for being followed. */
  async awaitChange(revision: bigint, maxWaitMs: number, signal: AbortSignal): Promise<void> {
    this.#closed.signal.throwIfAborted();
    const debounceMs = Math.min(MAX_DEBOUNCE_MS, Math.max(MIN_DEBOUNCE_MS, this.#costMs * DEBOUNCE_PER_COST));
    return this.#alarm.wait(revision, { maxWaitMs, debounceMs, signal });
  }

  /** Whether changes wake at once, or are found by reading again and again. */
  get wakesAtOnce(): boolean {
    return this.#alarm.armed;
  }

  close(): void {
    this.#closed.abort(new SourceUnavailableError('the source is closed'));
    this.#alarm.close();
  }

  async #afterRunning(): Promise<Catalog> {
    await this.#running.catch(() => undefined);
    const mine = this.#read(this.#closed.signal);
    this.#running = mine;
    this.#waiting = undefined;
    return mine;
  }

  async #read(signal: AbortSignal): Promise<Catalog> {
    const start = performance.now();
    for (let attempt = 1; ; attempt += 1) {
      signal.throwIfAborted();
      try {
        const isFirst = this.#revision === 0n;
        const catalog = await this.#readOnce(signal);
        // The first one lists everything and says nothing about those that follow.
        if (!isFirst) this.#costMs = performance.now() - start;
        return catalog;
      } catch (error) {
        if (!(error instanceof EtcdCompactedError)) throw error;
        if (attempt === COMPACTION_ATTEMPTS) {
          throw new SourceUnavailableError('etcd compacts faster than its catalog can be read', {
            cause: error,
          });
        }
      }
    }
  }

  async #readOnce(signal: AbortSignal): Promise<Catalog> {
    const since = this.#revision;
    const [first, ...others] = CATALOG_RANGES;
    if (first === undefined) throw new Error('the catalog has no ranges');
    // The first read is linearizable and fixes the revision at which all are read.
    const head = await this.#changes(first, since, undefined, signal);
    const rest = await Promise.all(others.map((range) => this.#changes(range, since, head.revision, signal)));
    const listings: readonly (readonly [KeyRange, Listing])[] = [
      [first, head],
      ...others.map((range, index): [KeyRange, Listing] => [range, rest[index] ?? head]),
    ];
    for (const [range, listing] of listings) {
      if (since === 0n) this.#mirror.replace(range, this.#relative(listing.kvs));
      else this.#mirror.put(range, this.#relative(listing.kvs));
    }
    for (const [range, { count }] of listings) {
      if (BigInt(this.#mirror.size(range)) === count) continue;
      const whole = await this.#changes(range, 0n, head.revision, signal);
      this.#mirror.replace(range, this.#relative(whole.kvs));
    }
    this.#revision = head.revision;
    return this.#mirror.catalog(head.revision);
  }

  #changes(
    range: KeyRange,
    since: bigint,
    revision: bigint | undefined,
    signal: AbortSignal,
  ): Promise<Listing> {
    const minModRevision = since === 0n ? undefined : since + 1n;
    return this.#client.list(
      this.#root + range.from,
      this.#root + range.end,
      { revision, minModRevision },
      signal,
    );
  }

  #relative(kvs: readonly KeyValue[]): readonly MirroredValue[] {
    return kvs.map(({ key, value, modRevision }) => ({
      key: Buffer.from(key).toString('latin1').slice(this.#root.length),
      value,
      modRevision,
    }));
  }
}
