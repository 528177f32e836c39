import type { Timestamp } from './change.ts';

/** Everything the source did up to here is on the target, for all that is followed: the smallest tick of all cursors,
 *  and no newer than `catalogKnown`, the newest tick at the last successful reading of the catalog. Undefined until
 *  every cursor has met its first tick. */
export function watermark(
  cursors: Iterable<Timestamp>,
  catalogKnown: Timestamp | undefined,
): Timestamp | undefined {
  let smallest = catalogKnown;
  for (const tick of cursors) {
    if (tick === 0n) return undefined;
    if (smallest === undefined || tick < smallest) smallest = tick;
  }
  return smallest;
}
