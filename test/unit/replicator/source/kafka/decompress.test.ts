import { randomBytes } from 'node:crypto';
import { zstdCompressSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { Decompressor } from '../../../../../replicator/source/kafka/decompress.ts';

const ZSTD = 4;

test('batches of any ratio come out whole, whatever came before', () => {
  const decompressor = new Decompressor();
  const inputs = [
    Buffer.alloc(0),
    Buffer.from('x'),
    randomBytes(500_000),
    Buffer.alloc(3_000_000, 'very alike '),
    randomBytes(100),
    Buffer.alloc(20_000_000, 7),
  ];
  for (const input of [...inputs, ...inputs.toReversed()]) {
    expect(decompressor.decompress(ZSTD, zstdCompressSync(input)).equals(input)).toBe(true);
  }
});

test('what is unpacked pins little more memory than it needs, once a batch like it has been seen', () => {
  const decompressor = new Decompressor();
  const unpack = (): Buffer => decompressor.decompress(ZSTD, zstdCompressSync(randomBytes(400_000)));
  for (let warm = 0; warm < 40; warm += 1) unpack();
  const output = unpack();
  expect(output.buffer.byteLength).toBeLessThan(output.length * 1.1);
});

test('an unpacked batch is bounded', () => {
  const bomb = zstdCompressSync(Buffer.alloc(300_000_000));
  expect(() => new Decompressor().decompress(ZSTD, bomb)).toThrow();
});

test('a codec without a name is refused', () => {
  expect(() => new Decompressor().decompress(6, Buffer.alloc(1))).toThrow(/codec 6/);
});
