import type { Logger } from '#shared/log.ts';
import type { ChannelPosition } from '#shared/task/positions.ts';
import type { Task } from '#shared/task/task.ts';
import type { Timestamp } from '../engine/change.ts';
import type { Committed } from '../engine/progress.ts';
import type { ChangeSource } from '../source/change-source.ts';
import { channelStart } from './channel-start.ts';
import { ChannelWorker } from './channel-worker.ts';
import type { Clock } from './clock.ts';
import type { FollowedCollection } from './collection.ts';
import type { Followers } from './followers.ts';
import type { LeaseKeeper } from './lease-keeper.ts';
import type { Sender } from './sender.ts';
import type { Settings } from './settings.ts';
import type { JobStatus } from './status.ts';

export interface ChannelSetOptions {
  readonly task: Task;
  /** What was stored of the main cursors. */
  readonly positions: readonly ChannelPosition[];
  readonly collections: () => Iterable<FollowedCollection>;
  readonly followers: Followers;
  readonly source: ChangeSource;
  readonly sender: Sender;
  readonly lease: LeaseKeeper;
  readonly clock: Clock;
  readonly settings: Settings;
  readonly status: JobStatus;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/** The channels that carry something of the task: opens one with the first collection in it, forgets it with the last,
 *  and keeps the account of their main cursors. */
export class ChannelSet {
  readonly #options: ChannelSetOptions;
  readonly #open = new Map<string, { readonly worker: ChannelWorker; readonly stop: AbortController }>();
  readonly #opening = new Set<string>();
  readonly #stored: Map<string, ChannelPosition>;

  constructor(options: ChannelSetOptions) {
    this.#options = options;
    this.#stored = new Map(options.positions.map((position) => [position.channel, position]));
  }

  /** Opens what is missing, and ends what holds nothing of the task any more; that one's position is forgotten. */
  fit(): void {
    const wanted = new Set([...this.#options.collections()].flatMap((collection) => collection.channels));
    for (const channel of wanted) {
      if (this.#open.has(channel) || this.#opening.has(channel)) continue;
      this.#opening.add(channel);
      this.#start(channel).catch((error: unknown) => this.#options.followers.fail(error));
    }
    for (const [channel, { stop }] of this.#open) {
      if (wanted.has(channel)) continue;
      stop.abort();
      this.#open.delete(channel);
    }
    for (const channel of this.#stored.keys()) if (!wanted.has(channel)) this.#stored.delete(channel);
  }

  async #start(channel: string): Promise<void> {
    const { collections, followers, settings, signal } = this.#options;
    const inChannel = () => [...collections()].filter((collection) => collection.channels.includes(channel));
    const stored = this.#stored.get(channel);
    const start = await channelStart({
      ...this.#options,
      channel,
      stored,
      collections: inChannel,
      freshCatalog: (until) => followers.freshCatalog(until),
    });
    const bufferBytes = settings.bufferBytes / Math.max(2, this.#opening.size + this.#open.size);
    const worker = new ChannelWorker({ ...this.#options, ...start, channel, bufferBytes });
    const stop = new AbortController();
    this.#open.set(channel, { worker, stop });
    this.#opening.delete(channel);
    worker
      .run(AbortSignal.any([signal, stop.signal]))
      .catch((error: unknown) => !stop.signal.aborted && followers.fail(error));
    for (const collection of inChannel()) worker.follow(collection);
  }

  /** Undefined while the channel is not open. */
  committedOf(collection: FollowedCollection, channel: string): Committed | undefined {
    return this.#open.get(channel)?.worker.committedOf(collection);
  }

  /** The open channels in which a collection lives. */
  workersOf(collection: FollowedCollection): ChannelWorker[] {
    return collection.channels.flatMap((channel) => this.#open.get(channel)?.worker ?? []);
  }

  /** Positions to make durable, with those of channels that are not open yet as they were. */
  positions(): ChannelPosition[] {
    const open = [...this.#open.values()].flatMap(({ worker }) => worker.account() ?? []);
    const known = new Set(open.map((position) => position.channel));
    return [...open, ...[...this.#stored.values()].filter((position) => !known.has(position.channel))];
  }

  /** `positions` is what {@link positions} answered; they are durable now. */
  written(positions: readonly ChannelPosition[]): void {
    for (const position of positions) {
      const open = this.#open.get(position.channel);
      if (open === undefined) continue;
      this.#stored.set(position.channel, position);
      open.worker.written(position);
    }
  }

  /** Makes the cursors of single collections durable. */
  async flushOwn(onlyShort: boolean): Promise<void> {
    for (const { worker } of this.#open.values()) await worker.flushOwn(onlyShort);
  }

  /** True when a change waits for a farther horizon of a main cursor. */
  get short(): boolean {
    for (const { worker } of this.#open.values()) if (worker.main.horizon.short) return true;
    return false;
  }

  /** True once every channel is read. */
  get following(): boolean {
    if (this.#opening.size > 0) return false;
    for (const { worker } of this.#open.values()) if (worker.main.readTick === 0n) return false;
    return true;
  }

  /** The newest tick that was read; undefined without a channel. */
  get newestTick(): Timestamp | undefined {
    const ticks = [...this.#open.values()].map(({ worker }) => worker.main.readTick);
    return ticks.length === 0 ? undefined : ticks.reduce((a, b) => (a > b ? a : b));
  }

  /** The ticks up to which each channel and each collection is applied, also one whose cursor waits to be read;
   *  quarantined collections are reported apart. */
  ticks(): Timestamp[] {
    const followed = [...this.#options.collections()].filter(({ quarantine }) => quarantine === undefined);
    return [...this.#open].flatMap(([channel, { worker }]) => [
      worker.main.committed.position.tick,
      ...followed
        .filter((collection) => collection.channels.includes(channel))
        .map((collection) => worker.committedOf(collection).position.tick),
    ]);
  }
}
