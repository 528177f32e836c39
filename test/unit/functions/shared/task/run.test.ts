import { expect, test } from 'vitest';
import { countersSchema } from '#shared/task/run.ts';
import { sampleUpdate } from '../../../../support/fakes/task-samples.ts';

test('a counter that an older job did not know counts from 0', () => {
  const { rowsOfDroppedCollections: _, ...older } = sampleUpdate().counters;
  expect(countersSchema.parse(older)).toEqual({ ...older, rowsOfDroppedCollections: 0 });
});
