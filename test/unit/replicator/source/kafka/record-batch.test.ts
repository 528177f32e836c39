import { createRecordsBatch } from '@platformatic/kafka';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Decompressor } from '../../../../../replicator/source/kafka/decompress.ts';
import {
  DamagedBatchError,
  type LogRecord,
  readRecords,
  splitBatches,
} from '../../../../../replicator/source/kafka/record-batch.ts';

type Codec = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd';

function batch(baseOffset: bigint, values: readonly Uint8Array[], compression: Codec = 'none'): Buffer {
  const messages = values.map((value, at) => ({
    topic: 't',
    key: at % 2 === 0 ? undefined : Buffer.from(`key ${at}`),
    value: Buffer.from(value),
    headers: at % 3 === 0 ? new Map([[Buffer.from('h'), Buffer.from('v')]]) : undefined,
  }));
  const bytes = Buffer.from(createRecordsBatch(messages as never, { compression }).buffer);
  bytes.writeBigInt64BE(baseOffset, 0);
  return bytes;
}

function read(recordSet: Buffer, from = 0n): readonly LogRecord[] {
  const records: LogRecord[] = [];
  const decompressor = new Decompressor();
  for (const part of splitBatches(recordSet)) readRecords(part, from, records, decompressor);
  return records;
}

const texts = (records: readonly LogRecord[]): unknown =>
  records.map(({ offset, value }) => [offset, value.toString()]);

const values = (...all: readonly string[]): readonly Buffer[] => all.map((text) => Buffer.from(text));

describe('batches', () => {
  test('are split where one follows the other, with their offsets', () => {
    const set = Buffer.concat([batch(7n, values('a', 'b')), batch(9n, values('c'))]);
    expect(texts(read(set))).toEqual([
      [7n, 'a'],
      [8n, 'b'],
      [9n, 'c'],
    ]);
    expect(
      splitBatches(set).map(({ baseOffset, nextOffset, count }) => [baseOffset, nextOffset, count]),
    ).toEqual([
      [7n, 9n, 2],
      [9n, 10n, 1],
    ]);
  });

  test('records before the wanted offset are left out', () => {
    expect(texts(read(batch(7n, values('a', 'b', 'c')), 8n))).toEqual([
      [8n, 'b'],
      [9n, 'c'],
    ]);
    expect(read(batch(7n, values('a')), 8n)).toEqual([]);
  });

  test('a last batch that is cut off is left out, wherever it is cut', () => {
    const whole = batch(0n, values('a'));
    const next = batch(1n, values('b'));
    for (let cut = 0; cut < next.length; cut += 1) {
      expect(texts(read(Buffer.concat([whole, next.subarray(0, cut)])))).toEqual([[0n, 'a']]);
    }
  });

  test('a batch of transaction markers has no records, and its offsets count', () => {
    const marker = batch(4n, values('marker'));
    marker.writeInt16BE(1 << 5, 21);
    reseal(marker);
    const set = Buffer.concat([marker, batch(5n, values('a'))]);
    expect(texts(read(set))).toEqual([[5n, 'a']]);
    expect(splitBatches(set)[0]?.nextOffset).toBe(5n);
  });

  test('a batch whose last records were compacted away still ends where it ended', () => {
    const thinned = batch(10n, values('a'));
    thinned.writeInt32BE(5, 23);
    reseal(thinned);
    expect(splitBatches(thinned)[0]?.nextOffset).toBe(16n);
  });

  test('an empty value is an empty value', () => {
    expect(texts(read(batch(0n, values(''))))).toEqual([[0n, '']]);
  });

  test.each(['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const)(
    '%s: any values come back as they were',
    (codec) => {
      fc.assert(
        fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { minLength: 1, maxLength: 30 }), (all) => {
          const records = read(batch(100n, all, codec));
          expect(records.map(({ offset }) => offset)).toEqual(all.map((_, at) => 100n + BigInt(at)));
          expect(records.map(({ value }) => Buffer.from(value))).toEqual(
            all.map((value) => Buffer.from(value)),
          );
        }),
        { numRuns: 30 },
      );
    },
  );
});

describe('damage', () => {
  test('any flipped bit after the length is found', () => {
    const set = batch(3n, values('some text', 'some more text'));
    fc.assert(
      fc.property(fc.integer({ min: 16, max: set.length - 1 }), fc.integer({ min: 0, max: 7 }), (at, bit) => {
        const damaged = Buffer.from(set);
        damaged.writeUInt8(damaged.readUInt8(at) ^ (1 << bit), at);
        expect(() => splitBatches(damaged)).toThrow(DamagedBatchError);
      }),
    );
  });

  test('an old message format is refused by its number', () => {
    const old = batch(3n, values('a'));
    old.writeInt8(1, 16);
    expect(() => splitBatches(old)).toThrow(/offset 3 has message format 1/);
  });

  test('a codec that is not known is refused', () => {
    const strange = batch(3n, values('a'));
    strange.writeInt16BE(5, 21);
    reseal(strange);
    expect(() => read(strange)).toThrow(DamagedBatchError);
  });

  test('records that claim more than the batch holds are refused', () => {
    const short = batch(3n, values('a'));
    short.writeInt32BE(2, 57);
    reseal(short);
    expect(() => read(short)).toThrow(DamagedBatchError);
  });
});

/** Corrects the sum of a batch that was changed on purpose. */
function reseal(bytes: Buffer): void {
  let crc = 0xffffffff;
  for (const byte of bytes.subarray(21)) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  bytes.writeUInt32BE((crc ^ 0xffffffff) >>> 0, 17);
}
