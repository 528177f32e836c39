import { describe, expect, test } from 'vitest';
import { FencedError, StoreUnavailableError } from '#shared/store/task-store.ts';
import { type Claimed, claimLease } from '../../../../replicator/runtime/lease-claim.ts';
import { sampleUpdate } from '../../../support/fakes/task-samples.ts';
import { LeaseBench, LOG, SETTINGS } from './leases.ts';
import { type Watched, watch } from './watch.ts';

/** The lease's length, the time of a request, the settle time. */
const PATIENCE_MS = 10_000 + 6_000 + 2_000;
/** A newcomer looks this often. */
const LOOK_MS = 500;

interface Newcomer {
  readonly generation?: number;
  readonly stop?: AbortController;
}

function claim(bench: LeaseBench, newcomer: Newcomer = {}): Watched<Claimed> {
  const { store, clock, task } = bench;
  return watch(
    claimLease({
      store,
      clock,
      taskId: task.id,
      incarnation: task.incarnation,
      generation: newcomer.generation ?? bench.generation,
      owner: 'newcomer',
      settings: SETTINGS,
      log: LOG,
      signal: (newcomer.stop ?? new AbortController()).signal,
    }),
  );
}

/** A newcomer before whom another job held the lease, and did with it what `story` tells. */
async function held(story: (bench: LeaseBench) => Promise<void>): Promise<LeaseBench> {
  const bench = await LeaseBench.make();
  await bench.take('holder');
  await story(bench);
  return bench;
}

/** How long after now the claim is made and how long after that nothing may be sent. */
async function claimedAfter(bench: LeaseBench, claiming: Watched<Claimed>): Promise<number[]> {
  const from = bench.clock.monotonic();
  for (let i = 0; i < 600 && claiming.state === 'pending'; i++) await bench.clock.advance(50);
  if (claiming.value === undefined) throw claiming.error ?? new Error('never claimed');
  const { takenAt, sendFrom } = claiming.value;
  return [takenAt - from, sendFrom - takenAt];
}

describe('the lease is taken at once', () => {
  test('when nobody ever held it, and then anything may be sent', async () => {
    const bench = await LeaseBench.make();
    const claiming = claim(bench);
    expect(await claimedAfter(bench, claiming)).toEqual([0, 0]);
    expect(claiming.value?.run).toMatchObject({ owner: 'newcomer', epoch: 1, released: 'no' });
  });

  test('when it was given back drained, and then anything may be sent', async () => {
    const bench = await held(async (b) => {
      await b.giveBack(b.holder, 'drained');
      await b.launch({ confirmed: false });
    });
    expect(await claimedAfter(bench, claim(bench))).toEqual([0, 0]);
  });

  test('when its holder is known to be dead; what that sent may still be executed for the settle time', async () => {
    const bench = await held((b) => b.launch({ confirmed: true }));
    expect(await claimedAfter(bench, claim(bench))).toEqual([0, SETTINGS.settleMs]);
  });

  test('when it was given back with requests in flight; they may still be sent and executed', async () => {
    const bench = await held(async (b) => {
      await b.giveBack(b.holder, 'undrained');
      await b.launch({ confirmed: false });
    });
    const waited = SETTINGS.requestDeadlineMs + SETTINGS.settleMs;
    expect(await claimedAfter(bench, claim(bench))).toEqual([0, waited]);
  });

  test('with the account that the very update found, horizons included', async () => {
    const bench = await held(async (b) => {
      await b.giveBack(b.holder, 'drained');
      await b.launch({ confirmed: true });
    });
    const claiming = claim(bench);
    await bench.clock.advance(0);
    expect(claiming.value?.run.channels).toEqual(sampleUpdate().channels);
    expect(claiming.value?.run.epoch).toBe(2);
  });
});

describe('while the holder may be alive', () => {
  test.each([
    ['nothing is known of its end', undefined],
    ['its end is not confirmed', { confirmed: false }],
    ['only the end of an older one is confirmed', { confirmed: true, generation: 0 }],
    ['only the end of a later one that never held it is confirmed', { confirmed: true, generation: 2 }],
  ])(
    'the newcomer waits as long as a lease, a request and its settling can take when %s',
    async (_, exit) => {
      const bench = await held((b) => b.launch(exit));
      const claiming = claim(bench);
      await bench.clock.advance(PATIENCE_MS - 1);
      expect(claiming.state).toBe('pending');
      await bench.clock.advance(LOOK_MS);
      expect(claiming.state).toBe('resolved');
      expect((claiming.value?.sendFrom ?? 0) - (claiming.value?.takenAt ?? 0)).toBe(0);
    },
  );

  test('each sign of life makes it wait anew', async () => {
    const bench = await held((b) => b.launch({ confirmed: false }));
    const claiming = claim(bench);
    for (let i = 0; i < 4; i++) {
      await bench.clock.advance(PATIENCE_MS - LOOK_MS);
      await bench.renew(bench.holder);
    }
    await bench.clock.advance(PATIENCE_MS - 1);
    expect(claiming.state).toBe('pending');
    await bench.clock.advance(2 * LOOK_MS);
    expect(claiming.state).toBe('resolved');
  });

  test('a sign of life in the very moment of the claim makes it wait anew', async () => {
    const bench = await held((b) => b.launch({ confirmed: false }));
    let late = true;
    bench.store.before = async ({ verb }) => {
      if (verb !== 'acquireLease' || !late) return;
      late = false;
      await bench.renew(bench.holder);
    };
    const claiming = claim(bench);
    await bench.clock.advance(PATIENCE_MS + LOOK_MS);
    expect([late, claiming.state]).toEqual([false, 'pending']);
    await bench.clock.advance(PATIENCE_MS - LOOK_MS);
    expect(claiming.state).toBe('pending');
    await bench.clock.advance(3 * LOOK_MS);
    expect(claiming.state).toBe('resolved');
  });

  test('a lease that is given back meanwhile is taken at the next look', async () => {
    const bench = await held((b) => b.launch({ confirmed: false }));
    const claiming = claim(bench);
    await bench.clock.advance(3_000);
    await bench.giveBack(bench.holder, 'drained');
    await bench.clock.advance(LOOK_MS);
    expect(claiming.state).toBe('resolved');
    expect(claiming.value?.sendFrom).toBe(claiming.value?.takenAt);
  });

  test('its own clock counts, not the time that the holder wrote', async () => {
    const bench = await held(async (b) => {
      await b.store.renewLease(b.holder, {
        ...(await b.run()),
        leaseExpiresAt: '1999-01-01T00:00:00.000Z',
      });
      await b.launch({ confirmed: false });
    });
    const claiming = claim(bench);
    await bench.clock.advance(PATIENCE_MS - 1);
    expect(claiming.state).toBe('pending');
  });
});

describe('a job that is not the one to run the task', () => {
  const why = ({ error }: Watched<Claimed>) => (error instanceof FencedError ? error.why : error);

  test('is refused when a newer launch is the current one', async () => {
    const bench = await LeaseBench.make();
    await bench.launch();
    const claiming = claim(bench, { generation: 1 });
    await bench.clock.advance(0);
    expect(why(claiming)).toBe('launch');
  });

  test('is refused when a newer launch comes while it waits', async () => {
    const bench = await held((b) => b.launch({ confirmed: false }));
    const claiming = claim(bench);
    await bench.clock.advance(5_000);
    expect(claiming.state).toBe('pending');
    await bench.launch();
    await bench.clock.advance(LOOK_MS);
    expect(why(claiming)).toBe('launch');
  });

  test('is refused when the task is not wanted Running', async () => {
    const bench = await LeaseBench.make();
    await bench.store.setDesired(bench.task, 'Paused', 'the user asked');
    const claiming = claim(bench);
    await bench.clock.advance(0);
    expect(why(claiming)).toBe('task');
  });

  test('stops waiting when it is asked to stop', async () => {
    const bench = await held((b) => b.launch({ confirmed: false }));
    const stop = new AbortController();
    const claiming = claim(bench, { stop });
    await bench.clock.advance(5_000);
    stop.abort(new Error('asked to stop'));
    await bench.clock.advance(0);
    expect([claiming.state, String(claiming.error)]).toEqual(['rejected', 'Error: asked to stop']);
  });
});

describe('while the store is away', () => {
  test('the claim is tried again, less and less often, until it is back', async () => {
    const bench = await LeaseBench.make();
    let tries = 0;
    bench.store.before = ({ verb }) => {
      if (verb === 'getRun') tries++;
      throw new StoreUnavailableError('away');
    };
    const claiming = claim(bench);
    await bench.clock.advance(60_000);
    expect(claiming.state).toBe('pending');
    expect(tries).toBeLessThan(60);
    bench.store.before = undefined;
    await bench.clock.advance(2_000);
    expect(claiming.state).toBe('resolved');
  });

  test('the patience with a silent holder goes on', async () => {
    const bench = await held((b) => b.launch({ confirmed: false }));
    const claiming = claim(bench);
    await bench.clock.advance(LOOK_MS);
    bench.store.before = () => {
      throw new StoreUnavailableError('away');
    };
    await bench.clock.advance(PATIENCE_MS);
    bench.store.before = undefined;
    await bench.clock.advance(2_000);
    expect(claiming.state).toBe('resolved');
  });

  test('a claim whose answer was lost is repeated soon, and what it has to wait for is not forgotten', async () => {
    const bench = await held((b) => b.launch({ confirmed: true }));
    bench.store.loseNextAnswer(new StoreUnavailableError('timeout'), 'acquireLease');
    const claiming = claim(bench);
    await bench.clock.advance(1_000);
    expect(claiming.state).toBe('resolved');
    const { takenAt, sendFrom, run } = claiming.value!;
    expect([takenAt, sendFrom, run.owner, run.epoch]).toEqual([0, SETTINGS.settleMs, 'newcomer', 2]);
  });

  test('a failure of another kind is not tried again', async () => {
    const bench = await LeaseBench.make();
    bench.store.failNext(new Error('corrupt'), 'getRun');
    const claiming = claim(bench);
    await bench.clock.advance(0);
    expect(String(claiming.error)).toBe('Error: corrupt');
  });
});
