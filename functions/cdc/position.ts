import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { z } from 'zod';
import { unpackPositions } from '#shared/task/positions.ts';
import type { Run, TaskObject } from '#shared/task/run.ts';
import type { Task } from '#shared/task/task.ts';
import { tickAt, tickMillis } from '#shared/task/tick.ts';
import type { CdcDeps } from './deps.ts';
import { exactNumber } from './exact-json.ts';
import {
  decodePosition,
  type GivenPosition,
  kafkaMessageId,
  parseVirtualChannel,
} from './given-positions.ts';
import { mapConcurrently } from './map-concurrently.ts';
import type { Request } from './requests.ts';
import { findTask } from './task-id.ts';

/** Stands for the channel that carries what has no collection, as in milvus-cdc. */
const RPC_CHANNEL_ID = -10n;
/** Reads of the store at a time. */
const CONCURRENCY = 8;

const positions = z
  .array(
    z.strictObject({
      collection_id: z
        .number()
        .meta({ type: 'integer', format: 'int64' })
        .describe('-10 stands for the channel of what has no collection'),
      channel_name: z.string(),
      vchannel: z.string().optional().describe('What a create takes a position for; not milvus-cdc’s'),
      time: z
        .number()
        .meta({ type: 'integer', format: 'int64' })
        .describe('Milliseconds; 0: not reached yet'),
      tt: z.number().meta({ type: 'integer', format: 'int64' }).describe('The first timestamp after `time`'),
      msg_id: z.string().describe('base64 `msg.MsgPosition`'),
    }),
  )
  .nullable();

export const positionsSchema = z.strictObject({
  op_positions: positions.describe('Always null'),
  positions,
  target_positions: positions.describe('Always null'),
});

interface Place {
  readonly collectionId: bigint;
  readonly channel: string;
  /** Whose it is, in the form that a create takes. Shards are not told apart: a collection has one place in a channel.
   *  Absent for what has no collection. */
  readonly vchannel?: string | undefined;
  readonly messageId: Uint8Array;
  /** Hybrid timestamp; 0 when none is known. */
  readonly tick: bigint;
  /** Milliseconds; 0 for a position that was given and not reached yet. */
  readonly time: number;
}

/** `position`: where one task's collections stand in the source's channels; all tasks' without an id, nothing for an
 *  unknown one. `op_positions` and `target_positions` are always null: the last operation's place is not kept apart,
 *  and a target that is written through its public API has no positions. */
export async function position(deps: CdcDeps, { task_id: id }: Request<'position'>): Promise<object> {
  const found = id === '' ? await deps.tasks.listTasks() : [await findTask(deps, id)];
  const tasks = found.filter((task) => task !== undefined);
  const places = (await mapConcurrently(tasks, CONCURRENCY, (task) => placesOf(deps, task))).flat();
  return {
    op_positions: null,
    positions: places.length === 0 ? null : places.map((place) => toItem(place, deps.settings.showStatus)),
    target_positions: null,
  };
}

async function placesOf({ tasks, settings }: CdcDeps, task: Task): Promise<Place[]> {
  const [stored, objects] = await Promise.all([tasks.getRun(task.id), tasks.listObjects(task)]);
  const run = stored?.incarnation === task.incarnation ? stored : undefined;
  const live = new Set(objects.filter(isLive).map((object) => object.collectionId));
  // From the first watermark on the job knows every collection: one that it does not hold has been dropped.
  const exists = ({ collectionId: id }: Place): boolean =>
    run?.watermark === undefined || id === RPC_CHANNEL_ID || live.has(id.toString());
  const places = new Map<string, Place>();
  for (const place of [
    ...givenPlaces(task, settings.replicateChannel).filter(exists),
    ...reachedPlaces(run, objects, settings.replicateChannel),
  ]) {
    places.set(`${place.collectionId} ${place.channel}`, place);
  }
  return [...places.values()].toSorted(byCollectionAndChannel);
}

/** What the create was given. */
function givenPlaces({ request, startPositions }: Task, replicateChannel: string): Place[] {
  const shown = request as Partial<Request<'create'>>;
  const infos = [...(shown.collection_infos ?? []), ...Object.values(shown.db_collections ?? {}).flat()];
  const places = [
    ...startPositions.map(({ vchannel, offset, timestamp }) =>
      givenPlace(vchannel, { messageId: kafkaMessageId(BigInt(offset)), timestamp: BigInt(timestamp) }),
    ),
    ...infos
      .flatMap((info) => Object.entries(info?.positions ?? {}))
      .map(([vchannel, encoded]) => givenPlace(vchannel, decodePosition(encoded))),
  ];
  const rpc = shown.rpc_channel_info;
  if (rpc?.position === undefined || rpc.position === '') return places;
  const { messageId, timestamp: tick } = decodePosition(rpc.position);
  const channel = rpc.name || replicateChannel;
  return [...places, { collectionId: RPC_CHANNEL_ID, channel, messageId, tick, time: 0 }];
}

function givenPlace(vchannel: string, { messageId, timestamp: tick }: GivenPosition): Place {
  const channel = parseVirtualChannel(vchannel);
  return {
    collectionId: channel?.collectionId ?? -1n,
    channel: channel?.physical ?? vchannel,
    vchannel,
    messageId,
    tick,
    time: 0,
  };
}

/** What the job has reached: a collection stands where its own cursor does, or where its channel's main cursor does. */
function reachedPlaces(
  run: Run | undefined,
  objects: readonly TaskObject[],
  replicateChannel: string,
): Place[] {
  const main = new Map(unpackPositions(run?.channels ?? new Uint8Array()).map((p) => [p.channel, p]));
  const places: Place[] = [];
  for (const object of objects.filter(isLive)) {
    for (const name of object.source.channels) {
      const channel = parseVirtualChannel(name)?.physical ?? name;
      const own = object.cursors.find((cursor) => cursor.channel === channel);
      const cursor = own ?? main.get(channel);
      if (cursor === undefined) continue;
      places.push(toPlace(BigInt(object.collectionId), channel, cursor));
    }
  }
  const rpc = main.get(replicateChannel);
  return rpc === undefined ? places : [...places, toPlace(RPC_CHANNEL_ID, replicateChannel, rpc)];
}

function isLive({ state, leftAt }: TaskObject): boolean {
  return state !== 'dropping' && leftAt === undefined;
}

function toPlace(
  collectionId: bigint,
  channel: string,
  cursor: { readonly offset: bigint | string; readonly tick: bigint | string },
): Place {
  const tick = BigInt(cursor.tick);
  const messageId = kafkaMessageId(BigInt(cursor.offset));
  const vchannel = collectionId === RPC_CHANNEL_ID ? undefined : `${channel}_${collectionId}v0`;
  return { collectionId, channel, vchannel, messageId, tick, time: tickMillis(tick) };
}

function byCollectionAndChannel(a: Place, b: Place): number {
  if (a.collectionId !== b.collectionId) return a.collectionId < b.collectionId ? -1 : 1;
  return a.channel < b.channel ? -1 : 1;
}

/** `msg_id` is a base64 `msg.MsgPosition` of channel name, message id and exact timestamp: what has been applied up to
 *  there is not applied again by a task that starts from it. `tt` is the first timestamp after `time`. */
function toItem(place: Place, showVchannel: boolean): object {
  const writer = new BinaryWriter().tag(1, WireType.LengthDelimited).string(place.channel);
  if (place.messageId.length > 0) writer.tag(2, WireType.LengthDelimited).bytes(place.messageId);
  if (place.tick > 0n) writer.tag(4, WireType.Varint).uint64(place.tick);
  return {
    collection_id: exactNumber(place.collectionId),
    channel_name: place.channel,
    time: place.time,
    tt: exactNumber(tickAt(place.time + 1)),
    msg_id: Buffer.from(writer.finish()).toString('base64'),
    ...(showVchannel && place.vchannel !== undefined ? { vchannel: place.vchannel } : {}),
  };
}
