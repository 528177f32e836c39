import type { DescribeCollectionResponse, FieldSchema, KeyValuePair } from '@zilliz/milvus2-sdk-node';
import { ok } from '../milvus/connect.ts';
import type { Aspect } from './differences.ts';
import type { Place, Side } from './side.ts';

/** What a collection is apart from its rows: for each aspect, things by name, told as text. */
export type Shape = Readonly<Record<ShapeAspect, ReadonlyMap<string, string>>>;
type ShapeAspect = Extract<Aspect, 'schema' | 'partitions' | 'indexes' | 'load' | 'properties' | 'aliases'>;

export interface Described {
  readonly shape: Shape;
  readonly keyField: string;
  /** Whether rows can be read at all, and of which partitions they cannot. */
  readonly readable: boolean;
  readonly unloadedPartitions: readonly string[];
}

const LOADED = 'LoadStateLoaded';

export async function describe(side: Side, place: Place): Promise<Described> {
  const target = { db_name: place.database, collection_name: place.name };
  const collection = await ok('describe', side.sdk.describeCollection(target));
  const partitions = (await ok('partitions', side.sdk.showPartitions(target))).partition_names;
  const hasPartitionKey = collection.schema.fields.some((field) => field.is_partition_key === true);
  const { state } = await ok('load state', side.sdk.getLoadState(target));
  const load = new Map([['collection', String(state)]]);
  // Those of a partition-key collection are loaded together, and they are many.
  if (!hasPartitionKey && state !== 'LoadStateNotLoad') {
    for (const name of partitions) {
      const answer = await ok('load state', side.sdk.getLoadState({ ...target, partition_names: [name] }));
      load.set(name, String(answer.state));
    }
  }
  const key = collection.schema.fields.find((field) => field.is_primary_key);
  return {
    shape: {
      schema: schemaOf(collection, hasPartitionKey ? partitions.length : 0),
      partitions: new Map(partitions.map((name) => [name, 'exists'])),
      indexes: await indexesOf(side, place),
      load,
      properties: new Map(collection.properties.map(({ key: name, value }) => [name, String(value)])),
      aliases: new Map(collection.aliases.map((alias) => [alias, 'exists'])),
    },
    keyField: key?.name ?? '',
    readable: String(state) === LOADED,
    unloadedPartitions: [...load].filter(([, value]) => value !== LOADED).map(([name]) => name),
  };
}

function schemaOf(
  collection: DescribeCollectionResponse,
  keyPartitions: number,
): ReadonlyMap<string, string> {
  const { schema } = collection;
  return new Map([
    ['description', schema.description],
    ['dynamic field', String(schema.enable_dynamic_field)],
    ['shards', String(collection.shards_num)],
    ['consistency level', String(collection.consistency_level)],
    ['partitions of the partition key', String(keyPartitions)],
    ['order of the fields', schema.fields.map((field) => field.name).join(', ')],
    ...schema.fields.map((field) => [`field ${field.name}`, fieldText(field)] as const),
  ]);
}

/** All but `autoID`: keys that the source made up can only be copied into a collection that takes keys. */
function fieldText(field: FieldSchema): string {
  const { data_type, element_type, is_primary_key, is_partition_key, description, type_params } = field;
  const { nullable, default_value } = field;
  const parts = { data_type, element_type, is_primary_key, is_partition_key, description, nullable };
  return JSON.stringify({ ...parts, default_value, params: sorted(type_params as readonly KeyValuePair[]) });
}

async function indexesOf(side: Side, place: Place): Promise<ReadonlyMap<string, string>> {
  const answer = await side.sdk.describeIndex({ db_name: place.database, collection_name: place.name });
  const { status } = answer;
  // Having none is an answer of its own: IndexNotFound.
  if (status.code === 700 || status.error_code === 'IndexNotExist') return new Map();
  await ok('indexes', Promise.resolve(answer));
  return new Map(
    answer.index_descriptions.map((index) => [
      index.index_name,
      `on ${index.field_name} ${JSON.stringify(sorted(index.params.flatMap(flatten)))}`,
    ]),
  );
}

/** Servers tell an index's parameters one by one or as one JSON object under `params`. */
function flatten(pair: KeyValuePair): readonly KeyValuePair[] {
  if (pair.key !== 'params') return [pair];
  const inner = JSON.parse(String(pair.value)) as Readonly<Record<string, unknown>>;
  return Object.entries(inner).map(([key, value]) => ({ key, value: String(value) }));
}

function sorted(pairs: readonly KeyValuePair[]): readonly string[] {
  return pairs.map(({ key, value }) => `${key}=${String(value)}`).toSorted();
}
