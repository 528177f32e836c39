import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { UpsertRequestSchema } from '../../replicator/wire/gen/milvus_pb.ts';
import {
  type CollectionSchema,
  CollectionSchemaSchema,
  DataType,
  type FieldData,
  FieldDataSchema,
  type ScalarField,
  type ScalarFieldSchema,
  type VectorField,
  type VectorFieldSchema,
} from '../../replicator/wire/gen/schema_pb.ts';
import { EncodedRows } from '../../replicator/wire/rows.ts';

/** A field of a test's schema. */
export interface FieldSpec {
  readonly id: number;
  readonly name: string;
  readonly type: DataType;
  /** Of vectors; of binary ones in bits. */
  readonly dim?: number | undefined;
  /** Of arrays. */
  readonly element?: DataType | undefined;
  readonly primary?: boolean | undefined;
  readonly autoId?: boolean | undefined;
  readonly partitionKey?: boolean | undefined;
  /** Null stands for an absent value of a row; the log then holds a filler and a flag. */
  readonly nullable?: boolean | undefined;
  /** `$meta`: JSON, not declared by the user. */
  readonly dynamic?: boolean | undefined;
  readonly maxLength?: number | undefined;
}

/** (index, value) pairs, indices ascending. */
export type SparseVector = readonly (readonly [index: number, value: number])[];

/** bool · int8…32, float, double: number · int64: bigint · VarChar: string · JSON and `$meta`: its text ·
 *  array: values · float vector: numbers · other dense vectors: the row's bytes · sparse vector: pairs. */
export type Value = boolean | number | bigint | string | Uint8Array | readonly Value[] | SparseVector | null;

export type Row = Readonly<Record<string, Value>>;

export function buildRows(fields: readonly FieldSpec[], rows: readonly Row[]): EncodedRows {
  const columns = fields.map((field) => encodeColumn(field, rows));
  const bytes = columns.reduce((sum, column) => sum + column.length, 0);
  return new EncodedRows({ count: rows.length, bytes, columns });
}

export function encodeColumn(field: FieldSpec, rows: readonly Row[]): Uint8Array {
  return toBinary(FieldDataSchema, buildColumn(field, rows));
}

export function buildColumn(field: FieldSpec, rows: readonly Row[]): FieldData {
  const values = rows.map((row) => row[field.name] ?? null);
  const filled = values.map((value) => value ?? filler(field));
  return create(FieldDataSchema, {
    type: field.type,
    fieldName: field.name,
    fieldId: BigInt(field.id),
    isDynamic: field.dynamic ?? false,
    field: isVector(field.type)
      ? { case: 'vectors', value: vectors(field, filled) }
      : { case: 'scalars', value: scalars(field, filled) },
    validData: field.nullable === true ? values.map((value) => value !== null) : [],
  });
}

export function isVector(type: DataType): boolean {
  return type >= DataType.BINARY_VECTOR && type <= DataType.INT8_VECTOR;
}

function filler({ type, dim = 0 }: FieldSpec): Value {
  switch (type) {
    case DataType.BOOL:
      return false;
    case DataType.INT64:
      return 0n;
    case DataType.VAR_CHAR:
      return '';
    case DataType.JSON:
      return '{}';
    case DataType.ARRAY:
    case DataType.SPARSE_FLOAT_VECTOR:
      return [];
    case DataType.FLOAT_VECTOR:
      return new Array<number>(dim).fill(0);
    default:
      return isVector(type) ? new Uint8Array(rowWidth(type, dim)) : 0;
  }
}

/** Bytes of one row of a dense vector that travels as bytes. */
export function rowWidth(type: DataType, dim: number): number {
  if (type === DataType.BINARY_VECTOR) return dim / 8;
  return type === DataType.INT8_VECTOR ? dim : dim * 2;
}

function scalars(field: FieldSpec, values: readonly Value[]): MessageInitShape<typeof ScalarFieldSchema> {
  const text = (): Uint8Array[] => values.map((value) => Buffer.from(value as string));
  switch (field.type) {
    case DataType.BOOL:
      return { data: { case: 'boolData', value: { data: values as boolean[] } } };
    case DataType.INT8:
    case DataType.INT16:
    case DataType.INT32:
      return { data: { case: 'intData', value: { data: values as number[] } } };
    case DataType.INT64:
      return { data: { case: 'longData', value: { data: values as bigint[] } } };
    case DataType.FLOAT:
      return { data: { case: 'floatData', value: { data: values as number[] } } };
    case DataType.DOUBLE:
      return { data: { case: 'doubleData', value: { data: values as number[] } } };
    case DataType.VAR_CHAR:
      return { data: { case: 'stringData', value: { data: values as string[] } } };
    case DataType.JSON:
      return { data: { case: 'jsonData', value: { data: text() } } };
    case DataType.ARRAY: {
      const type = field.element ?? DataType.INT64;
      const data = values.map((value) => scalars({ ...field, type }, value as Value[]));
      return { data: { case: 'arrayData', value: { data, elementType: type } } };
    }
    default:
      throw new RangeError(`no scalar type: ${field.type}`);
  }
}

function vectors(
  { type, dim = 0 }: FieldSpec,
  values: readonly Value[],
): MessageInitShape<typeof VectorFieldSchema> {
  const joined = (): Uint8Array => Buffer.concat(values as Uint8Array[]);
  const base = { dim: BigInt(dim) };
  switch (type) {
    case DataType.FLOAT_VECTOR:
      return { ...base, data: { case: 'floatVector', value: { data: (values as number[][]).flat() } } };
    case DataType.BINARY_VECTOR:
      return { ...base, data: { case: 'binaryVector', value: joined() } };
    case DataType.FLOAT16_VECTOR:
      return { ...base, data: { case: 'float16Vector', value: joined() } };
    case DataType.BFLOAT16_VECTOR:
      return { ...base, data: { case: 'bfloat16Vector', value: joined() } };
    case DataType.INT8_VECTOR:
      return { ...base, data: { case: 'int8Vector', value: joined() } };
    case DataType.SPARSE_FLOAT_VECTOR: {
      const rows = values as SparseVector[];
      const largest = BigInt(Math.max(0, ...rows.flat().map(([index]) => index + 1)));
      const contents = rows.map(sparseRow);
      return { dim: largest, data: { case: 'sparseFloatVector', value: { contents, dim: largest } } };
    }
    default:
      throw new RangeError(`no vector type: ${type}`);
  }
}

function sparseRow(pairs: SparseVector): Uint8Array {
  const row = Buffer.alloc(pairs.length * 8);
  for (const [at, [index, value]] of pairs.entries()) {
    row.writeUInt32LE(index, at * 8);
    row.writeFloatLE(value, at * 8 + 4);
  }
  return row;
}

/** The fields as a collection's schema, `$meta` as the flag it is for users. */
export function buildSchema(name: string, fields: readonly FieldSpec[]): CollectionSchema {
  return create(CollectionSchemaSchema, {
    name,
    enableDynamicField: fields.some(({ dynamic }) => dynamic),
    fields: fields
      .filter(({ dynamic }) => dynamic !== true)
      .map((field) => ({
        fieldId: BigInt(field.id),
        name: field.name,
        dataType: field.type,
        isPrimaryKey: field.primary ?? false,
        autoId: field.autoId ?? false,
        isPartitionKey: field.partitionKey ?? false,
        nullable: field.nullable ?? false,
        elementType: field.element ?? DataType.NONE,
        typeParams: typeParams(field),
      })),
  });
}

function typeParams({ type, dim, maxLength = 256 }: FieldSpec): { key: string; value: string }[] {
  const params: { key: string; value: string }[] = [];
  if (dim !== undefined) params.push({ key: 'dim', value: String(dim) });
  if (type === DataType.VAR_CHAR) params.push({ key: 'max_length', value: String(maxLength) });
  if (type === DataType.ARRAY)
    params.push({ key: 'max_capacity', value: '32' }, { key: 'max_length', value: '64' });
  return params;
}

export interface DecodedRequest {
  readonly database: string;
  readonly collection: string;
  readonly partition: string;
  readonly rows: readonly Row[];
}

/** Decodes a public InsertRequest or UpsertRequest fully: what a server would take it for. */
export function decodeRequest(bytes: Uint8Array): DecodedRequest {
  const request = fromBinary(UpsertRequestSchema, bytes);
  const rows = decodeRows(request.fieldsData, request.numRows);
  return {
    database: request.dbName,
    collection: request.collectionName,
    partition: request.partitionName,
    rows,
  };
}

/** Fails when a column has not exactly `count` values. */
export function decodeRows(columns: readonly FieldData[], count: number): readonly Row[] {
  const rows = Array.from({ length: count }, (): Record<string, Value> => ({}));
  for (const column of columns) {
    const values = columnValues(column);
    if (values.length !== count)
      throw new RangeError(`${column.fieldName}: ${values.length} values, not ${count}`);
    const valid = column.validData;
    if (valid.length !== 0 && valid.length !== count)
      throw new RangeError(`${column.fieldName}: ${valid.length} flags`);
    for (const [at, row] of rows.entries()) {
      row[column.fieldName] = valid[at] === false ? null : (values[at] ?? null);
    }
  }
  return rows;
}

function columnValues({ field, type }: FieldData): readonly Value[] {
  if (field.case === 'scalars') return scalarValues(field.value);
  if (field.case === 'vectors') return vectorValues(field.value, type);
  return [];
}

function scalarValues({ data }: ScalarField): readonly Value[] {
  switch (data.case) {
    case undefined:
      return [];
    case 'arrayData':
      return data.value.data.map(scalarValues);
    case 'jsonData':
      return data.value.data.map((text) => Buffer.from(text).toString());
    default:
      return data.value.data;
  }
}

function vectorValues({ dim, data }: VectorField, type: DataType): readonly Value[] {
  if (data.case === undefined) return [];
  if (data.case === 'sparseFloatVector') return data.value.contents.map(sparsePairs);
  if (data.case === 'floatVector') return chunks(data.value.data, Number(dim));
  // A plain Uint8Array, so that it equals the one it was built from.
  return chunks(Uint8Array.from(data.value), rowWidth(type, Number(dim)));
}

function sparsePairs(bytes: Uint8Array): SparseVector {
  const row = Buffer.from(bytes);
  return Array.from({ length: row.length / 8 }, (_, at) => [
    row.readUInt32LE(at * 8),
    row.readFloatLE(at * 8 + 4),
  ]);
}

function chunks<T extends { readonly length: number; slice(start: number, end: number): T }>(
  all: T,
  width: number,
): T[] {
  return Array.from({ length: all.length / width }, (_, at) => all.slice(at * width, (at + 1) * width));
}
