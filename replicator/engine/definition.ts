import { clone } from '@bufbuild/protobuf';
import type { CollectionDefinition, CollectionName, TargetCollection } from '../target/target.ts';
import { type CollectionSchema, CollectionSchemaSchema, type FieldSchema } from '../wire/gen/schema_pb.ts';
import type { CatalogCollection } from './catalog.ts';

/** Properties that say something about the source's own cluster and mean nothing on another one. */
const LOCAL_PROPERTIES = new Set(['replicate.id', 'replicate.endTS']);

/** What to create on the target for a collection of the source.
 *
 *  Keys that the source generated are kept, so the target's collection does not generate keys: before Milvus 2.6.3
 *  no public request carries a key into a collection that does. Pure. */
export function definitionOf(source: CatalogCollection, name: CollectionName): CollectionDefinition {
  const schema = clone(CollectionSchemaSchema, source.schema);
  schema.name = name.collection;
  schema.autoId = false;
  schema.dbName = '';
  for (const field of schema.fields) {
    field.fieldId = 0n;
    field.autoId = false;
  }
  return {
    ...name,
    schema,
    shards: source.shards.length,
    consistencyLevel: source.consistencyLevel,
    properties: Object.fromEntries(
      Object.entries(source.properties).filter(([key]) => !LOCAL_PROPERTIES.has(key)),
    ),
    partitionKeyPartitions: hasPartitionKey(schema) ? source.partitions.size : undefined,
  };
}

export function hasPartitionKey(schema: CollectionSchema): boolean {
  return schema.fields.some((field) => field.isPartitionKey);
}

export function primaryKey(schema: CollectionSchema): FieldSchema {
  const field = schema.fields.find((candidate) => candidate.isPrimaryKey);
  if (field === undefined) throw new Error(`the schema of ${schema.name} has no primary key`);
  return field;
}

/** Columns the log holds and the public API computes by itself. */
export function computedColumns(schema: CollectionSchema): ReadonlySet<string> {
  return new Set(schema.fields.filter((field) => field.isFunctionOutput).map((field) => field.name));
}

/** Says in one sentence why the rows of the source do not fit into a collection that the target already has, or answers
 *  undefined when they do. Shards, properties and descriptions may differ: they do not change a row. Pure. */
export function mismatch(wanted: CollectionDefinition, found: TargetCollection): string | undefined {
  const there = new Map(found.schema.fields.map((field) => [field.name, field]));
  for (const field of wanted.schema.fields) {
    const other = there.get(field.name);
    if (other === undefined) return `the target's collection has no field ${field.name}`;
    there.delete(field.name);
    const difference = fieldMismatch(field, other);
    if (difference !== undefined) return `the field ${field.name} of the target's collection ${difference}`;
  }
  for (const field of there.values()) {
    if (!field.nullable && field.defaultValue === undefined) {
      return `the target's collection needs a field ${field.name} that the source does not have`;
    }
  }
  if (wanted.schema.enableDynamicField && !found.schema.enableDynamicField) {
    return `the target's collection has no dynamic field`;
  }
  const partitions = wanted.partitionKeyPartitions ?? 0;
  if (partitions > 0 && found.partitionKeyPartitions === 0)
    return `the target's collection has no partition key`;
  return undefined;
}

function fieldMismatch(wanted: FieldSchema, found: FieldSchema): string | undefined {
  if (wanted.dataType !== found.dataType || wanted.elementType !== found.elementType)
    return 'has another type';
  if (wanted.isPrimaryKey !== found.isPrimaryKey) return 'differs in being the primary key';
  if (found.autoId) return 'generates its keys, so that the keys of the source cannot be kept';
  if (wanted.isPartitionKey !== found.isPartitionKey) return 'differs in being the partition key';
  if (wanted.nullable && !found.nullable) return 'does not take null';
  for (const parameter of ['dim', 'max_length', 'max_capacity']) {
    const a = typeParameter(wanted, parameter);
    const b = typeParameter(found, parameter);
    const fits = parameter === 'dim' ? a === b : Number(b ?? 0) >= Number(a ?? 0);
    if (!fits) return `has ${parameter} ${b ?? 'unset'} where the source has ${a ?? 'unset'}`;
  }
  return undefined;
}

function typeParameter(field: FieldSchema, key: string): string | undefined {
  return field.typeParams.find((pair) => pair.key === key)?.value;
}
