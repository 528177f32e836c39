import { expect, test } from 'vitest';
import { TIMING } from '#shared/names.ts';

test('a job is renewed well within its lease and drains before it is forced, and that before the fleet kills it', () => {
  expect(TIMING.renewSeconds * 3).toBeLessThan(TIMING.leaseSeconds);
  expect(TIMING.drainSeconds).toBeLessThan(TIMING.forcedExitSeconds);
  expect(TIMING.forcedExitSeconds).toBeLessThan(TIMING.stopTimeoutSeconds);
});
