import { expect, test } from 'vitest';
import {
  clientTokenOf,
  familyOf,
  incarnationOf,
  logPrefixOf,
  tagValueOf,
} from '#shared/fleet/ecs/ecs-names.ts';

const LIFE = '0123456789abcdef0123456789abcdef';

test('a family tells the life that it is for, whatever the release', () => {
  const families = ['arn:1', 'arn:2'].map((release) => familyOf('stack', LIFE, release));
  expect(new Set(families).size).toBe(2);
  for (const family of families) expect(incarnationOf('stack', family)).toBe(LIFE);
});

test.each([
  ['another stack whose name begins alike', familyOf('stack-b', LIFE, 'arn')],
  ['another stack whose name ends alike', familyOf('my-stack', LIFE, 'arn')],
  ['the task definition of the stack itself', 'stack-replicator'],
  ['no release', `stack-${LIFE}`],
])('a family of %s is not ours', (_, family) => {
  expect(incarnationOf('stack', family)).toBeUndefined();
});

test('a client token is one per launch and fits', () => {
  const tokens = [
    clientTokenOf('a', 1),
    clientTokenOf('a', 2),
    clientTokenOf('b', 1),
    clientTokenOf('a', 11),
  ];
  expect(new Set(tokens).size).toBe(tokens.length);
  for (const token of tokens) expect(token).toMatch(/^[\x21-\x7e]{1,64}$/);
  expect(clientTokenOf('a', 1)).toBe(tokens[0]);
});

test('ids that log streams cannot be called by stay apart', () => {
  expect(logPrefixOf('orders-1.a_b')).toBe('orders-1.a_b');
  const ids = ['a:b', 'a*b', 'a b', 'a/b', 'a_b', 'x'.repeat(256), 'x'.repeat(255), ''];
  const prefixes = ids.map(logPrefixOf);
  expect(new Set(prefixes).size).toBe(ids.length);
  for (const prefix of prefixes) expect(prefix).toMatch(/^[\w.-]{0,128}$/);
});

test('a tag keeps what tags may hold', () => {
  expect(tagValueOf('Größe 1/2: a@b+c=d_e.f-g')).toBe('Größe 1/2: a@b+c=d_e.f-g');
  expect(tagValueOf('a*b;c\u{1F600}d')).toBe('a_b_c_d');
  expect(tagValueOf('x'.repeat(300))).toHaveLength(256);
});
