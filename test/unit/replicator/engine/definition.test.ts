import { create } from '@bufbuild/protobuf';
import { describe, expect, test } from 'vitest';
import {
  computedColumns,
  definitionOf,
  hasPartitionKey,
  mismatch,
  primaryKey,
} from '../../../../replicator/engine/definition.ts';
import type { TargetCollection } from '../../../../replicator/target/target.ts';
import {
  type CollectionSchema,
  DataType,
  type FieldSchema,
  FieldSchemaSchema,
  ValueFieldSchema,
} from '../../../../replicator/wire/gen/schema_pb.ts';
import { type FieldInit, schemaOf, sourceCollection } from './collections.ts';

const NAME = { database: 'db', collection: 'c' };

const KEY: FieldInit = { name: 'id', dataType: DataType.INT64, isPrimaryKey: true };
const VECTOR: FieldInit = {
  name: 'vector',
  dataType: DataType.FLOAT_VECTOR,
  typeParams: [{ key: 'dim', value: '8' }],
};
const TEXT: FieldInit = {
  name: 'text',
  dataType: DataType.VAR_CHAR,
  typeParams: [{ key: 'max_length', value: '100' }],
};

const fieldOf = (schema: CollectionSchema, name: string): FieldSchema => {
  const field = schema.fields.find((one) => one.name === name);
  if (field === undefined) throw new Error(`no field ${name}`);
  return field;
};

describe('what is made on the target', () => {
  const source = sourceCollection({
    schema: schemaOf([{ ...KEY, autoId: true }, VECTOR], { autoId: true, dbName: 'theirs', name: 'theirs' }),
    properties: { 'collection.ttl.seconds': '60', 'replicate.id': 'x', 'replicate.endTS': '1' },
    consistencyLevel: 3,
    shards: [
      { vchannel: 'a_1v0', channel: 'a', startOffset: 0n },
      { vchannel: 'b_1v1', channel: 'b', startOffset: 0n },
    ],
  });

  test('generates no keys, because those of the source are kept', () => {
    const { schema } = definitionOf(source, NAME);
    expect([schema.autoId, schema.fields.map((field) => field.autoId)]).toEqual([false, [false, false]]);
  });

  test('leaves the catalog as it was', () => {
    definitionOf(source, NAME);
    expect([source.schema.autoId, source.schema.fields[0]?.autoId, source.schema.name]).toEqual([
      true,
      true,
      'theirs',
    ]);
  });

  test('has the name it is given and none of the ids of the source', () => {
    const made = definitionOf(source, NAME);
    expect([made.database, made.collection, made.schema.name, made.schema.dbName]).toEqual([
      'db',
      'c',
      'c',
      '',
    ]);
    expect(made.schema.fields.map((field) => field.fieldId)).toEqual([0n, 0n]);
    expect(fieldOf(made.schema, 'vector').typeParams).toMatchObject([{ key: 'dim', value: '8' }]);
  });

  test('has the shards, the consistency and the properties of the source, but for those of its cluster', () => {
    expect(definitionOf(source, NAME)).toMatchObject({
      shards: 2,
      consistencyLevel: 3,
      properties: { 'collection.ttl.seconds': '60' },
    });
    expect(Object.keys(definitionOf(source, NAME).properties)).toEqual(['collection.ttl.seconds']);
  });

  test('has as many partitions as the source where a key chooses them, and else none to choose', () => {
    expect(definitionOf(source, NAME).partitionKeyPartitions).toBeUndefined();
    const partitions = new Map(
      [1n, 2n, 3n].map((id) => [id, { id, name: `_default_${id}`, state: 'created' as const }]),
    );
    const keyed = sourceCollection({
      schema: schemaOf([KEY, { ...TEXT, isPartitionKey: true }]),
      partitions,
    });
    expect(definitionOf(keyed, NAME).partitionKeyPartitions).toBe(3);
  });
});

test('the primary key is found wherever it stands, and its absence is an error', () => {
  expect(primaryKey(schemaOf([VECTOR, KEY])).name).toBe('id');
  expect(() => primaryKey(schemaOf([VECTOR], { name: 'books' }))).toThrow('books has no primary key');
});

test('a partition key is seen', () => {
  expect(hasPartitionKey(schemaOf([KEY, VECTOR]))).toBe(false);
  expect(hasPartitionKey(schemaOf([KEY, { ...TEXT, isPartitionKey: true }]))).toBe(true);
});

test('columns that the target computes by itself are left out of what it is given', () => {
  const sparse: FieldInit = { name: 'bm25', dataType: DataType.SPARSE_FLOAT_VECTOR, isFunctionOutput: true };
  expect(computedColumns(schemaOf([KEY, TEXT, sparse]))).toEqual(new Set(['bm25']));
});

describe('a collection that the target has already', () => {
  const fields = [KEY, VECTOR, TEXT];

  function sentence(
    found: readonly FieldInit[],
    over: {
      readonly dynamic?: boolean;
      readonly partitions?: number;
      readonly wanted?: readonly FieldInit[];
    } = {},
  ): string | undefined {
    const source = sourceCollection({ schema: schemaOf(over.wanted ?? fields) });
    const there: TargetCollection = {
      id: 1n,
      database: 'db',
      name: 'c',
      schema: schemaOf(found, { enableDynamicField: over.dynamic ?? false }),
      shards: 7,
      consistencyLevel: 0,
      properties: { other: 'x' },
      partitionKeyPartitions: over.partitions ?? 0,
    };
    return mismatch(definitionOf(source, NAME), there);
  }

  test('fits in another order, with other shards, properties and consistency', () => {
    expect(sentence([TEXT, VECTOR, KEY])).toBeUndefined();
  });

  test('fits when its texts may be longer and its arrays larger', () => {
    const array = (capacity: string): FieldInit => ({
      name: 'tags',
      dataType: DataType.ARRAY,
      elementType: DataType.INT64,
      typeParams: [{ key: 'max_capacity', value: capacity }],
    });
    const longer = { ...TEXT, typeParams: [{ key: 'max_length', value: '200' }] };
    expect(sentence([KEY, longer, array('9')], { wanted: [KEY, TEXT, array('8')] })).toBeUndefined();
    expect(sentence([KEY, longer, array('7')], { wanted: [KEY, TEXT, array('8')] })).toBe(
      "the field tags of the target's collection has max_capacity 7 where the source has 8",
    );
  });

  test('fits with a field more that may be left out', () => {
    const nullable = create(FieldSchemaSchema, { name: 'extra', dataType: DataType.INT64, nullable: true });
    const preset = create(FieldSchemaSchema, {
      name: 'preset',
      dataType: DataType.INT64,
      defaultValue: create(ValueFieldSchema, { data: { case: 'longData', value: 1n } }),
    });
    expect(sentence([...fields, nullable, preset])).toBeUndefined();
  });

  test('fits when it takes null and the source has none', () => {
    expect(sentence([KEY, VECTOR, { ...TEXT, nullable: true }])).toBeUndefined();
  });

  test.each<{ name: string; found: readonly FieldInit[]; is: string }>([
    { name: 'a missing field', found: [KEY, VECTOR], is: "the target's collection has no field text" },
    {
      name: 'a field that every row would need',
      found: [...fields, { name: 'extra', dataType: DataType.INT64 }],
      is: "the target's collection needs a field extra that the source does not have",
    },
    {
      name: 'another type',
      found: [KEY, VECTOR, { ...TEXT, dataType: DataType.JSON }],
      is: "the field text of the target's collection has another type",
    },
    {
      name: 'another primary key',
      found: [{ ...KEY, isPrimaryKey: false }, VECTOR, { ...TEXT, isPrimaryKey: true }],
      is: "the field id of the target's collection differs in being the primary key",
    },
    {
      name: 'generated keys',
      found: [{ ...KEY, autoId: true }, VECTOR, TEXT],
      is: "the field id of the target's collection generates its keys, so that the keys of the source cannot be kept",
    },
    {
      name: 'a partition key that the source does not have',
      found: [KEY, VECTOR, { ...TEXT, isPartitionKey: true }],
      is: "the field text of the target's collection differs in being the partition key",
    },
    {
      name: 'another dimension, larger or not',
      found: [KEY, { ...VECTOR, typeParams: [{ key: 'dim', value: '16' }] }, TEXT],
      is: "the field vector of the target's collection has dim 16 where the source has 8",
    },
    {
      name: 'shorter texts',
      found: [KEY, VECTOR, { ...TEXT, typeParams: [{ key: 'max_length', value: '99' }] }],
      is: "the field text of the target's collection has max_length 99 where the source has 100",
    },
    {
      name: 'texts without a length',
      found: [KEY, VECTOR, { ...TEXT, typeParams: [] }],
      is: "the field text of the target's collection has max_length unset where the source has 100",
    },
  ])('does not fit for $name', ({ found, is }) => {
    expect(sentence(found)).toBe(is);
  });

  test('does not fit for arrays of another type of element', () => {
    const array = (elementType: DataType): FieldInit => ({
      name: 'tags',
      dataType: DataType.ARRAY,
      elementType,
    });
    expect(sentence([KEY, array(DataType.INT8)], { wanted: [KEY, array(DataType.INT64)] })).toBe(
      "the field tags of the target's collection has another type",
    );
  });

  test('does not fit when the source has null and it does not take it', () => {
    expect(sentence([KEY, TEXT], { wanted: [KEY, { ...TEXT, nullable: true }] })).toBe(
      "the field text of the target's collection does not take null",
    );
  });

  test('does not fit without a dynamic field when the source has one', () => {
    const source = sourceCollection({ schema: schemaOf([KEY], { enableDynamicField: true }) });
    const there = (dynamic: boolean): TargetCollection => ({
      ...{ id: 1n, database: 'db', name: 'c', shards: 1, consistencyLevel: 0, properties: {} },
      schema: schemaOf([KEY], { enableDynamicField: dynamic }),
      partitionKeyPartitions: 0,
    });
    const wanted = definitionOf(source, NAME);
    expect(mismatch(wanted, there(false))).toBe("the target's collection has no dynamic field");
    expect(mismatch(wanted, there(true))).toBeUndefined();
  });

  test('fits with a partition key of any number of partitions, and not without partitions of a key', () => {
    const keyed = [KEY, { ...TEXT, isPartitionKey: true }];
    expect(sentence(keyed, { wanted: keyed, partitions: 64 })).toBeUndefined();
    expect(sentence(keyed, { wanted: keyed })).toBe("the target's collection has no partition key");
  });
});
