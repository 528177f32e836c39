import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Rows } from '../../../../replicator/engine/change.ts';
import { ColumnMismatchError, MalformedRecordError } from '../../../../replicator/wire/errors.ts';
import { DataType } from '../../../../replicator/wire/gen/schema_pb.ts';
import { encodeInsert } from '../../../../replicator/wire/insert.ts';
import { EncodedRows } from '../../../../replicator/wire/rows.ts';
import { ALL_FIELDS, arbitraryRow } from '../../../support/row-arbitraries.ts';
import { buildRows, decodeRequest, encodeColumn, type FieldSpec, type Row } from '../../../support/rows.ts';
import { unpackColumn } from './unpack.ts';

const KEY: FieldSpec = { id: 100, name: 'id', type: DataType.INT64, primary: true };
const TEXT: FieldSpec = { id: 101, name: 'text', type: DataType.VAR_CHAR };
const VECTOR: FieldSpec = { id: 102, name: 'v', type: DataType.FLOAT_VECTOR, dim: 2 };

const encode = (parts: readonly Rows[], omit?: ReadonlySet<string>): Buffer =>
  encodeInsert({ database: 'db', collection: 'c', partition: 'p', parts, omit });

const rowsOf = (parts: readonly Rows[]): readonly Row[] => decodeRequest(encode(parts)).rows;

describe('whatever the rows and however they are cut into parts', () => {
  const parts = fc.array(fc.array(arbitraryRow(ALL_FIELDS), { minLength: 0, maxLength: 3 }), {
    minLength: 1,
    maxLength: 5,
  });

  test('the request holds them all, in order', () => {
    fc.assert(
      fc.property(parts, (cut) => {
        fc.pre(cut.flat().length > 0);
        expect(rowsOf(cut.map((rows) => buildRows(ALL_FIELDS, rows)))).toEqual(cut.flat());
      }),
      { numRuns: 300 },
    );
  });

  test('it does so for unpacked columns, too, and for a mixture', () => {
    const mixed = fc.array(
      fc.tuple(fc.array(arbitraryRow(ALL_FIELDS), { minLength: 1, maxLength: 3 }), fc.boolean()),
      {
        minLength: 1,
        maxLength: 4,
      },
    );
    fc.assert(
      fc.property(mixed, (cut) => {
        const built = cut.map(([rows, unpacked]) =>
          unpacked ? unpackedRows(rows) : buildRows(ALL_FIELDS, rows),
        );
        expect(rowsOf(built)).toEqual(cut.flatMap(([rows]) => rows));
      }),
      { numRuns: 300 },
    );
  });

  test('it does so when each part has its columns in another order', () => {
    const shuffled = fc.array(
      fc.tuple(
        fc.array(arbitraryRow(ALL_FIELDS), { minLength: 1, maxLength: 2 }),
        fc.shuffledSubarray([...ALL_FIELDS], { minLength: ALL_FIELDS.length }),
      ),
      { minLength: 2, maxLength: 4 },
    );
    fc.assert(
      fc.property(shuffled, (cut) => {
        expect(rowsOf(cut.map(([rows, fields]) => buildRows(fields, rows)))).toEqual(
          cut.flatMap(([rows]) => rows),
        );
      }),
    );
  });
});

test('the request is addressed to database, collection and partition', () => {
  const rows = buildRows([KEY], [{ id: 1n }]);
  expect(decodeRequest(encode([rows]))).toMatchObject({ database: 'db', collection: 'c', partition: 'p' });
  const open = encodeInsert({ database: '', collection: 'c', parts: [rows] });
  expect(decodeRequest(open)).toMatchObject({ database: '', collection: 'c', partition: '' });
});

test('many packed parts become one packed field, as an encoder would write it', () => {
  const parts = [buildRows([VECTOR], [{ v: [1, 2] }]), buildRows([VECTOR], [{ v: [3, 4] }])];
  const joined = buildRows([VECTOR], [{ v: [1, 2] }, { v: [3, 4] }]);
  expect(encode(parts).equals(encode([joined]))).toBe(true);
});

test('columns to be omitted are left out, even where only one part has them', () => {
  const parts = [buildRows([KEY, TEXT], [{ id: 1n, text: 'a' }]), buildRows([KEY], [{ id: 2n }])];
  expect(decodeRequest(encode(parts, new Set(['text']))).rows).toEqual([{ id: 1n }, { id: 2n }]);
});

test('a part without flags counts as present throughout', () => {
  const nullable: FieldSpec = { ...TEXT, nullable: true };
  const parts = [
    buildRows([TEXT], [{ text: 'a' }, { text: 'b' }]),
    buildRows([nullable], [{ text: null }, { text: 'd' }]),
  ];
  expect(rowsOf(parts)).toEqual([{ text: 'a' }, { text: 'b' }, { text: null }, { text: 'd' }]);
});

test.each<[string, Rows, Partial<ColumnMismatchError>]>([
  ['lacks a column', buildRows([KEY], [{ id: 2n }]), { reason: 'missing-column', column: 'v' }],
  [
    'has one more',
    buildRows([KEY, VECTOR, TEXT], [{ id: 2n, v: [1, 2], text: 'x' }]),
    { reason: 'missing-column', column: 'text' },
  ],
  [
    'has another dimension',
    buildRows([KEY, { ...VECTOR, dim: 3 }], [{ id: 2n, v: [1, 2, 3] }]),
    { reason: 'dim', column: 'v' },
  ],
  [
    'has another type',
    buildRows([{ ...KEY, type: DataType.INT32 }, VECTOR], [{ id: 2, v: [1, 2] }]),
    { reason: 'encoding', column: 'id' },
  ],
  [
    'has another narrow type',
    buildRows([KEY, { ...VECTOR, type: DataType.BOOL }], [{ id: 2n, v: true }]),
    { reason: 'encoding', column: 'v' },
  ],
  [
    'knows the field under another id',
    buildRows([KEY, { ...VECTOR, id: 103 }], [{ id: 2n, v: [1, 2] }]),
    { reason: 'field-id', column: 'v' },
  ],
])('fails when a part %s', (_, other, expected) => {
  const first = buildRows([KEY, VECTOR], [{ id: 1n, v: [1, 2] }]);
  expect(() => encode([first, first, other])).toThrow(ColumnMismatchError);
  expect(() => encode([first, first, other])).toThrow(expect.objectContaining({ ...expected, part: 2 }));
});

test('fails when int8 and int16 meet, though both travel alike', () => {
  const parts = [DataType.INT8, DataType.INT16].map((type) => buildRows([{ ...TEXT, type }], [{ text: 1 }]));
  expect(() => encode(parts)).toThrow(expect.objectContaining({ reason: 'type', column: 'text' }));
});

test('fails on a column without values and on a kind of values it does not know', () => {
  const named = Buffer.from([0x12, 0x01, 0x61]);
  const unknownLeaf = Buffer.concat([named, Buffer.from([0x1a, 0x04, 0x7a, 0x02, 0x08, 0x01])]);
  const unknownField = Buffer.concat([encodeColumn(KEY, [{ id: 1n }]), Buffer.from([0x78, 0x01])]);
  for (const column of [named, unknownLeaf, unknownField]) {
    const rows = new EncodedRows({ count: 1, bytes: column.length, columns: [column] });
    expect(() => encode([rows])).toThrow(MalformedRecordError);
  }
});

test('fails when there are no rows', () => {
  expect(() => encode([])).toThrow(RangeError);
  expect(() => encode([buildRows([KEY], [])])).toThrow(RangeError);
});

function unpackedRows(rows: readonly Row[]): Rows {
  const columns = ALL_FIELDS.map((field) => unpackColumn(encodeColumn(field, rows)));
  return new EncodedRows({ count: rows.length, bytes: 1, columns });
}
