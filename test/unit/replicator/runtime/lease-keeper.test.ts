import { describe, expect, test } from 'vitest';
import { CdcError } from '#shared/errors.ts';
import { StoreUnavailableError } from '#shared/store/task-store.ts';
import { LeaseKeeper } from '../../../../replicator/runtime/lease-keeper.ts';
import { sampleUpdate } from '../../../support/fakes/task-samples.ts';
import { LeaseBench, LOG, SETTINGS } from './leases.ts';
import { type Watched, watch } from './watch.ts';

const { leaseMs, renewMs, checkpointMs } = SETTINGS;
const NEVER = new AbortController().signal;
const AWAY = new StoreUnavailableError('away');

/** A job that keeps its lease and writes its account with it. */
class Holder {
  readonly bench: LeaseBench;
  readonly keeper: LeaseKeeper;
  readonly stop = new AbortController();
  readonly running: Watched<void>;
  urgent = false;
  /** How often the account was looked at. */
  looks = 0;
  /** Accounts that were made, and those that are known to be durable. */
  made = 0;
  readonly durable: number[] = [];
  /** When each call to renew reached the store. */
  readonly calls: number[] = [];
  /** What the store does with a renewal. */
  onRenew: () => void | Promise<void> = () => undefined;

  constructor(bench: LeaseBench) {
    this.bench = bench;
    const { store, clock } = bench;
    store.before = ({ verb }) => {
      if (verb !== 'renewLease') return undefined;
      this.calls.push(clock.monotonic());
      return this.onRenew();
    };
    this.keeper = new LeaseKeeper({
      store,
      clock,
      fence: bench.holder,
      settings: SETTINGS,
      log: LOG,
      takenAt: clock.monotonic(),
      account: () => {
        let serial = 0;
        this.looks++;
        return {
          urgent: this.urgent,
          update: () => {
            serial = ++this.made;
            return sampleUpdate({ watermark: String(serial) });
          },
          written: () => this.durable.push(serial),
        };
      },
    });
    this.running = watch(this.keeper.run(this.stop.signal));
  }

  static async make(): Promise<Holder> {
    const bench = await LeaseBench.make();
    await bench.take('holder');
    return new Holder(bench);
  }

  /** The code of what ended the keeper. */
  get failure(): unknown {
    const { error } = this.running;
    return error instanceof CdcError ? error.code : error;
  }
}

describe('writing', () => {
  test('an idle job writes only to renew', async () => {
    const holder = await Holder.make();
    await holder.bench.clock.advance(3 * renewMs + 500);
    expect(holder.calls).toEqual([renewMs, 2 * renewMs, 3 * renewMs]);
    expect((await holder.bench.run()).beat).toBe(1 + 3);
  });

  test('a job that makes progress writes at the pace of its checkpoints', async () => {
    const holder = await Holder.make();
    holder.urgent = true;
    await holder.bench.clock.advance(3 * checkpointMs + 500);
    expect(holder.calls).toEqual([checkpointMs, 2 * checkpointMs, 3 * checkpointMs]);
  });

  test('progress that begins between two renewals is written within the time of a checkpoint', async () => {
    const holder = await Holder.make();
    await holder.bench.clock.advance(checkpointMs + 300);
    holder.urgent = true;
    await holder.bench.clock.advance(checkpointMs);
    expect(holder.calls).toEqual([2 * checkpointMs]);
  });

  test('an idle job looks at its account once a checkpoint, and not all the time', async () => {
    const holder = await Holder.make();
    await holder.bench.clock.advance(10 * renewMs);
    expect(holder.looks).toBeLessThanOrEqual(1 + 10 * (renewMs / checkpointMs + 1));
  });

  test('whoever cannot wait gets a write at once, and many get one', async () => {
    const holder = await Holder.make();
    await holder.bench.clock.advance(100);
    for (let i = 0; i < 5; i++) holder.keeper.hurry();
    await holder.bench.clock.advance(0);
    expect(holder.calls).toEqual([100]);
    await holder.bench.clock.advance(renewMs);
    expect(holder.calls).toEqual([100, 100 + renewMs]);
  });

  test('a hurry during a write leads to another one, with a newer account', async () => {
    const holder = await Holder.make();
    holder.onRenew = () => holder.bench.clock.sleep(50);
    holder.keeper.hurry();
    await holder.bench.clock.advance(10);
    holder.keeper.hurry();
    await holder.bench.clock.advance(200);
    expect([holder.calls.length, holder.durable]).toEqual([2, [1, 2]]);
  });

  test('an account counts as durable only once its write has succeeded', async () => {
    const holder = await Holder.make();
    holder.onRenew = () => holder.bench.clock.sleep(50);
    holder.keeper.hurry();
    await holder.bench.clock.advance(49);
    expect(holder.durable).toEqual([]);
    await holder.bench.clock.advance(1);
    expect(holder.durable).toEqual([1]);
    expect((await holder.bench.run()).watermark).toBe('1');
  });

  test('the end of the lease is written for people to read', async () => {
    const holder = await Holder.make();
    holder.keeper.hurry();
    await holder.bench.clock.advance(0);
    const expected = new Date(holder.bench.clock.wall() + leaseMs).toISOString();
    expect((await holder.bench.run()).leaseExpiresAt).toBe(expected);
  });

  test('nothing is written once the job ends', async () => {
    const holder = await Holder.make();
    holder.stop.abort();
    await holder.bench.clock.advance(5 * renewMs);
    expect([holder.calls, holder.running.state]).toEqual([[], 'rejected']);
  });
});

describe('room', () => {
  test('is there at once while the lease lasts long enough', async () => {
    const holder = await Holder.make();
    const room = watch(holder.keeper.room(leaseMs, NEVER));
    await holder.bench.clock.advance(0);
    expect([room.state, holder.calls]).toEqual(['resolved', []]);
  });

  test('that is missing is made by a renewal at once', async () => {
    const holder = await Holder.make();
    await holder.bench.clock.advance(1_000);
    const room = watch(holder.keeper.room(leaseMs - 500, NEVER));
    await holder.bench.clock.advance(0);
    expect([room.state, holder.calls]).toEqual(['resolved', [1_000]]);
  });

  test('counts from before a renewal was sent, because the store counts from some moment after', async () => {
    const holder = await Holder.make();
    holder.onRenew = () => holder.bench.clock.sleep(4_000);
    holder.keeper.hurry();
    await holder.bench.clock.advance(4_000);
    expect(holder.durable).toEqual([1]);
    expect(holder.keeper.remainingMs).toBe(leaseMs - 4_000);
  });

  test('counts from before the lease was taken', async () => {
    const bench = await LeaseBench.make();
    const takenAt = bench.clock.monotonic();
    await bench.take('holder');
    await bench.clock.advance(2_500);
    const { store, clock, holder } = bench;
    const account = () => ({ urgent: false, update: () => sampleUpdate(), written: () => undefined });
    const keeper = new LeaseKeeper({
      store,
      clock,
      fence: holder,
      settings: SETTINGS,
      log: LOG,
      takenAt,
      account,
    });
    expect(keeper.remainingMs).toBe(leaseMs - 2_500);
  });

  test('is not there while the store does not answer, so nothing is sent', async () => {
    const holder = await Holder.make();
    holder.onRenew = () => new Promise(() => undefined);
    await holder.bench.clock.advance(leaseMs - SETTINGS.requestDeadlineMs + 1);
    const room = watch(holder.keeper.room(SETTINGS.requestDeadlineMs, NEVER));
    await holder.bench.clock.advance(10 * leaseMs);
    expect([room.state, holder.keeper.remainingMs < 0]).toEqual(['pending', true]);
  });

  test('that a slow renewal leaves too small is waited for until the next one', async () => {
    const holder = await Holder.make();
    let slow = true;
    holder.onRenew = async () => {
      if (slow) await holder.bench.clock.sleep(3_000);
      slow = false;
    };
    await holder.bench.clock.advance(1_000);
    const room = watch(holder.keeper.room(leaseMs - 500, NEVER));
    await holder.bench.clock.advance(2_999);
    expect(room.state).toBe('pending');
    await holder.bench.clock.advance(1);
    expect([room.state, holder.calls]).toEqual(['resolved', [1_000, 4_000]]);
  });

  test('is given to all who wait for it', async () => {
    const holder = await Holder.make();
    holder.onRenew = () => holder.bench.clock.sleep(20);
    await holder.bench.clock.advance(1_000);
    const rooms = [1, 2, 3].map(() => watch(holder.keeper.room(leaseMs - 500, NEVER)));
    await holder.bench.clock.advance(20);
    expect(rooms.map(({ state }) => state)).toEqual(['resolved', 'resolved', 'resolved']);
    expect(holder.calls).toHaveLength(1);
  });

  test('is not waited for any more when the job ends', async () => {
    const holder = await Holder.make();
    holder.onRenew = () => new Promise(() => undefined);
    const stop = new AbortController();
    const room = watch(holder.keeper.room(leaseMs + 1, stop.signal));
    await holder.bench.clock.advance(100);
    stop.abort(new Error('asked to stop'));
    await holder.bench.clock.advance(0);
    const late = watch(holder.keeper.room(1, stop.signal));
    await holder.bench.clock.advance(0);
    expect([String(room.error), String(late.error)]).toEqual([
      'Error: asked to stop',
      'Error: asked to stop',
    ]);
  });
});

describe('losing the lease', () => {
  test('to another job ends this one at its next write', async () => {
    const holder = await Holder.make();
    await holder.bench.launch({ confirmed: true });
    await holder.bench.take('successor');
    await holder.bench.clock.advance(renewMs);
    expect([holder.failure, holder.calls.length]).toEqual(['lease_lost', 1]);
  });

  test('and room that somebody waits for never comes', async () => {
    const holder = await Holder.make();
    await holder.bench.launch({ confirmed: true });
    await holder.bench.take('successor');
    const room = watch(holder.keeper.room(leaseMs + 1, NEVER));
    await holder.bench.clock.advance(5 * leaseMs);
    expect([holder.failure, room.state]).toEqual(['lease_lost', 'pending']);
  });
});

describe('while the store is away', () => {
  test('renewing is tried again until it is back, and no account is left out', async () => {
    const holder = await Holder.make();
    holder.onRenew = () => {
      throw AWAY;
    };
    await holder.bench.clock.advance(renewMs + 5_000);
    expect([holder.running.state, holder.durable]).toEqual(['pending', []]);
    holder.onRenew = () => undefined;
    await holder.bench.clock.advance(500);
    expect([holder.durable[0], holder.running.state]).toEqual([1, 'pending']);
    expect((await holder.bench.run()).watermark).toBe(String(holder.durable.at(-1)));
    expect(holder.calls.length).toBeGreaterThan(8);
  });

  test('the job goes on until the lease has run out, and no longer', async () => {
    const holder = await Holder.make();
    await holder.bench.clock.advance(renewMs);
    holder.onRenew = () => {
      throw AWAY;
    };
    await holder.bench.clock.advance(leaseMs - 1);
    expect(holder.running.state).toBe('pending');
    await holder.bench.clock.advance(1_000);
    expect(holder.failure).toBe('store_unavailable');
  });

  test('a renewal whose answer was lost is simply made again', async () => {
    const holder = await Holder.make();
    holder.bench.store.loseNextAnswer(AWAY, 'renewLease');
    await holder.bench.clock.advance(renewMs + 1_000);
    expect([holder.durable, holder.calls.length, holder.running.state]).toEqual([[1], 2, 'pending']);
  });
});
