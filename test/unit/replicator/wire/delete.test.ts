import { fromBinary } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';
import { encodeDelete, keysExpression } from '../../../../replicator/wire/delete.ts';
import { DeleteRequestSchema } from '../../../../replicator/wire/gen/milvus_pb.ts';

test('a delete names its keys in an expression', () => {
  const request = encodeDelete({
    database: 'db',
    collection: 'c',
    partition: 'p',
    keyField: 'id',
    keys: [1n, -2n],
  });
  expect(fromBinary(DeleteRequestSchema, request)).toMatchObject({
    dbName: 'db',
    collectionName: 'c',
    partitionName: 'p',
    expr: 'id in [1,-2]',
  });
});

test.each([
  ['plain', '"plain"'],
  ['', '""'],
  ['say "hi"', String.raw`"say \"hi\""`],
  ["it's", `"it's"`],
  ['back\\slash', String.raw`"back\\slash"`],
  ['two\nlines\r', String.raw`"two\nlines\r"`],
  ['tab\there', '"tab\there"'],
  ['ü 漢字 🚀', '"ü 漢字 🚀"'],
])('the key %j is the literal %s', (key, literal) => {
  expect(keysExpression('id', [key])).toBe(`id in [${literal}]`);
});

test('the smallest int64 is written as a difference: Milvus cannot parse its digits', () => {
  expect(keysExpression('id', [-(2n ** 63n), 2n ** 63n - 1n])).toBe(
    'id in [-9223372036854775807-1,9223372036854775807]',
  );
});

test('fails without keys: an empty list would not be what was meant', () => {
  expect(() => keysExpression('id', [])).toThrow(RangeError);
});
