import type { Timestamp } from '../engine/change.ts';

/** Milvus's timestamps: Unix milliseconds in the upper 46 bits, a counter within the millisecond in the lower 18. */
const LOGICAL_BITS = 18n;
const LOGICAL_MASK = (1n << LOGICAL_BITS) - 1n;

export interface HybridParts {
  readonly unixMs: number;
  readonly logical: number;
}

export function composeTimestamp(unixMs: number, logical = 0): Timestamp {
  return (BigInt(unixMs) << LOGICAL_BITS) | BigInt(logical);
}

export function splitTimestamp(timestamp: Timestamp): HybridParts {
  return { unixMs: unixMsOf(timestamp), logical: Number(timestamp & LOGICAL_MASK) };
}

export function unixMsOf(timestamp: Timestamp): number {
  return Number(timestamp >> LOGICAL_BITS);
}
