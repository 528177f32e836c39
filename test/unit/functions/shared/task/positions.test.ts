import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ChannelPosition, logTag, packPositions, unpackPositions } from '#shared/task/positions.ts';

const number = fc.oneof(fc.bigInt(0n, 2n ** 64n - 1n), fc.bigInt(0n, 300n), fc.bigInt(0n, 2n ** 80n));
const position: fc.Arbitrary<ChannelPosition> = fc.record({
  channel: fc.oneof(
    fc.nat(40).map((n) => `by-dev-rootcoord-dml_${n}`),
    fc.string({ unit: 'binary' }),
    fc.string({ unit: fc.constantFrom('😀', '😁', 'a') }),
  ),
  logTag: fc.string().map(logTag),
  offset: number,
  tick: number,
  horizon: number,
});
const positions = fc.uniqueArray(position, { selector: (p) => p.channel, maxLength: 40 });

const byName = (a: ChannelPosition, b: ChannelPosition) => (a.channel < b.channel ? -1 : 1);

describe('packed positions', () => {
  test('hold every position exactly', () => {
    fc.assert(
      fc.property(positions, (all) => {
        expect(unpackPositions(packPositions(all))).toEqual(all.toSorted(byName));
      }),
    );
  });

  test('do not depend on the order they were given in', () => {
    fc.assert(
      fc.property(positions, (all) => {
        expect(packPositions(all.toReversed())).toEqual(packPositions(all));
      }),
    );
  });

  test('of a new task are none', () => {
    expect(unpackPositions(new Uint8Array())).toEqual([]);
    expect(unpackPositions(packPositions([]))).toEqual([]);
  });

  test('that were cut or lengthened are refused', () => {
    fc.assert(
      fc.property(positions, fc.nat(), (all, cut) => {
        const packed = packPositions(all);
        const short = packed.subarray(0, 1 + (cut % (packed.length - 1 || 1)));
        if (short.length < packed.length) expect(() => unpackPositions(short)).toThrow();
        expect(() => unpackPositions(Uint8Array.of(...packed, 0))).toThrow();
      }),
    );
  });

  test('of a format that is not known are refused', () => {
    expect(() => unpackPositions(Uint8Array.of(2, 0, 0))).toThrow('unknown format');
  });

  test('refuse negative numbers and what is no tag of a log', () => {
    const good = { channel: 'c', logTag: logTag('l'), offset: 1n, tick: 1n, horizon: 1n };
    for (const member of ['offset', 'tick', 'horizon']) {
      expect(() => packPositions([{ ...good, [member]: -1n }])).toThrow(RangeError);
    }
    expect(() => packPositions([{ ...good, logTag: 'abc' }])).toThrow(RangeError);
    expect(() => packPositions([{ ...good, logTag: '' }])).toThrow(RangeError);
  });

  test('cost about 22 bytes a channel as they are in practice', () => {
    const tick = (1_900_000_000_000n << 18n) + 5n;
    const usual = Array.from({ length: 32 }, (_, i) => ({
      channel: `by-dev-rootcoord-dml_${i}`,
      logTag: logTag(`topic ${i}`),
      offset: 3_000_000_000n + BigInt(i) * 7n,
      tick: tick + (BigInt(i * 37) << 18n),
      horizon: tick + (BigInt(3_000 + i * 37) << 18n),
    }));
    expect(packPositions(usual).length / 32).toBeLessThan(24);
  });
});

test('a tag is 16 hex digits that depend on nothing but the identity', () => {
  expect(logTag('a')).toMatch(/^[0-9a-f]{16}$/);
  expect(logTag('a')).toBe(logTag('a'));
  expect(logTag('a')).not.toBe(logTag('b'));
});
