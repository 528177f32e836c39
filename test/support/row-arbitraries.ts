import fc from 'fast-check';
import { DataType } from '../../replicator/wire/gen/schema_pb.ts';
import { type FieldSpec, type Row, rowWidth, type Value } from './rows.ts';

/** Every type a column can have on the log of Milvus 2.3 to 2.6, nullable and `$meta` among them. */
export const ALL_FIELDS: readonly FieldSpec[] = [
  { id: 100, name: 'id', type: DataType.INT64, primary: true },
  { id: 101, name: 'flag', type: DataType.BOOL },
  { id: 102, name: 'tiny', type: DataType.INT8 },
  { id: 103, name: 'small', type: DataType.INT16 },
  { id: 104, name: 'medium', type: DataType.INT32 },
  { id: 105, name: 'ratio', type: DataType.FLOAT },
  { id: 106, name: 'precise', type: DataType.DOUBLE },
  { id: 107, name: 'text', type: DataType.VAR_CHAR, nullable: true },
  { id: 108, name: 'document', type: DataType.JSON },
  { id: 109, name: 'numbers', type: DataType.ARRAY, element: DataType.INT32 },
  { id: 110, name: 'words', type: DataType.ARRAY, element: DataType.VAR_CHAR },
  { id: 111, name: 'maybe', type: DataType.INT64, nullable: true },
  { id: 112, name: 'bits', type: DataType.BINARY_VECTOR, dim: 16 },
  { id: 113, name: 'floats', type: DataType.FLOAT_VECTOR, dim: 4 },
  { id: 114, name: 'halves', type: DataType.FLOAT16_VECTOR, dim: 4 },
  { id: 115, name: 'brains', type: DataType.BFLOAT16_VECTOR, dim: 4 },
  { id: 116, name: 'bytes', type: DataType.INT8_VECTOR, dim: 4 },
  { id: 117, name: 'sparse', type: DataType.SPARSE_FLOAT_VECTOR },
  { id: 118, name: '$meta', type: DataType.JSON, dynamic: true },
];

const float = fc.float({ noNaN: true });
/** Milvus refuses infinity in a vector, and takes it in a scalar. */
const finite = fc.float({ noNaN: true, noDefaultInfinity: true });

export function arbitraryRow(fields: readonly FieldSpec[]): fc.Arbitrary<Row> {
  return fc.record(Object.fromEntries(fields.map((field) => [field.name, arbitraryValue(field)])), {
    noNullPrototype: true,
  });
}

export function arbitraryValue(field: FieldSpec): fc.Arbitrary<Value> {
  const value = presentValue(field);
  return field.nullable === true ? fc.option(value) : value;
}

function presentValue({ type, dim = 0, element = DataType.INT64 }: FieldSpec): fc.Arbitrary<Value> {
  switch (type) {
    case DataType.BOOL:
      return fc.boolean();
    case DataType.INT8:
      return fc.integer({ min: -128, max: 127 });
    case DataType.INT16:
      return fc.integer({ min: -32_768, max: 32_767 });
    case DataType.INT32:
      return fc.integer({ min: -2_147_483_648, max: 2_147_483_647 });
    case DataType.INT64:
      return fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
    case DataType.FLOAT:
      return float;
    case DataType.DOUBLE:
      return fc.double({ noNaN: true });
    case DataType.VAR_CHAR:
      return fc.string({ unit: 'grapheme' });
    case DataType.JSON:
      return fc.dictionary(fc.string(), fc.integer()).map((object) => JSON.stringify(object));
    case DataType.ARRAY:
      return fc.array(presentValue({ id: 0, name: '', type: element }), { maxLength: 4 });
    case DataType.FLOAT_VECTOR:
      return fc.array(finite, { minLength: dim, maxLength: dim });
    case DataType.SPARSE_FLOAT_VECTOR:
      return fc
        .uniqueArray(fc.nat({ max: 4_000_000_000 }), { minLength: 1, maxLength: 5 })
        .chain((at) =>
          fc.tuple(...at.toSorted((a, b) => a - b).map((index) => fc.tuple(fc.constant(index), finite))),
        );
    default: {
      const width = rowWidth(type, dim);
      return fc.uint8Array({ minLength: width, maxLength: width });
    }
  }
}
