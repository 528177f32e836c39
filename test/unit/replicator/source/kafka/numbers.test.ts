import { expect, test } from 'vitest';
import { decodeSourceClock } from '../../../../../replicator/source/kafka/source-clock.ts';
import { decodeKafkaPosition } from '../../../../../replicator/source/kafka/start-position.ts';

test('the clock of Milvus is Unix nanoseconds, big-endian, rounded up to a millisecond', () => {
  expect(decodeSourceClock(Buffer.from('17979CFE362A0000', 'hex'))).toBe(1_700_000_000_000n << 18n);
  expect(decodeSourceClock(Buffer.from('17979CFE362A0001', 'hex'))).toBe(1_700_000_000_001n << 18n);
});

test('a position in Kafka is an offset, little-endian', () => {
  expect(decodeKafkaPosition(Buffer.from('2c01000000000000', 'hex'))).toBe(300n);
});

test('a position inside a larger buffer is read at its place', () => {
  expect(decodeKafkaPosition(Buffer.from('ffff2c01000000000000ff', 'hex').subarray(2, 10))).toBe(300n);
});

test.each(['', '2c01', '0802100518002000300138004000'])('%j is a position of another queue', (hex) => {
  expect(decodeKafkaPosition(Buffer.from(hex, 'hex'))).toBeUndefined();
});
