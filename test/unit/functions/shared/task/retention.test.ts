import { expect, test } from 'vitest';
import { retentionWarnings } from '#shared/task/retention.ts';

const HOUR = 3_600_000;

test('a log that is kept for a day, or for ever, is no reason to warn', () => {
  expect(retentionWarnings({ ms: 24 * HOUR, bytes: null })).toEqual([]);
  expect(retentionWarnings({ ms: null, bytes: null })).toEqual([]);
});

test('a log that is kept for less than a day is warned of with the setting to change', () => {
  expect(retentionWarnings({ ms: 1.5 * HOUR, bytes: null })).toEqual([
    expect.stringMatching(/for 1\.5 h only: .*retention\.ms/),
  ]);
});

test('a log that is cut by size is warned of', () => {
  expect(retentionWarnings({ ms: 48 * HOUR, bytes: 1_000 })).toEqual([
    expect.stringMatching(/retention\.bytes 1000.*than its 48 h say/),
  ]);
  expect(retentionWarnings({ ms: null, bytes: 1_000 })).toHaveLength(1);
});
