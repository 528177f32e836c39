import { describe, expect, test } from 'vitest';
import { SourceUnsupportedError } from '../../../../../replicator/source/change-source.ts';
import { toChannelRecord, toReplicateRecord } from '../../../../../replicator/source/kafka/channel-record.ts';
import { DataType } from '../../../../../replicator/wire/gen/schema_pb.ts';
import {
  createCollectionRecord,
  deleteRecord,
  dropCollectionRecord,
  dropPartitionRecord,
  insertRecord,
  otherRecord,
  tickRecord,
} from '../../../../support/records.ts';

const place = { timestamp: 50n, collectionId: 7n, messageId: 3n };
const insert = {
  ...place,
  fields: [{ id: 100, name: 'id', type: DataType.INT64, primary: true }],
  rows: [{ id: 1n }, { id: 2n }],
};
const decode = (value: Uint8Array) => toChannelRecord('dml_0', { offset: 9n, value: Buffer.from(value) });

describe('a DML topic', () => {
  test.each([
    [tickRecord(50n), { kind: 'tick', offset: 9n, timestamp: 50n }],
    [
      deleteRecord({ ...place, keys: [1n, 2n] }),
      {
        kind: 'delete',
        offset: 9n,
        timestamp: 50n,
        messageId: 3n,
        collectionId: 7n,
        partitionId: -1n,
        keys: [1n, 2n],
      },
    ],
    [
      createCollectionRecord(place),
      { kind: 'create-collection', offset: 9n, timestamp: 50n, collectionId: 7n },
    ],
    [dropCollectionRecord(place), { kind: 'drop-collection', offset: 9n, timestamp: 50n, collectionId: 7n }],
    [
      dropPartitionRecord({ ...place, partitionId: 8n }),
      { kind: 'drop-partition', offset: 9n, timestamp: 50n, collectionId: 7n, partitionId: 8n },
    ],
    [otherRecord(408, 50n), { kind: 'unknown', offset: 9n, timestamp: 50n, messageType: 408 }],
    [otherRecord(1212, 50n), { kind: 'unknown', offset: 9n, timestamp: 50n, messageType: 1212 }],
    [otherRecord(9999, 50n), { kind: 'unknown', offset: 9n, timestamp: 50n, messageType: 9999 }],
  ])('record %#', (value, expected) => {
    expect(decode(value)).toMatchObject(expected);
  });

  test('an insert carries its rows, undecoded', () => {
    const record = decode(insertRecord(insert));
    expect(record).toMatchObject({
      kind: 'insert',
      offset: 9n,
      timestamp: 50n,
      messageId: 3n,
      collectionId: 7n,
    });
    expect(record?.kind === 'insert' && record.rows.keys(100)).toEqual([1n, 2n]);
  });

  test("an upsert's insert, which has no time of its own, takes that of its rows", () => {
    expect(decode(insertRecord({ ...insert, baseTimestamp: 0n }))?.timestamp).toBe(50n);
  });

  test('what was replicated into the source is a change like any other', () => {
    expect(decode(insertRecord({ ...insert, replicated: true }))).toMatchObject({ kind: 'insert' });
  });

  test('a partition that is created carries nothing', () => {
    expect(decode(otherRecord(200, 50n))).toBeUndefined();
  });

  test.each([Buffer.from('not a message'), Buffer.alloc(0)])(
    'bytes that are no message are refused with their place',
    (value) => {
      expect(() => decode(value)).toThrow(SourceUnsupportedError);
      expect(() => decode(value)).toThrow(/offset 9 of dml_0/);
    },
  );
});

describe('the replicate topic', () => {
  test.each([
    [otherRecord(106, 50n), 106],
    [otherRecord(200, 50n), 200],
    [dropPartitionRecord(place), 201],
    [createCollectionRecord(place), 100],
  ])('tells record %# by its type alone', (value, messageType) => {
    expect(toReplicateRecord('replicate', { offset: 9n, value: Buffer.from(value) })).toEqual({
      kind: 'unknown',
      offset: 9n,
      timestamp: 50n,
      messageType,
    });
  });
});
