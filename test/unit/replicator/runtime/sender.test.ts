import { describe, expect, test } from 'vitest';
import type { Key } from '../../../../replicator/engine/change.ts';
import { Horizon } from '../../../../replicator/engine/horizon.ts';
import { Lane, type LaneRequest, type Op } from '../../../../replicator/engine/lane.ts';
import { LeaseKeeper } from '../../../../replicator/runtime/lease-keeper.ts';
import { Sender, type SendLane, writesOf } from '../../../../replicator/runtime/sender.ts';
import type { Settings } from '../../../../replicator/runtime/settings.ts';
import { JobStatus } from '../../../../replicator/runtime/status.ts';
import type { Answer, Target, WriteRequest } from '../../../../replicator/target/target.ts';
import { sampleUpdate } from '../../../support/fakes/task-samples.ts';
import { CountedHold, rowsOf } from '../engine/records.ts';
import { LeaseBench, LOG, SETTINGS } from './leases.ts';
import { watch } from './watch.ts';

const APPLIED: Answer = { kind: 'applied' };
const BUSY: Answer = { kind: 'rejected', retryable: true, code: 8, message: 'rate limit' };
const REFUSED: Answer = { kind: 'rejected', retryable: false, code: 1100, message: 'invalid parameter' };
const OPEN: Answer = { kind: 'ambiguous', message: 'deadline exceeded' };
const { settleMs } = SETTINGS;
/** More than the first pause of a backoff. */
const PAUSE_MS = 250;

/** One write that reached the target, in words, and when. */
interface Sent {
  readonly what: string;
  readonly at: number;
  readonly deadlineMs: number;
  readonly answer: (answer: Answer) => void;
}

/** A target that answers when the test says so. */
class Script {
  readonly sent: Sent[] = [];
  /** What is answered at once; without any, the write stays in flight. */
  readonly answers: Answer[] = [];
  fault: Error | undefined;
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  get what(): string[] {
    return this.sent.map((write) => write.what);
  }

  write(request: WriteRequest, deadlineMs: number): Promise<Answer> {
    if (this.fault !== undefined) throw this.fault;
    const { promise, resolve } = Promise.withResolvers<Answer>();
    const keys = request.kind === 'delete' ? request.keys : request.parts.flatMap((part) => part.keys(100));
    const what = `${request.kind} ${request.collection} ${keys.join()}`;
    this.sent.push({ what, at: this.#now(), deadlineMs, answer: resolve });
    const next = this.answers.shift();
    if (next !== undefined) resolve(next);
    return promise;
  }
}

class FakeLane implements SendLane {
  readonly lane: Lane;
  readonly address;
  filling = false;
  stopped = false;
  readonly refusals: string[] = [];
  applications = 0;
  readonly #horizon = new Horizon(1_000n);

  constructor(name: string, maxBytes: number) {
    this.address = { database: 'default', collection: name, keyField: 'id', omit: new Set<string>() };
    this.lane = new Lane({ maxBytes, maxDeleteKeys: 100 });
  }

  add(kind: Op['kind'], ...keys: readonly Key[]): CountedHold {
    const hold = new CountedHold();
    const rows = kind === 'delete' ? undefined : rowsOf(keys);
    const bytes = keys.length * 10;
    this.lane.add({ kind, timestamp: 1n, partition: undefined, rows, keys, bytes, hold }, this.#horizon);
    return hold;
  }

  refused(_request: LaneRequest, code: number, message: string): void {
    this.stopped = true;
    this.refusals.push(`${code} ${message}`);
  }

  applied(): void {
    this.applications++;
  }
}

interface Options {
  readonly settings?: Partial<Settings>;
  readonly notBefore?: number;
  /** Whether the lease is renewed. */
  readonly keepsLease?: boolean;
}

/** A sender between lanes and a scripted target. */
class Bench {
  readonly clock;
  readonly script;
  readonly sender: Sender;
  readonly status;
  readonly stop = new AbortController();
  readonly errors: unknown[] = [];
  readonly keeper: LeaseKeeper;

  constructor(lease: LeaseBench, { settings = {}, notBefore = 0, keepsLease = true }: Options) {
    const { clock, store, holder } = lease;
    const all = { ...SETTINGS, ...settings };
    this.clock = clock;
    this.script = new Script(() => clock.monotonic());
    this.status = new JobStatus(clock);
    this.status.phase = 'streaming';
    const account = () => ({ urgent: false, update: () => sampleUpdate(), written: () => undefined });
    const common = { clock, settings: all, log: LOG };
    this.keeper = new LeaseKeeper({ ...common, store, fence: holder, takenAt: clock.monotonic(), account });
    if (keepsLease) watch(this.keeper.run(this.stop.signal));
    const { script } = this;
    const target: Pick<Target, 'write'> = { write: async (request, ms) => script.write(request, ms) };
    this.sender = new Sender({
      ...common,
      target: target as Target,
      lease: this.keeper,
      status: this.status,
      notBefore,
      signal: this.stop.signal,
      onError: (error) => this.errors.push(error),
    });
  }

  static async make(options: Options = {}): Promise<Bench> {
    const lease = await LeaseBench.make();
    await lease.take('holder');
    return new Bench(lease, options);
  }

  lane(name = 'c', maxBytes = 1): FakeLane {
    const lane = new FakeLane(name, maxBytes);
    this.sender.add(lane);
    return lane;
  }

  async kick(): Promise<void> {
    this.sender.kick();
    await this.clock.advance(0);
  }
}

describe('a request that is applied', () => {
  test('lets go of its windows, frees its keys and is counted', async () => {
    const bench = await Bench.make();
    const lane = bench.lane('c', 1_000);
    const hold = lane.add('insert', 1n, 2n);
    bench.script.answers.push(APPLIED);
    await bench.kick();
    expect([bench.script.what, hold.released, lane.lane.idle, lane.applications]).toEqual([
      ['insert c 1,2'],
      1,
      true,
      1,
    ]);
    expect(bench.status.counters).toMatchObject({ requests: 1, rowsInserted: 2, bytes: 20, retries: 0 });
  });

  test('is counted by what was done', async () => {
    const bench = await Bench.make();
    const lane = bench.lane();
    lane.add('delete', 1n);
    lane.add('upsert', 2n);
    lane.add('replace', 3n, 3n);
    bench.script.answers.push(APPLIED, APPLIED, APPLIED, APPLIED);
    await bench.kick();
    expect(bench.status.counters).toMatchObject({
      requests: 3,
      keysDeleted: 1,
      rowsUpserted: 3,
      rowsInserted: 0,
    });
  });

  test('carries the deadline that fits into the lease', async () => {
    const bench = await Bench.make({ settings: { requestDeadlineMs: 1_234 } });
    bench.lane().add('insert', 1n);
    await bench.kick();
    expect(bench.script.sent[0]?.deadlineMs).toBe(1_234);
  });

  test('makes way for the next one by itself', async () => {
    const bench = await Bench.make({ settings: { requestsInFlight: 1 } });
    const lane = bench.lane();
    lane.add('insert', 1n);
    lane.add('insert', 2n);
    await bench.kick();
    expect(bench.script.what).toEqual(['insert c 1']);
    bench.script.sent[0]?.answer(APPLIED);
    await bench.clock.advance(0);
    expect(bench.script.what).toEqual(['insert c 1', 'insert c 2']);
  });
});

describe('a request that was certainly not executed', () => {
  test('is sent again as it is, after a pause that grows', async () => {
    const bench = await Bench.make();
    bench.lane().add('insert', 1n);
    bench.script.answers.push(BUSY, BUSY, BUSY, APPLIED);
    await bench.kick();
    await bench.clock.advance(10_000);
    expect(bench.script.what).toEqual(Array.from({ length: 4 }, () => 'insert c 1'));
    const pauses = bench.script.sent.slice(1).map(({ at }, i) => at - (bench.script.sent[i]?.at ?? 0));
    expect(pauses).toEqual([150, 300, 600]);
    expect(bench.status.counters).toMatchObject({ rowsInserted: 1, retries: 3, ambiguous: 0 });
  });

  test('keeps its keys meanwhile', async () => {
    const bench = await Bench.make();
    const lane = bench.lane();
    lane.add('insert', 1n);
    lane.add('delete', 1n);
    bench.script.answers.push(BUSY);
    await bench.kick();
    expect([bench.script.what, bench.sender.inFlight]).toEqual([['insert c 1'], 1]);
  });

  test('shows why the job is retrying, until it is taken', async () => {
    const bench = await Bench.make();
    bench.lane().add('insert', 1n);
    bench.script.answers.push(BUSY, APPLIED);
    await bench.kick();
    expect([bench.status.phase, bench.status.reason]).toEqual([
      'retrying',
      { code: 'target_unavailable', message: 'rate limit' },
    ]);
    await bench.clock.advance(PAUSE_MS);
    expect([bench.status.phase, bench.status.reason]).toEqual(['streaming', undefined]);
  });
});

describe('a request that may still be executed', () => {
  test('settles, with its keys blocked, and is then sent as an upsert', async () => {
    const bench = await Bench.make();
    const lane = bench.lane();
    lane.add('insert', 1n);
    lane.add('delete', 1n);
    bench.script.answers.push(OPEN);
    await bench.kick();
    await bench.clock.advance(settleMs - 1);
    expect(bench.script.what).toEqual(['insert c 1']);
    await bench.clock.advance(PAUSE_MS);
    expect(bench.script.what).toEqual(['insert c 1', 'upsert c 1']);
    expect((bench.script.sent[1]?.at ?? 0) - (bench.script.sent[0]?.at ?? 0)).toBeGreaterThanOrEqual(
      settleMs,
    );
    bench.script.sent[1]?.answer(APPLIED);
    await bench.clock.advance(0);
    expect(bench.script.what.at(-1)).toBe('delete c 1');
    expect(bench.status.counters).toMatchObject({ ambiguous: 1, rowsUpserted: 1, rowsInserted: 0 });
  });

  test('does not hold up other keys', async () => {
    const bench = await Bench.make();
    const lane = bench.lane();
    lane.add('insert', 1n);
    lane.add('insert', 2n);
    bench.script.answers.push(OPEN, APPLIED);
    await bench.kick();
    expect([lane.applications, bench.sender.inFlight]).toEqual([1, 1]);
  });

  test('is deleted and inserted where it holds a key twice, one after the other', async () => {
    const bench = await Bench.make();
    bench.lane().add('insert', 1n, 1n);
    bench.script.answers.push(OPEN);
    await bench.kick();
    await bench.clock.advance(settleMs + PAUSE_MS);
    expect(bench.script.what).toEqual(['insert c 1,1', 'delete c 1,1']);
    bench.script.sent[1]?.answer(APPLIED);
    await bench.clock.advance(0);
    expect(bench.script.what).toEqual(['insert c 1,1', 'delete c 1,1', 'insert c 1,1']);
  });

  test('is never an insert again, whatever is answered next', async () => {
    const bench = await Bench.make();
    bench.lane().add('insert', 1n);
    bench.script.answers.push(OPEN, BUSY, OPEN, APPLIED);
    await bench.kick();
    await bench.clock.advance(3 * settleMs + 5_000);
    expect(bench.script.what).toEqual(['insert c 1', 'upsert c 1', 'upsert c 1', 'upsert c 1']);
  });

  test.each(['delete', 'upsert'] as const)('is sent again as it is when it is a %s', async (kind) => {
    const bench = await Bench.make();
    bench.lane().add(kind, 1n);
    bench.script.answers.push(OPEN, APPLIED);
    await bench.kick();
    await bench.clock.advance(settleMs + PAUSE_MS);
    expect(bench.script.what).toEqual([`${kind} c 1`, `${kind} c 1`]);
  });
});

describe('a replace', () => {
  test('begins anew when its insert stays open', async () => {
    const bench = await Bench.make();
    const lane = bench.lane();
    lane.add('replace', 1n, 1n);
    bench.script.answers.push(APPLIED, OPEN, APPLIED, APPLIED);
    await bench.kick();
    expect([bench.script.what, lane.applications]).toEqual([['delete c 1,1', 'insert c 1,1'], 0]);
    await bench.clock.advance(settleMs + PAUSE_MS);
    expect(bench.script.what.slice(2)).toEqual(['delete c 1,1', 'insert c 1,1']);
    expect(lane.applications).toBe(1);
  });

  test('inserts nothing while its delete stays open', async () => {
    const bench = await Bench.make();
    bench.lane().add('replace', 1n, 1n);
    bench.script.answers.push(OPEN, APPLIED, APPLIED);
    await bench.kick();
    await bench.clock.advance(settleMs + PAUSE_MS);
    expect(bench.script.what).toEqual(['delete c 1,1', 'delete c 1,1', 'insert c 1,1']);
  });
});

describe('a request that the target refuses', () => {
  test('is told to its collection with code and sentence, and keeps its window and keys', async () => {
    const bench = await Bench.make();
    const lane = bench.lane();
    const hold = lane.add('insert', 1n);
    lane.add('delete', 1n);
    bench.script.answers.push(REFUSED);
    await bench.kick();
    expect([lane.refusals, hold.released, lane.applications]).toEqual([['1100 invalid parameter'], 0, 0]);
    expect([bench.script.what, bench.sender.inFlight, bench.errors]).toEqual([['insert c 1'], 0, []]);
  });

  test('stops its own lane only', async () => {
    const bench = await Bench.make({ settings: { requestsInFlight: 1 } });
    const [bad, good] = [bench.lane('bad'), bench.lane('good')];
    bad.add('insert', 1n);
    bad.add('insert', 2n);
    good.add('insert', 1n);
    bench.script.answers.push(REFUSED, APPLIED);
    await bench.kick();
    await bench.clock.advance(10_000);
    expect(bench.script.what).toEqual(['insert bad 1', 'insert good 1']);
  });

  test('is one that gets the same sentence again and again, too', async () => {
    const bench = await Bench.make();
    const lane = bench.lane();
    lane.add('insert', 1n);
    const sentence: Answer = { kind: 'ambiguous', code: 65_535, message: 'no' };
    bench.script.answers.push(...Array.from({ length: 10 }, () => sentence));
    await bench.kick();
    await bench.clock.advance(120_000);
    expect([bench.script.sent.length, lane.refusals]).toEqual([6, ['65535 no']]);
  });

  test('is not one that gets it with something else in between', async () => {
    const bench = await Bench.make();
    const lane = bench.lane();
    lane.add('insert', 1n);
    const gone: Answer = { kind: 'rejected', retryable: false, code: 100, message: 'collection not found' };
    bench.script.answers.push(gone, gone, gone, BUSY, gone, gone, gone, gone, gone, APPLIED);
    await bench.kick();
    await bench.clock.advance(120_000);
    expect([lane.refusals, lane.applications]).toEqual([[], 1]);
  });
});

describe('how much is in flight', () => {
  test('is limited', async () => {
    const bench = await Bench.make({ settings: { requestsInFlight: 2 } });
    const lane = bench.lane();
    for (let key = 1n; key <= 5n; key++) lane.add('insert', key);
    await bench.kick();
    expect([bench.script.sent.length, bench.sender.inFlight]).toEqual([2, 2]);
    bench.script.sent[1]?.answer(APPLIED);
    await bench.clock.advance(0);
    expect([bench.script.sent.length, bench.sender.inFlight]).toEqual([3, 2]);
  });

  test('is shared between the lanes by turns', async () => {
    const bench = await Bench.make({ settings: { requestsInFlight: 1 } });
    const [busy, quiet] = [bench.lane('busy'), bench.lane('quiet')];
    for (let key = 1n; key <= 5n; key++) busy.add('insert', key);
    quiet.add('insert', 1n);
    bench.script.answers.push(...Array.from({ length: 6 }, () => APPLIED));
    await bench.kick();
    expect(bench.script.what.indexOf('insert quiet 1')).toBeLessThan(2);
    expect(bench.script.sent).toHaveLength(6);
  });

  test('is nothing from a lane that is stopped or was taken away', async () => {
    const bench = await Bench.make();
    const [stopped, away] = [bench.lane('stopped'), bench.lane('away')];
    stopped.add('insert', 1n);
    away.add('insert', 1n);
    stopped.stopped = true;
    bench.sender.remove(away);
    await bench.kick();
    expect(bench.script.sent).toEqual([]);
  });

  test('is a full request at a time while the log holds more, or a partial one when nothing else is', async () => {
    const bench = await Bench.make();
    const lane = bench.lane('c', 20);
    lane.filling = true;
    lane.add('insert', 1n);
    await bench.kick();
    expect(bench.script.what).toEqual(['insert c 1']);
    lane.add('insert', 2n);
    await bench.kick();
    expect(bench.script.sent).toHaveLength(1);
    lane.add('insert', 3n);
    await bench.kick();
    expect(bench.script.what.at(-1)).toBe('insert c 2,3');
    lane.filling = false;
    lane.add('insert', 4n);
    await bench.kick();
    expect(bench.script.what.at(-1)).toBe('insert c 4');
  });

  test('grows smaller for a target that comes near its deadline, and back for one that is quick', async () => {
    const bench = await Bench.make({ settings: { requestsInFlight: 2 } });
    const lane = bench.lane();
    const full = bench.sender.limits.maxBytes;
    lane.add('insert', 1n);
    await bench.kick();
    await bench.clock.advance(SETTINGS.requestDeadlineMs / 2 + 1);
    bench.script.sent[0]?.answer(APPLIED);
    await bench.clock.advance(0);
    expect(bench.sender.limits.maxBytes).toBe(full / 2);
    for (let key = 2n; key <= 4n; key++) lane.add('insert', key);
    await bench.kick();
    expect(bench.sender.inFlight).toBe(1);
    bench.script.answers.push(...Array.from({ length: 40 }, () => APPLIED));
    for (let key = 5n; key <= 40n; key++) lane.add('insert', key);
    bench.script.sent[1]?.answer(APPLIED);
    await bench.clock.advance(0);
    expect(bench.sender.limits.maxBytes).toBe(full);
    bench.script.answers.length = 0;
    for (let key = 41n; key <= 44n; key++) lane.add('insert', key);
    await bench.kick();
    expect(bench.sender.inFlight).toBe(2);
  });
});

describe('nothing is sent', () => {
  test('before what a predecessor sent has settled', async () => {
    const bench = await Bench.make({ notBefore: 5_000 });
    bench.lane().add('insert', 1n);
    await bench.kick();
    await bench.clock.advance(4_999);
    expect(bench.script.sent).toEqual([]);
    await bench.clock.advance(1);
    expect(bench.script.sent).toHaveLength(1);
  });

  test('while its deadline does not fit into what is left of the lease', async () => {
    const bench = await Bench.make({ keepsLease: false });
    await bench.clock.advance(SETTINGS.leaseMs - SETTINGS.requestDeadlineMs + 1);
    bench.lane().add('insert', 1n);
    await bench.kick();
    await bench.clock.advance(20_000);
    expect(bench.script.sent).toEqual([]);
    watch(bench.keeper.run(bench.stop.signal));
    await bench.clock.advance(0);
    expect(bench.script.sent).toHaveLength(1);
  });

  test('again without room either, nor the second half of a replace', async () => {
    const bench = await Bench.make({ keepsLease: false });
    bench.lane().add('replace', 1n);
    await bench.kick();
    await bench.clock.advance(SETTINGS.leaseMs - SETTINGS.requestDeadlineMs + 1);
    bench.script.sent[0]?.answer(APPLIED);
    await bench.clock.advance(20_000);
    expect(bench.script.what).toEqual(['delete c 1']);
  });

  test('once the job is over', async () => {
    const bench = await Bench.make();
    bench.lane().add('insert', 1n);
    bench.stop.abort();
    await bench.kick();
    expect(bench.script.sent).toEqual([]);
  });
});

describe('draining', () => {
  test('sends nothing new and is done when what is in flight has ended', async () => {
    const bench = await Bench.make({ settings: { requestsInFlight: 1 } });
    const lane = bench.lane();
    lane.add('insert', 1n);
    lane.add('insert', 2n);
    await bench.kick();
    bench.sender.close();
    expect(bench.sender.drained).toBe(false);
    bench.script.sent[0]?.answer(APPLIED);
    await bench.clock.advance(1_000);
    expect([bench.sender.drained, bench.script.what]).toEqual([true, ['insert c 1']]);
  });

  test('is not done while a request settles', async () => {
    const bench = await Bench.make();
    bench.lane().add('insert', 1n);
    bench.script.answers.push(OPEN);
    await bench.kick();
    bench.sender.close();
    await bench.clock.advance(settleMs - 1);
    expect(bench.sender.drained).toBe(false);
    bench.script.answers.push(APPLIED);
    await bench.clock.advance(PAUSE_MS);
    expect(bench.sender.drained).toBe(true);
  });

  test('is never done after a request was given up on its way', async () => {
    const bench = await Bench.make();
    bench.lane().add('insert', 1n);
    await bench.kick();
    bench.stop.abort();
    bench.script.sent[0]?.answer(APPLIED);
    await bench.clock.advance(1_000);
    expect([bench.sender.inFlight, bench.sender.drained, bench.errors]).toEqual([0, false, []]);
  });
});

test('a fault of this program is told, and leaves what was sent uncertain', async () => {
  const bench = await Bench.make();
  bench.lane().add('insert', 1n);
  bench.script.fault = new Error('cannot encode');
  await bench.kick();
  expect([bench.errors.map(String), bench.sender.drained]).toEqual([['Error: cannot encode'], false]);
});

test('rows go out with the partition, without the columns that the target computes', () => {
  const omit = new Set(['bm25']);
  const address = { database: 'db', collection: 'c', keyField: 'id', omit };
  const parts = [rowsOf([1n])];
  const request = { kind: 'insert', partition: 'p', parts, keys: [1n], bytes: 10 } as const;
  expect(writesOf(address, request, 'planned')).toEqual([
    { kind: 'insert', database: 'db', collection: 'c', partition: 'p', parts, omit },
  ]);
  expect(writesOf(address, { ...request, kind: 'delete', parts: [] }, 'repeat')).toEqual([
    { kind: 'delete', database: 'db', collection: 'c', partition: 'p', keyField: 'id', keys: [1n] },
  ]);
});
