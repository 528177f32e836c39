import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodePosition, parseVirtualChannel } from '../../../../functions/cdc/given-positions.ts';

function varint(value: bigint): number[] {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>= 7n) {
    if (rest < 128n) return [...bytes, Number(rest)];
    bytes.push(Number(rest & 127n) | 128);
  }
}

test('channel, message id, group and timestamp are told apart', () => {
  fc.assert(
    fc.property(
      fc.string(),
      fc.uint8Array({ maxLength: 40 }),
      fc.string(),
      fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
      (channel, id, group, timestamp) => {
        const field = (number: number, bytes: Uint8Array) => [
          (number << 3) | 2,
          ...varint(BigInt(bytes.length)),
          ...bytes,
        ];
        const bytes = [
          ...field(1, Buffer.from(channel)),
          ...field(2, id),
          ...field(3, Buffer.from(group)),
          (4 << 3) | 0,
          ...varint(timestamp),
        ];
        const decoded = decodePosition(Buffer.from(bytes).toString('base64'));
        expect(decoded.timestamp).toBe(timestamp);
        expect([...decoded.messageId]).toEqual([...id]);
      },
    ),
  );
});

test('nothing but an error comes of other bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      try {
        expect(decodePosition(Buffer.from(bytes).toString('base64')).messageId).toBeInstanceOf(Uint8Array);
      } catch (error) {
        expect(error).toBeInstanceOf(Error);
      }
    }),
  );
});

test.each(['!', 'abc', 'ab=c', 'YQ', 'YQ==YQ==', ' YQ=='])('%j is not base64', (text) => {
  expect(() => decodePosition(text)).toThrow('illegal base64 data');
});

test('a message that ends too early is refused', () => {
  expect(() => decodePosition(Buffer.from([0x12, 9, 1]).toString('base64'))).toThrow();
});

test.each([
  ['by-dev-rootcoord-dml_0_451v0', { physical: 'by-dev-rootcoord-dml_0', collectionId: '451' }],
  ['a_b_9007199254740993v12', { physical: 'a_b', collectionId: '9007199254740993' }],
  ['by-dev-rootcoord-dml_0', undefined],
  ['_xv0', undefined],
  ['a_1v', undefined],
])('%s is %j', (name, channel) => {
  const parsed = parseVirtualChannel(name);
  expect(parsed && { ...parsed, collectionId: String(parsed.collectionId) }).toEqual(channel);
});
