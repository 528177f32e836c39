import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import type { CollectionName } from '../../../replicator/target/target.ts';
import { QueryRequestSchema, QueryResultsSchema } from '../../../replicator/wire/gen/milvus_pb.ts';
import { DataType, FieldDataSchema } from '../../../replicator/wire/gen/schema_pb.ts';
import { RawMilvus } from '../../support/milvus/raw-milvus.ts';
import { decodeRows, type FieldSpec, type Row } from '../../support/rows.ts';

/** Reads rows back, fully decoded, independently of the adapter under test. */
export class TestMilvus {
  readonly #raw: RawMilvus;

  constructor(address: string) {
    this.#raw = new RawMilvus(address);
  }

  async rows(
    { database, collection }: CollectionName,
    fields: readonly FieldSpec[],
    partition?: string,
  ): Promise<readonly Row[]> {
    const key = fields.find(({ primary }) => primary === true) as FieldSpec;
    const request = create(QueryRequestSchema, {
      dbName: database,
      collectionName: collection,
      expr: key.type === DataType.INT64 ? `${key.name} >= -9223372036854775807 - 1` : `${key.name} >= ""`,
      outputFields: fields.map(({ name }) => name),
      partitionNames: partition === undefined ? [] : [partition],
    });
    const answer = await this.#raw.call('Query', toBinary(QueryRequestSchema, request));
    const { status, fieldsData } = fromBinary(QueryResultsSchema, answer);
    if (status !== undefined && status.code !== 0) throw new Error(`query: ${status.reason}`);
    const columns = fieldsData
      .map((bytes) => fromBinary(FieldDataSchema, bytes))
      .filter(({ fieldName }) => fields.some(({ name }) => name === fieldName));
    return decodeRows(columns, countOf(columns)).toSorted((a, b) => compare(a[key.name], b[key.name]));
  }

  call(method: string, request: Uint8Array): Promise<Buffer> {
    return this.#raw.call(method, request);
  }

  close(): void {
    this.#raw.close();
  }
}

function countOf(
  columns: readonly { readonly field: { readonly case?: string | undefined; readonly value?: unknown } }[],
): number {
  for (const { field } of columns) {
    const scalars = field.value as { data?: { value?: { data?: readonly unknown[] } } } | undefined;
    if (field.case === 'scalars') return scalars?.data?.value?.data?.length ?? 0;
  }
  return 0;
}

function compare(a: unknown, b: unknown): number {
  return (a as bigint) < (b as bigint) ? -1 : Number((a as bigint) > (b as bigint));
}
