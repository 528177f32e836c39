import { fromBinary } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { type FieldData, FieldDataSchema } from '../../../../replicator/wire/gen/schema_pb.ts';

/** The same column with every packed number field written element by element: older encoders do that, and every
 *  decoder has to accept it. */
export function unpackColumn(data: Uint8Array): Uint8Array {
  const column = fromBinary(FieldDataSchema, data);
  const writer = new BinaryWriter();
  for (const flag of column.validData) writer.tag(7, WireType.Varint).bool(flag);
  const inner = unpackedValues(column);
  if (inner === undefined) return Buffer.concat([writer.finish(), withoutFlags(data, column)]);
  const { group, dim, leaf, values } = inner;
  const values2 = new BinaryWriter();
  if (dim !== 0n) values2.tag(1, WireType.Varint).int64(dim);
  values2.tag(leaf, WireType.LengthDelimited).bytes(values);
  return writer
    .tag(group, WireType.LengthDelimited)
    .bytes(values2.finish())
    .tag(5, WireType.Varint)
    .int64(column.fieldId)
    .tag(2, WireType.LengthDelimited)
    .string(column.fieldName)
    .tag(1, WireType.Varint)
    .int32(column.type)
    .finish();
}

interface Unpacked {
  readonly group: number;
  readonly dim: bigint;
  readonly leaf: number;
  readonly values: Uint8Array;
}

function unpackedValues({ field }: FieldData): Unpacked | undefined {
  const out = new BinaryWriter();
  const element = (wireType: WireType): BinaryWriter => out.tag(1, wireType);
  if (field.case === 'vectors') {
    const { dim, data } = field.value;
    if (data.case !== 'floatVector') return undefined;
    for (const value of data.value.data) element(WireType.Bit32).float(value);
    return { group: 4, dim, leaf: 2, values: out.finish() };
  }
  if (field.case !== 'scalars') return undefined;
  const { data } = field.value;
  switch (data.case) {
    case 'boolData':
      for (const value of data.value.data) element(WireType.Varint).bool(value);
      return { group: 3, dim: 0n, leaf: 1, values: out.finish() };
    case 'intData':
      for (const value of data.value.data) element(WireType.Varint).int32(value);
      return { group: 3, dim: 0n, leaf: 2, values: out.finish() };
    case 'longData':
      for (const value of data.value.data) element(WireType.Varint).int64(value);
      return { group: 3, dim: 0n, leaf: 3, values: out.finish() };
    case 'floatData':
      for (const value of data.value.data) element(WireType.Bit32).float(value);
      return { group: 3, dim: 0n, leaf: 4, values: out.finish() };
    case 'doubleData':
      for (const value of data.value.data) element(WireType.Bit64).double(value);
      return { group: 3, dim: 0n, leaf: 5, values: out.finish() };
    default:
      return undefined;
  }
}

/** The packed flags are the last field an encoder writes. */
function withoutFlags(data: Uint8Array, { validData }: FieldData): Uint8Array {
  return validData.length === 0 ? data : data.subarray(0, data.length - validData.length - 2);
}
