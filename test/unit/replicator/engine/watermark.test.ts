import { expect, test } from 'vitest';
import { watermark } from '../../../../replicator/engine/watermark.ts';

test.each([
  { name: 'is the smallest tick of all cursors', cursors: [30n, 10n, 20n], known: undefined, is: 10n },
  { name: 'is no newer than the last look at the catalog', cursors: [30n, 20n], known: 15n, is: 15n },
  { name: 'does not run ahead to that look', cursors: [30n, 20n], known: 40n, is: 20n },
  {
    name: 'is unknown while one cursor has met no tick',
    cursors: [30n, 0n, 20n],
    known: undefined,
    is: undefined,
  },
  { name: 'is unknown then whatever the catalog says', cursors: [0n], known: 40n, is: undefined },
  { name: 'is unknown without any cursor', cursors: [], known: undefined, is: undefined },
  { name: 'is the last look when nothing is followed', cursors: [], known: 40n, is: 40n },
])('the watermark $name', ({ cursors, known, is }) => {
  expect(watermark(cursors, known)).toBe(is);
});
