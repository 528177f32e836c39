import { create, toBinary } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { expect, test } from 'vitest';
import { MalformedRecordError } from '../../../../replicator/wire/errors.ts';
import { DataType, FieldDataSchema } from '../../../../replicator/wire/gen/schema_pb.ts';
import { EncodedRows } from '../../../../replicator/wire/rows.ts';
import { buildRows, type FieldSpec } from '../../../support/rows.ts';

const NUMBER: FieldSpec = { id: 100, name: 'id', type: DataType.INT64, primary: true };
const TEXT: FieldSpec = { id: 101, name: 'code', type: DataType.VAR_CHAR };
const VECTOR: FieldSpec = { id: 102, name: 'v', type: DataType.FLOAT_VECTOR, dim: 2 };

const ROWS = buildRows(
  [NUMBER, TEXT, VECTOR],
  [
    { id: 1n, code: 'a', v: [1, 2] },
    { id: -(2n ** 63n), code: 'ü🚀\uFFFD', v: [3, 4] },
    { id: 2n ** 63n - 1n, code: '', v: [5, 6] },
  ],
);

test('columns are known by name and field id', () => {
  expect(ROWS.columns.map(({ name, fieldId }) => [name, fieldId])).toEqual([
    ['id', 100],
    ['code', 101],
    ['v', 102],
  ]);
});

test('keys come in row order, int64 as bigint and VarChar as string', () => {
  expect(ROWS.keys(100)).toEqual([1n, -(2n ** 63n), 2n ** 63n - 1n]);
  expect(ROWS.keys(101)).toEqual(['a', 'ü🚀\uFFFD', '']);
});

test('unpacked keys are read like packed ones', () => {
  const values = new BinaryWriter();
  for (const value of [5n, -5n]) values.tag(1, WireType.Varint).int64(value);
  const long = new BinaryWriter().tag(3, WireType.LengthDelimited).bytes(values.finish()).finish();
  const column = new BinaryWriter()
    .tag(5, WireType.Varint)
    .int64(100n)
    .tag(3, WireType.LengthDelimited)
    .bytes(long);
  const rows = new EncodedRows({ count: 2, bytes: 1, columns: [column.finish()] });
  expect(rows.keys(100)).toEqual([5n, -5n]);
});

test('fails when the key column is missing, of another type, or of another length', () => {
  expect(() => ROWS.keys(103)).toThrow(MalformedRecordError);
  expect(() => ROWS.keys(102)).toThrow(MalformedRecordError);
  const short = new EncodedRows({ count: 4, bytes: 1, columns: ROWS.columns.map(({ data }) => data) });
  expect(() => short.keys(100)).toThrow('4 rows have 3 primary keys');
  const floats = buildRows([{ id: 100, name: 'id', type: DataType.FLOAT }], [{ id: 1 }]);
  expect(() => floats.keys(100)).toThrow(MalformedRecordError);
});

test('fails on a key that is not valid UTF-8, because it would become another key', () => {
  const column = toBinary(
    FieldDataSchema,
    create(FieldDataSchema, {
      fieldId: 100n,
      field: {
        case: 'scalars',
        value: { data: { case: 'jsonData', value: { data: [Buffer.from([0x61, 0xff])] } } },
      },
    }),
  );
  // json_data (9) and string_data (6) differ only in the tag.
  const asString = Buffer.from(column);
  asString[asString.indexOf((9 << 3) | 2)] = (6 << 3) | 2;
  const rows = new EncodedRows({ count: 1, bytes: 1, columns: [asString] });
  expect(() => rows.keys(100)).toThrow('not valid UTF-8');
});
