import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MalformedRecordError } from '../../../../replicator/wire/errors.ts';
import { Scanner } from '../../../../replicator/wire/scan.ts';

test('reads every kind of field as an ordinary encoder wrote it', () => {
  const bytes = new BinaryWriter()
    .tag(1, WireType.Varint)
    .uint32(300)
    .tag(2, WireType.Bit64)
    .fixed64(7n)
    .tag(3, WireType.LengthDelimited)
    .string('läuft')
    .tag(4, WireType.Bit32)
    .fixed32(9)
    .tag(536_870_911, WireType.Varint)
    .int64(-1n)
    .finish();
  const scan = new Scanner(bytes);
  expect([scan.next(), scan.field, scan.number()]).toEqual([true, 1, 300]);
  expect([scan.next(), scan.field, scan.skip()]).toEqual([true, 2, undefined]);
  expect([scan.next(), scan.field, scan.string()]).toEqual([true, 3, 'läuft']);
  expect([scan.next(), scan.field, scan.skip()]).toEqual([true, 4, undefined]);
  expect([scan.next(), scan.field, scan.int64()]).toEqual([true, 536_870_911, -1n]);
  expect(scan.next()).toBe(false);
});

test('reads every int64 and uint64 exactly', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (value) => {
      const signed = new Scanner(new BinaryWriter().tag(1, WireType.Varint).int64(value).finish());
      signed.next();
      expect(signed.int64()).toBe(value);
      const unsigned = BigInt.asUintN(64, value);
      const other = new Scanner(new BinaryWriter().tag(1, WireType.Varint).uint64(unsigned).finish());
      other.next();
      expect(other.uint64()).toBe(unsigned);
    }),
  );
});

test('hands out slices of the given bytes, not copies', () => {
  const bytes = new BinaryWriter().tag(1, WireType.LengthDelimited).bytes(Buffer.from('abc')).finish();
  const scan = new Scanner(bytes);
  scan.next();
  expect(scan.bytes().buffer).toBe(bytes.buffer);
});

test.each([
  ['a number that does not end', [0x08, 0x80]],
  ['a number of eleven bytes', [0x08, ...new Array<number>(10).fill(0xff), 0x01]],
  ['a field longer than the bytes', [0x0a, 0x05, 0x01]],
  ['a fixed number cut short', [0x09, 0x01]],
  ['field number 0', [0x00, 0x01]],
  ['a group', [0x0b, 0x0c]],
  ['a length beyond what a double holds', [0x0a, ...new Array<number>(9).fill(0xff), 0x01]],
])('fails on %s', (_, bytes) => {
  const scan = new Scanner(Uint8Array.from(bytes));
  expect(() => {
    while (scan.next()) scan.skip();
  }).toThrow(MalformedRecordError);
});

test('fails with nothing but its own error, whatever the bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      const scan = new Scanner(bytes);
      try {
        while (scan.next()) scan.skip();
        expect(scan.position).toBe(bytes.length);
      } catch (error) {
        expect(error).toBeInstanceOf(MalformedRecordError);
      }
    }),
  );
});
