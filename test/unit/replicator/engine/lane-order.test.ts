import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Key } from '../../../../replicator/engine/change.ts';
import { Horizon } from '../../../../replicator/engine/horizon.ts';
import { Lane, type LaneRequest, type Op } from '../../../../replicator/engine/lane.ts';
import { CountedHold, rowsOf } from './records.ts';

const key = fc.bigInt({ min: 0n, max: 7n });
const distinct = fc.uniqueArray(key, { minLength: 1, maxLength: 4 });
const any = fc.array(key, { minLength: 1, maxLength: 4 });
const partition = fc.constantFrom(undefined, 'p');

/** An upsert holds each key once; everything else may hold it more often. */
const change = fc.oneof(
  fc.record({ kind: fc.constant('insert' as const), keys: any, partition }),
  fc.record({ kind: fc.constant('delete' as const), keys: any, partition }),
  fc.record({ kind: fc.constant('upsert' as const), keys: distinct, partition }),
  fc.record({ kind: fc.constant('replace' as const), keys: any, partition }),
);

/** What the cursors, the sender and the store do, in any order. `cursor` says which of two cursors reads. */
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('add' as const), change, cursor: fc.nat(1) }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('take' as const), partial: fc.boolean() }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('done' as const), pick: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('raise' as const), cursor: fc.nat(1) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('close' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('abandon' as const) }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** A sender that keeps account of everything the lane must never do. */
class Sender {
  readonly lane: Lane;
  readonly horizons = [new Horizon(3n), new Horizon(3n)] as const;
  readonly holds: CountedHold[] = [];
  readonly inFlight: LaneRequest[] = [];
  /** What happened to each key: as the changes came, and as it was sent. */
  readonly came = new Map<Key, string[]>();
  readonly went = new Map<Key, string[]>();
  #serial = 0;
  readonly #releases: (() => void)[] = [];
  readonly #limits = new Map<object, { readonly horizon: Horizon; readonly at: bigint }>();

  constructor(maxBytes: number) {
    this.lane = new Lane({ maxBytes, maxDeleteKeys: 5 });
  }

  add(wanted: Pick<Op, 'kind' | 'keys' | 'partition'>, cursor: number): void {
    const { kind, keys } = wanted;
    const timestamp = BigInt(++this.#serial);
    const horizon = this.horizons[cursor as 0 | 1];
    const rows = kind === 'delete' ? undefined : { ...rowsOf(keys), serial: this.#serial };
    const hold = new CountedHold();
    this.holds.push(hold);
    if (rows !== undefined) this.#limits.set(rows, { horizon, at: timestamp });
    for (const one of keys) note(this.came, one, label(wanted, rows));
    this.lane.add({ ...wanted, timestamp, rows, bytes: keys.length * 10, hold }, horizon);
  }

  take(partial: boolean): boolean {
    const request = this.lane.take(partial);
    if (request === undefined) return false;
    const mine = new Set(request.keys);
    for (const other of this.inFlight)
      expect(
        other.keys.filter((one) => mine.has(one)),
        'keys in two requests at once',
      ).toEqual([]);
    if (request.kind === 'upsert') expect(mine.size, 'distinct keys of an upsert').toBe(request.keys.length);
    if (request.kind === 'delete')
      for (const one of request.keys) note(this.went, one, label(request, undefined));
    for (const rows of request.parts) {
      const limit = this.#limits.get(rows);
      expect(limit?.at, 'sent beyond the horizon').toBeLessThanOrEqual(limit?.horizon.durable ?? -1n);
      for (const one of rows.keys(0)) note(this.went, one, label(request, rows));
    }
    this.inFlight.push(request);
    return true;
  }

  done(pick: number): void {
    const [request] = this.inFlight.splice(pick % Math.max(1, this.inFlight.length), 1);
    if (request !== undefined) this.lane.done(request);
  }

  raise(cursor: number): void {
    this.horizons[cursor as 0 | 1].raised(BigInt(this.#serial));
  }

  /** Gives up what was not sent: each key met what was sent, and nothing else is to come. */
  abandon(): void {
    const before = this.holds.map((hold) => hold.released);
    const release = this.lane.abandon();
    expect(this.holds.map((hold) => hold.released)).toEqual(before);
    expect([this.lane.inFlight, this.lane.take(true)]).toEqual([this.inFlight.length, undefined]);
    this.#releases.push(release);
    this.came.clear();
    for (const [one, what] of this.went) this.came.set(one, [...what]);
  }

  do(one: Step): void {
    if (one.do === 'add') this.add(one.change, one.cursor);
    else if (one.do === 'take') this.take(one.partial);
    else if (one.do === 'done') this.done(one.pick);
    else if (one.do === 'raise') this.raise(one.cursor);
    else if (one.do === 'close') this.lane.closeAll();
    else this.abandon();
  }

  drain(): void {
    this.raise(0);
    this.raise(1);
    while (!this.lane.idle) {
      const sent = this.take(true);
      if (!sent && this.inFlight.length === 0)
        throw new Error('what is left waits for nothing that is in flight');
      if (!sent) this.done(0);
    }
    for (const release of this.#releases) release();
  }
}

function note(notes: Map<Key, string[]>, of: Key, what: string): void {
  const list = notes.get(of) ?? [];
  list.push(what);
  notes.set(of, list);
}

function label({ kind, partition: name }: Pick<Op, 'kind' | 'partition'>, rows: object | undefined): string {
  return `${kind} in ${name} of ${rows !== undefined && 'serial' in rows ? rows.serial : 'keys'}`;
}

test('each key meets its changes one after the other and in order, and each window is let go once', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(1, 40, 1_000),
      fc.array(step, { minLength: 5, maxLength: 80 }),
      (maxBytes, steps) => {
        const sender = new Sender(maxBytes);
        for (const one of steps) sender.do(one);
        sender.drain();
        expect(sender.went).toEqual(sender.came);
        expect(sender.lane.bytes).toBe(0);
        expect(sender.holds.every((hold) => hold.released === 1)).toBe(true);
      },
    ),
    { numRuns: Number(process.env['CDC_SIM_RUNS'] ?? 400) },
  );
});
