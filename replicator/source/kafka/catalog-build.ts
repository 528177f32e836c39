import { create } from '@bufbuild/protobuf';
import type {
  CatalogCollection,
  CatalogIndex,
  CatalogPartition,
  ObjectState,
  Shard,
} from '../../engine/catalog.ts';
import type { KeyValuePair } from '../../wire/gen/common_pb.ts';
import type { CollectionInfo, PartitionInfo } from '../../wire/gen/etcd_meta_pb.ts';
import type { FieldIndex } from '../../wire/gen/index_coord_pb.ts';
import type { CollectionLoadInfo, PartitionLoadInfo } from '../../wire/gen/query_coord_pb.ts';
import { CollectionSchemaSchema, type FieldSchema, type FunctionSchema } from '../../wire/gen/schema_pb.ts';
import { buildLoadState } from './load-state.ts';
import { decodeKafkaPosition } from './start-position.ts';

/** The rows that speak of one collection. */
export interface CollectionParts {
  readonly id: bigint;
  readonly databaseId: bigint;
  /** Empty when the database is gone, which happens only to collections that are being dropped. */
  readonly database: string;
  readonly info: CollectionInfo;
  readonly fields: readonly FieldSchema[];
  readonly functions: readonly FunctionSchema[];
  readonly partitions: readonly PartitionInfo[];
  readonly indexes: readonly FieldIndex[];
  readonly collectionLoad: CollectionLoadInfo | undefined;
  readonly partitionLoads: readonly PartitionLoadInfo[];
}

/** Start offset of a shard whose start position is missing or of another message queue. */
export const UNKNOWN_START_OFFSET = -1n;

/** Fields below are Milvus's own: RowID (0) and Timestamp (1). */
const FIRST_USER_FIELD_ID = 100n;
const DYNAMIC_FIELD = '$meta';

/** Milvus's CollectionState and PartitionState. */
const STATES: readonly ObjectState[] = ['created', 'creating', 'dropping', 'dropping'];

/** Puts a collection together from its rows. Pure. */
export function buildCollection(parts: CollectionParts): CatalogCollection {
  const { info } = parts;
  // Rows of before Milvus 2.1 hold their fields inline.
  const all = [...(info.schema?.fields ?? []), ...parts.fields].sort(byFieldId);
  const dynamic = all.some(isDynamicField);
  const state = STATES[info.state] ?? 'dropping';
  const complete =
    all.some((field) => field.isPrimaryKey) && (dynamic || !(info.schema?.enableDynamicField ?? false));
  // Rows of one creation may span several transactions; a schema is shown only when it is whole.
  const shownState = state === 'created' && !complete ? 'creating' : state;
  const fields = all.filter((field) => field.fieldId >= FIRST_USER_FIELD_ID && !isDynamicField(field));
  const partitions = buildPartitions(parts);
  return {
    id: parts.id,
    databaseId: parts.databaseId,
    database: parts.database,
    name: info.schema?.name ?? '',
    state: shownState,
    schema: create(CollectionSchemaSchema, {
      name: info.schema?.name ?? '',
      description: info.schema?.description ?? '',
      autoId: info.schema?.autoId ?? false,
      properties: info.schema?.properties ?? [],
      fields: shownState === 'creating' ? [] : fields,
      functions: [...parts.functions].sort((a, b) => compare(a.id, b.id)),
      enableDynamicField: dynamic,
    }),
    shards: info.virtualChannelNames.map((vchannel, index) => buildShard(info, vchannel, index)),
    createdAt: info.createTime,
    consistencyLevel: info.consistencyLevel,
    properties: toRecord(info.properties),
    partitions,
    indexes: buildIndexes(parts.indexes, all),
    load: buildLoadState(parts.collectionLoad, parts.partitionLoads, partitions),
  };
}

function isDynamicField(field: FieldSchema): boolean {
  return field.isDynamic && field.name === DYNAMIC_FIELD;
}

/** Start positions are keyed by physical channel, in no order. */
function buildShard(info: CollectionInfo, vchannel: string, index: number): Shard {
  const channel = info.physicalChannelNames[index] ?? vchannel.replace(/_\d+v\d+$/, '');
  const position = info.startPositions.find((pair) => pair.key === channel);
  const startOffset = position === undefined ? undefined : decodeKafkaPosition(position.data);
  return { vchannel, channel, startOffset: startOffset ?? UNKNOWN_START_OFFSET };
}

function buildPartitions(parts: CollectionParts): ReadonlyMap<bigint, CatalogPartition> {
  const partitions = new Map<bigint, CatalogPartition>();
  // Rows of before Milvus 2.1 hold their partitions inline.
  for (const [index, id] of parts.info.partitionIds.entries()) {
    partitions.set(id, { id, name: parts.info.partitionNames[index] ?? '', state: 'created' });
  }
  for (const { partitionId: id, partitionName: name, state } of parts.partitions) {
    partitions.set(id, { id, name, state: STATES[state] ?? 'dropping' });
  }
  return partitions;
}

/** A dropped index stays as a row with `deleted` until Milvus's garbage collection. */
function buildIndexes(rows: readonly FieldIndex[], fields: readonly FieldSchema[]): readonly CatalogIndex[] {
  const indexes: CatalogIndex[] = [];
  const live = rows.filter((row) => !row.deleted && row.indexInfo !== undefined);
  live.sort((a, b) => compare(a.indexInfo?.indexId ?? 0n, b.indexInfo?.indexId ?? 0n));
  for (const { indexInfo } of live) {
    const field = fields.find((candidate) => candidate.fieldId === indexInfo?.fieldId);
    if (indexInfo === undefined || field === undefined) continue;
    // What the user gave is kept apart since 2.2.3 or so; before, `params` is found unfolded among the index's own.
    const given = indexInfo.userIndexParams.length > 0 ? indexInfo.userIndexParams : indexInfo.indexParams;
    indexes.push({ name: indexInfo.indexName, fieldName: field.name, params: toRecord(given) });
  }
  return indexes;
}

export function toRecord(pairs: readonly KeyValuePair[]): Readonly<Record<string, string>> {
  return Object.fromEntries(pairs.map(({ key, value }) => [key, value]));
}

function byFieldId(a: FieldSchema, b: FieldSchema): number {
  return compare(a.fieldId, b.fieldId);
}

function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
