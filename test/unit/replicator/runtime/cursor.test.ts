import { describe, expect, test } from 'vitest';
import { CdcError } from '#shared/errors.ts';
import { logTag } from '#shared/task/positions.ts';
import type { ChannelRecord } from '../../../../replicator/engine/change.ts';
import type { Hold } from '../../../../replicator/engine/progress.ts';
import type { Window } from '../../../../replicator/engine/window.ts';
import { Cursor, type CursorOptions } from '../../../../replicator/runtime/cursor.ts';
import { JobStatus } from '../../../../replicator/runtime/status.ts';
import {
  type ChangeSource,
  HistoryLostError,
  SourceUnavailableError,
  SourceUnsupportedError,
} from '../../../../replicator/source/change-source.ts';
import { SimClock } from '../../../support/fakes/sim-clock.ts';
import { insert, tick, unknown } from '../engine/records.ts';
import { LOG } from './leases.ts';
import { type Watched, watch } from './watch.ts';

const KIB = 1_024;

/** A cursor over a log that the test writes. Each window's changes are held until the test applies them. */
class Bench {
  readonly clock = new SimClock(() => 1);
  readonly status = new JobStatus(this.clock);
  readonly stop = new AbortController();
  readonly cursor: Cursor;
  readonly running: Watched<void>;
  readonly windows: Window[] = [];
  readonly holds: Hold[] = [];
  /** Offset of each start of a reading. */
  readonly readings: bigint[] = [];
  logId = 'log';
  /** What reading fails with. */
  failure: Error | undefined;
  /** Bytes that each insert counts for once planned. */
  weight = 0;
  readonly #log: ChannelRecord[] = [];
  #wake: (() => void) | undefined;

  constructor(options: Partial<CursorOptions> = {}, log: readonly ChannelRecord[] = []) {
    this.status.phase = 'streaming';
    this.#log.push(...log);
    const source: Pick<ChangeSource, 'describeChannel' | 'read'> = {
      describeChannel: async () => ({ logId: this.logId, earliestOffset: 0n, nextOffset: 0n }),
      read: (_channel, offset, { signal }) => this.#read(offset, signal),
    };
    this.cursor = new Cursor({
      name: 'dml_0',
      channel: 'dml_0',
      start: { offset: 0n, tick: 0n, exact: false },
      logTag: undefined,
      horizon: 0n,
      source: source as ChangeSource,
      clock: this.clock,
      status: this.status,
      log: LOG,
      bufferBytes: 64 * KIB,
      onWindow: (window, cursor, hold) => {
        this.windows.push(window);
        for (const _ of window.changes) this.holds.push(cursor.weigh(hold, this.weight));
      },
      onPlanned: () => undefined,
      ...options,
    });
    this.running = watch(this.cursor.run(this.stop.signal));
  }

  async append(...records: readonly ChannelRecord[]): Promise<void> {
    this.#log.push(...records);
    this.#wake?.();
    await this.clock.advance(0);
  }

  async fail(error: Error): Promise<void> {
    this.failure = error;
    this.#wake?.();
    await this.clock.advance(0);
  }

  /** Offsets of the changes that were handed out. */
  get handedOut(): number[] {
    return this.windows.flatMap((window) => window.changes.map((change) => Number(change.offset)));
  }

  async *#read(offset: bigint, signal: AbortSignal): AsyncGenerator<readonly ChannelRecord[]> {
    this.readings.push(offset);
    let next = this.#log.findIndex((record) => record.offset >= offset);
    for (;;) {
      if (this.failure !== undefined) throw this.failure;
      for (; next >= 0 && next < this.#log.length; next++) yield [this.#log[next]!];
      next = Math.max(next, 0);
      if (next < this.#log.length || this.failure !== undefined) continue;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
      signal.throwIfAborted();
    }
  }
}

const LOG_OF_THREE = [
  insert({ offset: 0, at: 10 }),
  tick(1, 20),
  insert({ offset: 2, at: 25 }),
  tick(3, 30),
  tick(4, 40),
];

describe('a cursor', () => {
  test('hands out windows in order and is committed as far as they are applied', async () => {
    const bench = new Bench({}, LOG_OF_THREE);
    await bench.clock.advance(0);
    expect(bench.windows.map(({ position }) => position.tick)).toEqual([20n, 30n, 40n]);
    expect([bench.cursor.readTick, bench.cursor.committed.position.tick, bench.cursor.done]).toEqual([
      40n,
      0n,
      false,
    ]);
    bench.holds[1]?.release();
    expect(bench.cursor.committed.position.tick).toBe(0n);
    bench.holds[0]?.release();
    expect([bench.cursor.committed.position.tick, bench.cursor.done]).toEqual([40n, true]);
  });

  test('takes the tag of the log as it finds it', async () => {
    const bench = new Bench({}, LOG_OF_THREE);
    expect(bench.cursor.logTag).toBeUndefined();
    await bench.clock.advance(0);
    expect(bench.cursor.logTag).toBe(logTag('log'));
  });

  test('asks for a horizon that covers every tick it meets', async () => {
    const bench = new Bench({ horizon: 25n }, LOG_OF_THREE.slice(0, 2));
    await bench.clock.advance(0);
    expect(bench.cursor.horizon.short).toBe(false);
    await bench.append(...LOG_OF_THREE.slice(2));
    expect([bench.cursor.horizon.short, bench.cursor.replayUntil]).toEqual([true, 25n]);
  });

  test('plans one window after the other, however long one takes', async () => {
    const gate = Promise.withResolvers<void>();
    const planned: bigint[] = [];
    const bench = new Bench(
      {
        onWindow: async ({ position }) => {
          planned.push(position.tick);
          await gate.promise;
        },
      },
      LOG_OF_THREE,
    );
    await bench.clock.advance(1_000);
    expect([planned, bench.cursor.readTick]).toEqual([[20n], 0n]);
    gate.resolve();
    await bench.clock.advance(0);
    expect(planned).toEqual([20n, 30n, 40n]);
  });

  test('ends when it is told to', async () => {
    const bench = new Bench({}, LOG_OF_THREE);
    await bench.clock.advance(0);
    bench.stop.abort();
    await bench.clock.advance(0);
    expect(bench.running.state).toBe('resolved');
  });
});

describe('memory', () => {
  const log = [1, 2, 3, 4, 5].flatMap((n) => [
    insert({ offset: 2 * n, at: 10 * n }),
    tick(2 * n + 1, 10 * n + 5),
  ]);

  test('is bounded: nothing more is read while what was read is not applied', async () => {
    const bench = new Bench({ bufferBytes: 100 }, log);
    bench.weight = 40;
    await bench.clock.advance(60_000);
    expect(bench.windows).toHaveLength(3);
    bench.holds[0]?.release();
    await bench.clock.advance(0);
    expect(bench.windows).toHaveLength(4);
    for (const hold of bench.holds.slice(1)) hold.release();
    await bench.clock.advance(0);
    expect(bench.windows).toHaveLength(5);
  });

  test('is freed once, however often a change is let go of', async () => {
    const bench = new Bench({ bufferBytes: 100 }, log);
    bench.weight = 40;
    await bench.clock.advance(0);
    for (let i = 0; i < 3; i++) bench.holds[0]?.release();
    await bench.clock.advance(0);
    expect(bench.windows).toHaveLength(4);
  });

  test('that is full before any change can be applied does not stop the reading for good', async () => {
    const bench = new Bench({ bufferBytes: 5 }, [
      insert({ offset: 0, at: 10 }),
      insert({ offset: 1, at: 11 }),
      tick(2, 20),
    ]);
    await bench.clock.advance(0);
    expect(bench.windows).toHaveLength(1);
  });
});

describe('while the source is away', () => {
  test('it says so, tries again, and hands nothing out twice', async () => {
    const bench = new Bench({}, LOG_OF_THREE.slice(0, 3));
    await bench.clock.advance(0);
    await bench.fail(new SourceUnavailableError('no broker'));
    expect([bench.status.phase, bench.status.reason]).toEqual([
      'retrying',
      { code: 'source_unavailable', message: 'no broker' },
    ]);
    await bench.clock.advance(30_000);
    expect(bench.readings.length).toBeLessThan(12);
    bench.failure = undefined;
    await bench.append(...LOG_OF_THREE.slice(3));
    await bench.clock.advance(10_000);
    expect([bench.handedOut, bench.status.phase]).toEqual([[0, 2], 'streaming']);
    expect(new Set(bench.readings.slice(1))).toEqual(new Set([1n]));
  });

  test('it begins where it was to begin as long as it has met no tick', async () => {
    const bench = new Bench({}, LOG_OF_THREE.slice(0, 1));
    await bench.clock.advance(0);
    await bench.fail(new SourceUnavailableError('no broker'));
    bench.failure = undefined;
    await bench.append(...LOG_OF_THREE.slice(1));
    await bench.clock.advance(10_000);
    expect([bench.handedOut, bench.readings]).toEqual([
      [0, 2],
      [0n, 0n],
    ]);
  });

  test('its trouble is over when it is told to end', async () => {
    const bench = new Bench({}, LOG_OF_THREE);
    await bench.clock.advance(0);
    await bench.fail(new SourceUnavailableError('no broker'));
    bench.stop.abort();
    await bench.clock.advance(0);
    expect([bench.running.state, bench.status.phase]).toEqual(['resolved', 'streaming']);
  });
});

describe('a log that cannot be followed', () => {
  const codeOf = ({ error }: Watched<void>) => (error instanceof CdcError ? error.code : error);

  test.each([
    ['is gone where the cursor stands', new HistoryLostError('it begins at 100'), 'history_lost'],
    ['holds what cannot be read', new SourceUnsupportedError('protobuf'), 'source_unsupported'],
  ])('ends the job when it %s', async (_, error, code) => {
    const bench = new Bench({}, LOG_OF_THREE);
    await bench.clock.advance(0);
    await bench.fail(error);
    expect(codeOf(bench.running)).toBe(code);
    expect(String(bench.running.error)).toContain(error.message);
  });

  test('ends the job when it is another log than before', async () => {
    const bench = new Bench({ logTag: logTag('another') }, LOG_OF_THREE);
    await bench.clock.advance(0);
    expect([codeOf(bench.running), bench.windows]).toEqual(['history_lost', []]);
  });

  test('ends the job when it becomes another one while the source is away', async () => {
    const bench = new Bench({}, LOG_OF_THREE);
    await bench.clock.advance(0);
    await bench.fail(new SourceUnavailableError('no broker'));
    bench.failure = undefined;
    bench.logId = 'another';
    await bench.clock.advance(1_000);
    expect(codeOf(bench.running)).toBe('history_lost');
  });

  test('ends the job when it lacks the tick that was read in it', async () => {
    const bench = new Bench({ start: { offset: 1n, tick: 15n, exact: true } }, LOG_OF_THREE);
    await bench.clock.advance(0);
    expect([codeOf(bench.running), bench.windows]).toEqual(['history_lost', []]);
  });

  test('ends the job when it holds a message of an unknown type, and not before', async () => {
    const bench = new Bench({}, [...LOG_OF_THREE, unknown(5, 45)]);
    await bench.clock.advance(0);
    expect([bench.running.state, bench.windows.length]).toEqual(['pending', 3]);
    await bench.append(tick(6, 50));
    expect(codeOf(bench.running)).toBe('unknown_message');
  });
});
