import { create, type MessageInitShape } from '@bufbuild/protobuf';
import type { CatalogCollection } from '../../../../replicator/engine/catalog.ts';
import {
  type CollectionSchema,
  CollectionSchemaSchema,
  DataType,
  FieldSchemaSchema,
} from '../../../../replicator/wire/gen/schema_pb.ts';

export type FieldInit = MessageInitShape<typeof FieldSchemaSchema>;

export function schemaOf(
  fields: readonly FieldInit[],
  over: MessageInitShape<typeof CollectionSchemaSchema> = {},
): CollectionSchema {
  const numbered = fields.map((field, at) =>
    create(FieldSchemaSchema, { fieldId: BigInt(100 + at), ...field }),
  );
  return create(CollectionSchemaSchema, { name: 'c', ...over, fields: numbered });
}

/** A collection of the source's catalog, as simple as one can be; `over` replaces members. */
export function sourceCollection(over: Partial<CatalogCollection> = {}): CatalogCollection {
  return {
    id: 7n,
    databaseId: 1n,
    database: 'default',
    name: 'c',
    state: 'created',
    schema: schemaOf([{ name: 'id', dataType: DataType.INT64, isPrimaryKey: true }]),
    shards: [{ vchannel: 'dml_0_7v0', channel: 'dml_0', startOffset: 0n }],
    createdAt: 1n,
    consistencyLevel: 2,
    properties: {},
    partitions: new Map([[70n, { id: 70n, name: '_default', state: 'created' }]]),
    indexes: [],
    load: { kind: 'released' },
    ...over,
  };
}
