import { expect, test } from 'vitest';
import { maskUri, redact, withoutUserInfo } from '../../../../functions/cdc/mask.ts';

test.each([
  ['http://h:1/db', 'http://h:1/db'],
  ['http://u:p@h:1', 'http://***@h:1'],
  ['u:p@h:1', '***@h:1'],
  ['http://u:p/w@rd@h:1/db', 'http://***@h:1/db'],
  ['http://h:1/?token=abc&x=1', 'http://h:1/?token=***&x=1'],
  ['http://h:1/?api_key=abc#f', 'http://h:1/?api_key=***#f'],
  ['', ''],
])('%s is shown as %s', (uri, shown) => {
  expect(maskUri(uri)).toBe(shown);
});

test('a target is compared without its user-info', () => {
  expect(withoutUserInfo('https://u:p@h:1/')).toBe('https://h:1/');
});

test('known secrets are taken out of a text, the longest first', () => {
  expect(redact('user rooty with rooty:Milvus', ['rooty', 'rooty:Milvus', 'a', undefined])).toBe(
    'user *** with ***',
  );
});
