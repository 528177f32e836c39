/** Low bits of a hybrid timestamp that count within its millisecond. */
const LOGICAL_BITS = 18n;

/** The wall-clock part of a hybrid timestamp, in milliseconds since the epoch. */
export function tickMillis(tick: bigint): number {
  return Number(tick >> LOGICAL_BITS);
}

/** The hybrid timestamp at the start of a millisecond. */
export function tickAt(millis: number): bigint {
  return BigInt(millis) << LOGICAL_BITS;
}
