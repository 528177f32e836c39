import { expect, test } from 'vitest';
import { parseTargetPattern } from '#shared/target-rules.ts';
import { checkAllowed } from '../../../../functions/cdc/allowed-target.ts';

const check = (uri: string, ...patterns: string[]) =>
  checkAllowed(
    uri,
    patterns.map((text) => parseTargetPattern(text)!),
  );

test('any target is allowed where none is listed', () => {
  expect(() => check('http://anywhere:19530')).not.toThrow();
});

test.each([
  ['http://milvus.example.com:19530/db', '*.example.com'],
  ['http://10.1.2.3:19530', '10.0.0.0/8'],
  ['http://[fd12::1]:19530', 'fd00::/8'],
  ['https://zilliz.example.com:443', '*.example.com:443'],
  ['http://milvus:80', 'milvus:80'],
])('%s is allowed by %s', (uri, pattern) => {
  expect(() => check(uri, 'another', pattern)).not.toThrow();
});

test.each([
  ['http://milvus.example.com:19530', 'milvus.example.com:19530'],
  ['https://milvus.example.com:443', 'milvus.example.com:443'],
  ['http://[fd12::1]:19530', '[fd12::1]:19530'],
])('%s is refused with what is allowed, and the code 400', (uri, where) => {
  expect(() => check(uri, '10.0.0.0/8', 'other')).toThrow(
    expect.objectContaining({
      code: 400,
      message: `the target ${where} is not allowed here, allowedTargets has [10.0.0.0/8 other]`,
    }),
  );
});
