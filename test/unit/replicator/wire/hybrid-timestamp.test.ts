import { expect, test } from 'vitest';
import { composeTimestamp, splitTimestamp, unixMsOf } from '../../../../replicator/wire/hybrid-timestamp.ts';

test.each([
  [1_700_000_000_000, 0, 445_644_800_000_000_000n],
  [1_700_000_000_000, 5, 445_644_800_000_000_005n],
  [0, 262_143, 262_143n],
])('%i ms and counter %i are one number', (unixMs, logical, timestamp) => {
  expect(composeTimestamp(unixMs, logical)).toBe(timestamp);
  expect(splitTimestamp(timestamp)).toEqual({ unixMs, logical });
  expect(unixMsOf(timestamp)).toBe(unixMs);
});
