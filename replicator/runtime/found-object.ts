import type { TaskObject } from '#shared/task/run.ts';
import { mapName } from '#shared/task/scope.ts';
import { ITEM_VERSION, type Task } from '#shared/task/task.ts';
import type { CatalogCollection } from '../engine/catalog.ts';

/** What a task knows of a collection that it has just found: nothing but where it is and where it goes. */
export function foundObject(
  task: Pick<Task, 'id' | 'incarnation' | 'mappings'>,
  found: CatalogCollection,
): TaskObject {
  const mapped = mapName(task.mappings, found.database, found.name);
  return {
    version: ITEM_VERSION,
    taskId: task.id,
    incarnation: task.incarnation,
    collectionId: String(found.id),
    source: {
      database: found.database,
      name: found.name,
      channels: [...new Set(found.shards.map((shard) => shard.channel))],
    },
    target: { database: mapped.database, name: mapped.collection },
    state: 'found',
    createdHere: false,
    replayUntil: '0',
    cursors: [],
    partitions: {},
    indexes: {},
    loaded: false,
    warnings: [],
  };
}
