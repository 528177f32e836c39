import type { Logger } from '#shared/log.ts';
import { type ChannelPosition, logTag } from '#shared/task/positions.ts';
import type { Task } from '#shared/task/task.ts';
import type { Timestamp } from '../engine/change.ts';
import type { CursorStart } from '../engine/window.ts';
import { type ChangeSource, type ChannelExtent, SourceUnavailableError } from '../source/change-source.ts';
import { Backoff } from './backoff.ts';
import type { Clock } from './clock.ts';
import type { FollowedCollection } from './collection.ts';
import { placeOf } from './placement.ts';
import type { JobStatus } from './status.ts';

export interface ChannelStartOptions {
  readonly channel: string;
  readonly stored: ChannelPosition | undefined;
  /** The collections that live in the channel, as they are when it is found. */
  readonly collections: () => readonly FollowedCollection[];
  /** Resolves once a reading of the catalog was taken in that began after the call. */
  readonly freshCatalog: (signal: AbortSignal) => Promise<void>;
  readonly task: Task;
  readonly source: ChangeSource;
  readonly clock: Clock;
  readonly status: JobStatus;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

export interface ChannelStart {
  readonly start: CursorStart;
  readonly logTag: string | undefined;
  readonly horizon: Timestamp;
}

/** Decides where the main cursor of a channel begins: where it stood, or, for a channel that was not read before, where
 *  the first of its collections was created. A collection whose beginning the log no longer holds is followed from the
 *  log's present end, with a warning; one with a position given by the user, from there: both by a cursor of their own.
 *  Waits while the source is away. */
export async function channelStart(options: ChannelStartOptions): Promise<ChannelStart> {
  const { stored, channel, source, clock, status, signal, freshCatalog } = options;
  if (stored !== undefined) {
    const { offset, tick, horizon } = stored;
    return { start: { offset, tick, exact: tick !== 0n }, logTag: stored.logTag, horizon };
  }
  const backoff = new Backoff({ clock });
  const part = `open ${channel}`;
  for (;;) {
    try {
      const end = await source.describeChannel(channel, signal);
      // What the log holds before that end is of collections that a reading from now on shows, so none of it is passed
      // by; and what the reading shows began before the end that is seen after it.
      await freshCatalog(signal);
      const extent = await source.describeChannel(channel, signal);
      if (extent.logId !== end.logId) continue;
      const offset = await firstOffset(options, extent, end.nextOffset);
      status.clear(part);
      return { start: { offset, tick: 0n, exact: false }, logTag: logTag(extent.logId), horizon: 0n };
    } catch (error) {
      if (!(error instanceof SourceUnavailableError)) throw error;
      status.trouble(part, 'source_unavailable', error.message);
      await backoff.wait(signal);
    }
  }
}

async function firstOffset(
  options: ChannelStartOptions,
  extent: ChannelExtent,
  end: bigint,
): Promise<bigint> {
  let first = end;
  for (const collection of options.collections()) {
    if (collection.isDetached(options.channel) || collection.catalog === undefined) continue;
    const place = await placeOf({ ...options, extent, collection: collection.catalog });
    if (place?.kind === 'beginning') {
      if (place.offset < first) first = place.offset;
      continue;
    }
    if (place === undefined) continue;
    const { cursor, warning } = place;
    if (warning !== undefined) {
      options.log.warn(
        { channel: options.channel, collection: collection.target },
        'history of a collection is not in the log',
      );
    }
    collection.detach(cursor.channel);
    await collection.record.update((o) => ({
      ...(warning === undefined ? {} : { warnings: [warning] }),
      cursors: [...o.cursors.filter((own) => own.channel !== cursor.channel), cursor],
    }));
  }
  return first;
}
