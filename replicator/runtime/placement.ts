import { logTag } from '#shared/task/positions.ts';
import type { ObjectCursor, Reason, TaskObject } from '#shared/task/run.ts';
import type { Task } from '#shared/task/task.ts';
import type { CatalogCollection } from '../engine/catalog.ts';
import type { Timestamp } from '../engine/change.ts';
import type { ChangeSource, ChannelExtent } from '../source/change-source.ts';

export interface PlaceOptions {
  readonly channel: string;
  readonly collection: CatalogCollection;
  /** What the channel's log holds now. */
  readonly extent: ChannelExtent;
  readonly task: Pick<Task, 'startPositions'>;
  readonly source: Pick<ChangeSource, 'readOne'>;
  readonly signal: AbortSignal;
}

export type Place =
  /** The log holds the collection from its creation on. */
  | { readonly kind: 'beginning'; readonly offset: bigint }
  /** It has to be read by a cursor of its own; with a warning where history is missing. */
  | { readonly kind: 'own'; readonly cursor: ObjectCursor; readonly warning?: Reason | undefined };

/** Decides where a collection that was not read before begins in one channel: where the user said; else at its creation;
 *  else, where the log no longer holds that, at the log's present end, with a warning. Undefined for a collection that
 *  does not live in the channel. */
export async function placeOf(options: PlaceOptions): Promise<Place | undefined> {
  const { collection, channel, extent, task } = options;
  const shard = collection.shards.find((one) => one.channel === channel);
  if (shard === undefined) return undefined;
  // Of whatever shard: a collection has one cursor in a channel, and `position` knows no shards either.
  const prefix = `${channel}_${collection.id}v`;
  const given = task.startPositions.find(({ vchannel }) => vchannel.startsWith(prefix));
  if (given !== undefined) {
    return { kind: 'own', cursor: cursorAt(options, BigInt(given.offset), BigInt(given.timestamp)) };
  }
  if (await isBeginning(options, shard.startOffset)) return { kind: 'beginning', offset: shard.startOffset };
  const message = `the log no longer reaches back to the creation of ${collection.database}.${collection.name}; it is followed from now on, and rows from before are not copied`;
  const warning = { code: 'history_partial', message };
  return { kind: 'own', cursor: cursorAt(options, extent.nextOffset, 0n), warning };
}

/** Places a collection whose beginning the main cursors have passed already: a cursor of its own in each channel. */
export async function ownPlaces(
  options: Omit<PlaceOptions, 'channel' | 'extent' | 'source'> & {
    readonly source: Pick<ChangeSource, 'readOne' | 'describeChannel'>;
  },
): Promise<Pick<TaskObject, 'cursors' | 'warnings'>> {
  const cursors: ObjectCursor[] = [];
  const warnings = new Map<string, Reason>();
  for (const channel of new Set(options.collection.shards.map((shard) => shard.channel))) {
    const extent = await options.source.describeChannel(channel, options.signal);
    const place = await placeOf({ ...options, channel, extent });
    if (place === undefined) continue;
    if (place.kind === 'beginning') cursors.push(cursorAt({ channel, extent }, place.offset, 0n));
    else cursors.push(place.cursor);
    if (place.kind === 'own' && place.warning !== undefined) warnings.set(place.warning.code, place.warning);
  }
  return { cursors, warnings: [...warnings.values()] };
}

function cursorAt(
  { channel, extent }: Pick<PlaceOptions, 'channel' | 'extent'>,
  offset: bigint,
  tick: Timestamp,
): ObjectCursor {
  return {
    channel,
    logTag: logTag(extent.logId),
    offset: String(offset),
    tick: String(tick),
    horizon: '0',
  };
}

/** True when the log still holds the record that created the collection, so that it holds all that followed. */
async function isBeginning(
  { channel, extent, collection, source, signal }: PlaceOptions,
  offset: bigint,
): Promise<boolean> {
  if (offset < extent.earliestOffset || offset >= extent.nextOffset) return false;
  const record = await source.readOne(channel, offset, signal);
  return record?.kind === 'create-collection' && record.collectionId === collection.id;
}
