import { expect, test } from 'vitest';
import { packPositions } from '#shared/task/positions.ts';
import { Advance } from '../../../../replicator/runtime/advance.ts';
import { SimClock } from '../../../support/fakes/sim-clock.ts';

const channels = (...ticks: readonly bigint[]) =>
  packPositions(
    ticks.map((tick, i) => ({
      ...{ channel: `c${i}`, logTag: '0'.repeat(16), offset: 0n, tick, horizon: 0n },
    })),
  );
const NONE = { advancedAt: undefined, watermark: undefined, channels: channels() };

/** Notes watermarks a second apart; answers at which seconds the checkpoint moved last. */
async function moves(
  before: ConstructorParameters<typeof Advance>[1],
  ...watermarks: readonly (bigint | 'idle' | undefined)[]
): Promise<(number | undefined)[]> {
  const clock = new SimClock();
  const start = clock.wall();
  const advance = new Advance(clock, before);
  const seconds: (number | undefined)[] = [];
  for (const watermark of watermarks) {
    await clock.advance(1_000);
    if (watermark === 'idle') advance.note(undefined, true);
    else advance.note(watermark, false);
    seconds.push(advance.at === undefined ? undefined : (Date.parse(advance.at) - start) / 1_000);
  }
  return seconds;
}

test('a checkpoint moves when its tick grows, and only then', async () => {
  expect(await moves(NONE, undefined, 5n, 5n, 6n, undefined, 6n)).toEqual([undefined, 2, 2, 4, 4, 4]);
});

test('a checkpoint that falls back moves when it grows from there', async () => {
  expect(await moves(NONE, 9n, 3n, 4n)).toEqual([1, 1, 3]);
});

test('a restart is no progress, whether its predecessor left a watermark or only positions', async () => {
  const before = {
    advancedAt: new Date(new SimClock().wall() - 7_000).toISOString(),
    channels: channels(5n, 8n),
  };
  expect(await moves({ ...before, watermark: '5' }, undefined, 5n, 6n)).toEqual([-7, -7, 3]);
  expect(await moves({ ...before, watermark: undefined }, undefined, 5n, 6n)).toEqual([-7, -7, 3]);
});

test('with nothing to follow a checkpoint is as far as it can be', async () => {
  expect(await moves(NONE, 'idle', 'idle', undefined)).toEqual([1, 2, 2]);
});
