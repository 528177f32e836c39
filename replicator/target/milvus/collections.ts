import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import type { KeyValuePair } from '../../wire/gen/common_pb.ts';
import type { DescribeCollectionResponse } from '../../wire/gen/milvus_pb.ts';
import { type CollectionSchema, CollectionSchemaSchema, FieldDataSchema } from '../../wire/gen/schema_pb.ts';
import {
  type CollectionDefinition,
  type CollectionName,
  type TargetCollection,
  TargetRefusedError,
  TargetUnavailableError,
} from '../target.ts';
import { type MilvusApi, orThere, unless } from './api.ts';
import { MILVUS_CODE } from './codes.ts';
import { METHODS } from './methods.ts';

const STRONG = 0;

export function names({ database, collection }: CollectionName): { dbName: string; collectionName: string } {
  return { dbName: database, collectionName: collection };
}

export function toPairs(record: Readonly<Record<string, string>>): { key: string; value: string }[] {
  return Object.entries(record).map(([key, value]) => ({ key, value }));
}

export function toRecord(pairs: readonly KeyValuePair[]): Record<string, string> {
  return Object.fromEntries(pairs.map(({ key, value }) => [key, value]));
}

/** An alias answers the collection behind it, under that one's name. */
export async function describeCollection(
  api: MilvusApi,
  name: CollectionName,
): Promise<TargetCollection | undefined> {
  const absent = [MILVUS_CODE.collectionNotFound, MILVUS_CODE.databaseNotFound];
  const found = await unless(absent, api.call(METHODS.describeCollection, names(name)));
  return found === undefined ? undefined : toTargetCollection(name, found);
}

function toTargetCollection(name: CollectionName, found: DescribeCollectionResponse): TargetCollection {
  const schema = userSchema(found.schema);
  const partitioned = schema.fields.some((field) => field.isPartitionKey);
  return {
    id: found.collectionId,
    database: name.database,
    // `collectionName` repeats what was asked for, an alias too.
    name: schema.name || found.collectionName || name.collection,
    schema,
    shards: found.shardsNum,
    consistencyLevel: found.consistencyLevel,
    properties: toRecord(found.properties),
    partitionKeyPartitions: partitioned ? Number(found.numPartitions) : 0,
  };
}

const FIRST_USER_FIELD = 100n;

/** Some versions list the system's fields and `$meta`, most do not. */
function userSchema(schema: CollectionSchema | undefined): CollectionSchema {
  const all = schema ?? create(CollectionSchemaSchema);
  const fields = all.fields.filter((field) => field.fieldId >= FIRST_USER_FIELD && !field.isDynamic);
  return { ...all, fields };
}

/** Answers the id. Looks first: creating what exists would put a useless record into each of the target's logs. */
export async function createCollection(api: MilvusApi, definition: CollectionDefinition): Promise<bigint> {
  const before = await describeCollection(api, definition);
  if (before !== undefined && before.name !== definition.collection) {
    const message = `the name is an alias of the collection ${before.name}`;
    throw new TargetRefusedError(MILVUS_CODE.aliasNameConflict, `CreateCollection: ${message}`);
  }
  if (before !== undefined) return before.id;
  let id: bigint | undefined;
  await orThere(api.call(METHODS.createCollection, creation(definition)), async () => {
    id = (await describeCollection(api, definition))?.id;
    return id !== undefined;
  });
  id ??= (await describeCollection(api, definition))?.id;
  if (id === undefined) throw new TargetUnavailableError('CreateCollection: created, and not there yet');
  return id;
}

function creation(definition: CollectionDefinition): object {
  const { schema, shards, consistencyLevel, properties, partitionKeyPartitions } = definition;
  return {
    ...names(definition),
    schema: toBinary(CollectionSchemaSchema, withoutIds(schema, definition.collection)),
    shardsNum: shards,
    consistencyLevel,
    properties: toPairs(properties),
    numPartitions: BigInt(partitionKeyPartitions ?? 0),
  };
}

/** Ids are the server's to give, and it gives them in the order of the fields. */
function withoutIds(schema: CollectionSchema, name: string): CollectionSchema {
  return {
    ...schema,
    name,
    dbName: '',
    fields: schema.fields.map((field) => ({ ...field, fieldId: 0n, state: 0 })),
    functions: schema.functions.map((fn) => ({ ...fn, id: 0n, inputFieldIds: [], outputFieldIds: [] })),
  };
}

/** Undefined when the collection is not loaded, or not there. */
export async function countRows(api: MilvusApi, name: CollectionName): Promise<bigint | undefined> {
  const untold = [
    MILVUS_CODE.collectionNotFound,
    MILVUS_CODE.collectionNotLoaded,
    MILVUS_CODE.databaseNotFound,
  ];
  const answer = await unless(
    untold,
    api.call(METHODS.query, { ...names(name), outputFields: ['count(*)'], consistencyLevel: STRONG }),
  );
  const [column] = answer?.fieldsData ?? [];
  if (column === undefined) return undefined;
  const { field } = fromBinary(FieldDataSchema, column);
  const longs =
    field.case === 'scalars' && field.value.data.case === 'longData' ? field.value.data.value.data : [];
  return longs[0];
}
