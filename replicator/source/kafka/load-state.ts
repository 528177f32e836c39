import type { CatalogPartition, LoadState } from '../../engine/catalog.ts';
import {
  type CollectionLoadInfo,
  LoadStatus,
  LoadType,
  type PartitionLoadInfo,
} from '../../wire/gen/query_coord_pb.ts';

/** What a collection's users have asked to be loaded, from the query coordinator's rows.
 *
 *  Seen on 2.3.5, one row per revision, never in one transaction:
 *
 *  | operation | rows |
 *  |---|---|
 *  | LoadCollection | replica; collection row (type Collection, status Loading); a partition row for each partition; then each partition row again, last the collection row, as Loaded |
 *  | LoadPartitions | the same with type Partition and rows for the named partitions only; more later add rows |
 *  | LoadCollection after LoadPartitions | missing partition rows, then the collection row with type Collection |
 *  | CreatePartition in a loaded collection | a partition row (without replicas and indexes) before the partition's own row is Created |
 *  | ReleasePartitions | those partition rows are deleted, **the collection row keeps its type**; with the last partition all rows go |
 *  | ReleaseCollection, DropCollection | all rows are deleted |
 *
 *  Deleting is real here, there are no tombstones; `released_partitions` is never filled; a load that is refused leaves
 *  nothing. Hence a collection of type Collection counts as loaded whole while it is loading, afterwards only when
 *  every partition has its row; what is loading counts as loaded, since that is what was asked for. */
export function buildLoadState(
  load: CollectionLoadInfo | undefined,
  partitionLoads: readonly PartitionLoadInfo[],
  partitions: ReadonlyMap<bigint, CatalogPartition>,
): LoadState {
  if (load === undefined) return { kind: 'released' };
  const replicas = load.replicaNumber;
  const withRow = new Set(partitionLoads.map((row) => row.partitionId));
  const created = [...partitions.values()].filter((partition) => partition.state === 'created');
  const loaded = created.filter(({ id }) => withRow.has(id)).map(({ id }) => id);
  const whole = load.status === LoadStatus.LOADING || loaded.length === created.length;
  if (load.loadType === LoadType.COLLECTION && whole) return { kind: 'collection', replicas };
  return loaded.length === 0 ? { kind: 'released' } : { kind: 'partitions', partitionIds: loaded, replicas };
}
