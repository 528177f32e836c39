import { create, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeRecord, type WireDelete, type WireInsert } from '../../../../replicator/wire/decode.ts';
import { MalformedRecordError } from '../../../../replicator/wire/errors.ts';
import { MsgType } from '../../../../replicator/wire/gen/common_pb.ts';
import { DeleteRequestSchema, InsertRequestSchema } from '../../../../replicator/wire/gen/msg_pb.ts';
import { DataType } from '../../../../replicator/wire/gen/schema_pb.ts';
import { encodeInsert } from '../../../../replicator/wire/insert.ts';
import {
  createCollectionRecord,
  deleteRecord,
  dropCollectionRecord,
  dropPartitionRecord,
  insertRecord,
  otherRecord,
  tickRecord,
} from '../../../support/records.ts';
import { ALL_FIELDS, arbitraryRow } from '../../../support/row-arbitraries.ts';
import type { FieldSpec } from '../../../support/rows.ts';

const T = 445_644_800_000_000_005n;
const FIELDS: readonly FieldSpec[] = [
  { id: 100, name: 'id', type: DataType.INT64, primary: true },
  { id: 101, name: 'v', type: DataType.FLOAT_VECTOR, dim: 2 },
];
const INSERT = {
  timestamp: T,
  messageId: 77n,
  collectionId: 449_735_462_174_986_241n,
  partitionId: 44n,
  shardName: 'dml_3_449735462174986241v0',
  fields: FIELDS,
  rows: [
    { id: 1n, v: [1, 2] },
    { id: 2n, v: [3, 4] },
  ],
};

test('a tick is its time', () => {
  const bytes = Buffer.from('0a0f08b0091885808080daf2cf97062003', 'hex');
  expect(decodeRecord(bytes)).toEqual({ kind: 'tick', timestamp: T, replicated: false });
  expect(Buffer.from(tickRecord(T)).equals(bytes)).toBe(true);
});

test('an insert has its place, its time and its rows', () => {
  const record = decodeRecord(insertRecord(INSERT)) as WireInsert;
  expect(record).toMatchObject({
    kind: 'insert',
    timestamp: T,
    messageId: 77n,
    collectionId: 449_735_462_174_986_241n,
    partitionId: 44n,
    shardName: 'dml_3_449735462174986241v0',
    mixedTimestamps: false,
    replicated: false,
  });
  expect(record.rows.count).toBe(2);
  expect(record.rows.keys(100)).toEqual([1n, 2n]);
});

test('the columns of an insert are slices of the record', () => {
  const bytes = insertRecord(INSERT);
  const record = decodeRecord(bytes) as WireInsert;
  expect(record.rows.columns.map(({ data }) => data.buffer === bytes.buffer)).toEqual([true, true]);
  expect(record.rows.bytes).toBe(bytes.length);
});

test("an upsert's insert takes its time from its rows, and is known by it: its base has none", () => {
  const record = decodeRecord(insertRecord({ ...INSERT, baseTimestamp: 0n }));
  expect(record).toMatchObject({ timestamp: T, ofUpsert: true });
  expect(decodeRecord(insertRecord(INSERT))).toMatchObject({ ofUpsert: false });
});

test('rows with several times count by the smallest, and say so', () => {
  const message = create(InsertRequestSchema, {
    base: { msgType: MsgType.INSERT, timestamp: T },
    timestamps: [T + 2n, T, T + 1n],
    fieldsData: [{}],
    numRows: 3n,
    version: 1,
  });
  const record = decodeRecord(toBinary(InsertRequestSchema, message)) as WireInsert;
  expect([record.timestamp, record.mixedTimestamps]).toEqual([T, true]);
});

test('a delete with the bytes of a real one is read exactly', () => {
  const hex =
    '0a1108910310071885808080daf2cf97062009121b62792d6465762d726f6f74636f6f72642d646d6c5f305f3434763022016338' +
    '2c40ffffffffffffffffff01521285808080daf2cf970685808080daf2cf9706580262060a040a020102';
  expect(decodeRecord(Buffer.from(hex, 'hex'))).toMatchObject({
    kind: 'delete',
    timestamp: T,
    messageId: 7n,
    collectionId: 44n,
    partitionId: -1n,
    partitionName: '',
    shardName: 'by-dev-rootcoord-dml_0_44v0',
    keys: [1n, 2n],
    mixedTimestamps: false,
  });
});

test('a delete by VarChar keys has strings', () => {
  const record = decodeRecord(
    deleteRecord({ timestamp: T, collectionId: 1n, keys: ['a', 'b'] }),
  ) as WireDelete;
  expect(record.keys).toEqual(['a', 'b']);
});

test('an old delete has its keys in field 9', () => {
  const message = create(DeleteRequestSchema, {
    base: { msgType: MsgType.DELETE, timestamp: T },
    int64PrimaryKeys: [3n, -4n],
    timestamps: [T, T],
  });
  const record = decodeRecord(toBinary(DeleteRequestSchema, message)) as WireDelete;
  expect(record.keys).toEqual([3n, -4n]);
});

test('DDL has ids', () => {
  const place = { timestamp: T, collectionId: 9n, partitionId: 8n, partitionName: 'p' };
  expect(decodeRecord(createCollectionRecord(place))).toEqual({
    kind: 'create-collection',
    timestamp: T,
    replicated: false,
    collectionId: 9n,
  });
  expect(decodeRecord(dropCollectionRecord(place))).toMatchObject({
    kind: 'drop-collection',
    collectionId: 9n,
  });
  expect(decodeRecord(dropPartitionRecord(place))).toMatchObject({
    kind: 'drop-partition',
    collectionId: 9n,
    partitionId: 8n,
    partitionName: 'p',
  });
});

test('what another replicator wrote is marked', () => {
  expect(decodeRecord(insertRecord({ ...INSERT, replicated: true })).replicated).toBe(true);
  expect(
    decodeRecord(dropCollectionRecord({ timestamp: T, collectionId: 9n, replicated: true })).replicated,
  ).toBe(true);
});

test('a message type that is not known keeps its number', () => {
  expect(decodeRecord(otherRecord(4_242, T))).toEqual({
    kind: 'other',
    messageType: 4_242,
    timestamp: T,
    replicated: false,
  });
});

const VALID_INSERT = create(InsertRequestSchema, {
  base: { msgType: MsgType.INSERT },
  collectionId: 9n,
  timestamps: [T],
  fieldsData: [{}],
  numRows: 1n,
  version: 1,
});

test.each([
  ['no bytes at all', new Uint8Array(), 'no message base'],
  ['no base', Buffer.from([0x12, 0x01, 0x61]), 'no message base'],
  ['a cut-off record', insertRecord(INSERT).subarray(0, 60), 'the bytes end within a number'],
  ['rows stored by row', insert({ version: 0 }), 'by rows'],
  ['no columns', insert({ fieldsData: [] }), 'no columns'],
  ['no time at all', insert({ timestamps: [] }), 'no timestamp'],
  ['fewer times than rows', insert({ numRows: 2n }), '2 rows have 1 timestamps'],
])('fails on %s', (_, bytes, message) => {
  expect(() => decodeRecord(bytes)).toThrow(MalformedRecordError);
  expect(() => decodeRecord(bytes)).toThrow(message);
});

test('a record that cannot be read tells its collection and type, and no data', () => {
  const bytes = insert({ timestamps: [] });
  expect(() => decodeRecord(bytes)).toThrow(
    expect.objectContaining({ collectionId: 9n, messageType: MsgType.INSERT, bytes: bytes.length }),
  );
});

function insert(change: Partial<typeof VALID_INSERT>): Uint8Array {
  return toBinary(InsertRequestSchema, { ...VALID_INSERT, ...change });
}

test('bytes that were damaged fail with nothing but a record error, also when they are spliced', () => {
  const whole = insertRecord({ ...INSERT, fields: ALL_FIELDS, rows: fc.sample(arbitraryRow(ALL_FIELDS), 2) });
  const damage = fc.array(fc.tuple(fc.nat({ max: whole.length - 1 }), fc.nat({ max: 255 })), {
    minLength: 1,
    maxLength: 4,
  });
  fc.assert(
    fc.property(damage, (changes) => {
      const bytes = Uint8Array.from(whole);
      for (const [at, byte] of changes) bytes[at] = byte;
      try {
        const record = decodeRecord(bytes);
        if (record.kind === 'insert' && record.rows.count > 0) {
          encodeInsert({ database: 'd', collection: 'c', parts: [record.rows, record.rows] });
          record.rows.keys(100);
        }
      } catch (error) {
        expect(error).toBeInstanceOf(MalformedRecordError);
      }
    }),
    { numRuns: 2_000 },
  );
});
