import type { TaskStore } from '#shared/store/task-store.ts';
import { type ChannelPosition, logTag, unpackPositions } from '#shared/task/positions.ts';
import type { ObjectCursor, TaskObject } from '#shared/task/run.ts';
import { inScope, mapName } from '#shared/task/scope.ts';
import { neighboursOf, overlaps } from '#shared/task/shared-target.ts';
import type { Task } from '#shared/task/task.ts';
import type { ChangeSource } from '../source/change-source.ts';

/** What other tasks of a target knew of the collections that are this task's now: deleted ones, as long as they are not
 *  purged, and living ones that left something to this one. Of several accounts of one collection the newest.
 *  Only what this task would keep in the same way: under the same name and with the same partitions, not quarantined,
 *  and not where the user said where to begin. `task` carries the scope that it has beside its neighbours. */
export async function readEstate(
  store: Pick<TaskStore, 'listTombstones' | 'getRun' | 'listObjects'>,
  task: Task,
  neighbours: readonly Task[],
): Promise<readonly TaskObject[]> {
  const dead = (await store.listTombstones()).filter((one) => one.targetIdentity === task.targetIdentity);
  const estate = new Map<string, TaskObject>();
  for (const owner of [...dead, ...neighboursOf(task, neighbours), task]) {
    if (!overlaps(owner, task) || owner.target.ignorePartition !== task.target.ignorePartition) continue;
    for (const object of await objectsAtRest(store, owner)) {
      if (!isHeritable(task, object)) continue;
      const other = estate.get(object.collectionId);
      if (other === undefined || reach(object) > reach(other)) estate.set(object.collectionId, object);
    }
  }
  return [...estate.values()];
}

/** The run is read first: once a job has left a collection its main cursors go on, and the collection's stay. */
async function objectsAtRest(
  store: Pick<TaskStore, 'getRun' | 'listObjects'>,
  owner: Task,
): Promise<readonly TaskObject[]> {
  const run = await store.getRun(owner.id);
  const positions = run?.incarnation === owner.incarnation ? unpackPositions(run.channels) : [];
  return (await store.listObjects(owner)).flatMap((object) => atRest(object, positions) ?? []);
}

/** A collection as the job that had it left it, with a cursor of its own in each channel; undefined where that is not
 *  known of every channel. `positions`: the main cursors of the job. */
export function atRest(object: TaskObject, positions: readonly ChannelPosition[]): TaskObject | undefined {
  const cursors = object.source.channels.map((channel): ObjectCursor | undefined => {
    const own = object.cursors.find((cursor) => cursor.channel === channel);
    const main = positions.find((position) => position.channel === channel);
    if (own !== undefined || main === undefined) return own;
    const { offset, tick, horizon } = main;
    return {
      ...{ channel, logTag: main.logTag },
      ...{ offset: String(offset), tick: String(tick), horizon: String(horizon) },
    };
  });
  const known = cursors.filter((cursor) => cursor !== undefined);
  return known.length === cursors.length ? { ...object, cursors: known } : undefined;
}

/** What a task makes its own of an estate: the log still holds where it stood. Inserts up to now may have been sent by
 *  whoever had it last, so they are sent as upserts. Undefined where the log no longer reaches that far. */
export async function inherit(
  object: TaskObject,
  heir: {
    readonly task: Task;
    readonly source: Pick<ChangeSource, 'describeChannel' | 'currentTimestamp'>;
    readonly signal: AbortSignal;
  },
): Promise<TaskObject | undefined> {
  const { task, source, signal } = heir;
  for (const cursor of object.cursors) {
    const extent = await source.describeChannel(cursor.channel, signal);
    const isThere = cursor.logTag === logTag(extent.logId) && BigInt(cursor.offset) >= extent.earliestOffset;
    if (!isThere) return undefined;
  }
  const replayUntil = String(await source.currentTimestamp(signal));
  const { leftAt: _, ...rest } = object;
  return { ...rest, taskId: task.id, incarnation: task.incarnation, replayUntil };
}

function isHeritable(task: Task, { state, quarantine, source, target, ...object }: TaskObject): boolean {
  // A task's own live objects are no estate.
  if (object.incarnation === task.incarnation && object.leftAt === undefined) return false;
  if (state === 'found' || quarantine !== undefined) return false;
  const mapped = mapName(task.mappings, source.database, source.name);
  if (mapped.database !== target.database || mapped.collection !== target.name) return false;
  const given = new RegExp(`_${object.collectionId}v\\d+$`);
  return (
    inScope(task.scope, source.database, source.name) &&
    !task.startPositions.some(({ vchannel }) => given.test(vchannel))
  );
}

/** How far it got: where its last cursor stands. */
function reach({ cursors }: TaskObject): bigint {
  return cursors.map(({ tick }) => BigInt(tick)).reduce((a, b) => (a < b ? a : b), 2n ** 63n);
}
