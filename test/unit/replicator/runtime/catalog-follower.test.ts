import { expect, test } from 'vitest';
import { CdcError } from '#shared/errors.ts';
import type { Catalog } from '../../../../replicator/engine/catalog.ts';
import { CatalogFollower } from '../../../../replicator/runtime/catalog-follower.ts';
import type { Registry } from '../../../../replicator/runtime/registry.ts';
import { JobStatus } from '../../../../replicator/runtime/status.ts';
import {
  type ChangeSource,
  SourceUnavailableError,
  SourceUnsupportedError,
} from '../../../../replicator/source/change-source.ts';
import { SimClock } from '../../../support/fakes/sim-clock.ts';
import { LOG } from './leases.ts';
import { type Watched, watch } from './watch.ts';

/** Milliseconds that each call to the source takes. */
const CALL_MS = 10;

/** A follower between a source whose catalog the test moves and a registry that notes what it is told. */
class Bench {
  readonly clock = new SimClock(() => 1);
  readonly status = new JobStatus(this.clock);
  readonly stop = new AbortController();
  readonly follower: CatalogFollower;
  readonly running: Watched<void>;
  /** What happened, each with its time. */
  readonly notes: string[] = [];
  revision = 1n;
  failure: Error | undefined;
  #readings = 0;
  #changed: (() => void)[] = [];

  constructor() {
    this.status.phase = 'streaming';
    const registry: Pick<Registry, 'startReading' | 'apply' | 'catalogLost'> = {
      startReading: () => ++this.#readings,
      apply: async (catalog, reading) => this.#note(`reading ${reading} is revision ${catalog.revision}`),
      catalogLost: () => this.#note('lost'),
    };
    const source: Pick<ChangeSource, 'detect' | 'readCatalog' | 'awaitCatalogChange'> = {
      detect: (_, signal) => this.#call(signal, () => ({ version: this.#note('detected') })),
      readCatalog: (signal) => {
        const { revision } = this;
        return this.#call(
          signal,
          (): Catalog => ({ revision, databases: new Map(), collections: new Map() }),
        );
      },
      awaitCatalogChange: (revision, maxWaitMs, signal) => this.#await(revision, maxWaitMs, signal),
    };
    this.follower = new CatalogFollower({
      source: source as ChangeSource,
      registry: () => registry as Registry,
      clock: this.clock,
      status: this.status,
      log: LOG,
    });
    this.running = watch(this.follower.run(this.stop.signal));
  }

  /** A user of the source changes something. */
  change(): void {
    this.revision++;
    for (const wake of this.#changed.splice(0)) wake();
  }

  /** What was noted since the last look. */
  take(): string[] {
    return this.notes.splice(0);
  }

  #note(what: string): undefined {
    this.notes.push(`${this.clock.monotonic()} ${what}`);
  }

  async #call<T>(signal: AbortSignal, answer: () => T): Promise<T> {
    await this.clock.sleep(CALL_MS, signal);
    if (this.failure !== undefined) throw this.failure;
    return answer();
  }

  async #await(revision: bigint, maxWaitMs: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.revision > revision) return;
    await new Promise<void>((resolve) => {
      this.#changed.push(resolve);
      this.clock.after(maxWaitMs, resolve);
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
    signal.throwIfAborted();
    if (this.failure !== undefined) throw this.failure;
  }
}

test('the catalog is read once the source is known to be one, and again whenever it changes', async () => {
  const bench = new Bench();
  await bench.clock.advance(100);
  expect(bench.take()).toEqual(['10 detected', '20 reading 1 is revision 1']);
  bench.change();
  await bench.clock.advance(100);
  expect(bench.take()).toEqual(['110 reading 2 is revision 2']);
});

test('a change during a reading is read, too', async () => {
  const bench = new Bench();
  await bench.clock.advance(15);
  bench.change();
  await bench.clock.advance(100);
  expect(bench.take().slice(1)).toEqual(['20 reading 1 is revision 1', '30 reading 2 is revision 2']);
});

test('it is read now and then without a reason, in case a hint was missed', async () => {
  const bench = new Bench();
  await bench.clock.advance(95_000);
  const readings = bench.take().filter((note) => note.includes('reading'));
  expect(readings.map((note) => Number.parseInt(note, 10))).toEqual([20, 30_030, 60_040, 90_050]);
});

test('whoever asks gets a reading that starts afterwards, and many get one', async () => {
  const bench = new Bench();
  await bench.clock.advance(100);
  bench.take();
  bench.follower.refresh();
  await bench.clock.advance(5);
  bench.follower.refresh();
  await bench.clock.advance(100);
  expect(bench.take()).toEqual(['130 reading 2 is revision 1']);
});

test('a reading that is under way does not count as one that starts afterwards', async () => {
  const bench = new Bench();
  await bench.clock.advance(15);
  bench.follower.refresh();
  await bench.clock.advance(100);
  expect(bench.take().slice(1)).toEqual(['20 reading 1 is revision 1', '50 reading 2 is revision 1']);
});

test('while the source is away the job says so and tries again, less and less often', async () => {
  const bench = new Bench();
  await bench.clock.advance(100);
  bench.take();
  bench.failure = new SourceUnavailableError('etcd does not answer');
  bench.change();
  await bench.clock.advance(20_000);
  expect([bench.status.phase, bench.status.reason]).toEqual([
    'retrying',
    { code: 'source_unavailable', message: 'etcd does not answer' },
  ]);
  const tries = bench.take();
  expect(tries.every((note) => note.endsWith('lost'))).toBe(true);
  expect(tries.length).toBeGreaterThan(3);
  expect(tries.length).toBeLessThan(10);
  bench.failure = undefined;
  await bench.clock.advance(11_000);
  expect([bench.status.phase, bench.take().at(-1)?.split(' ').slice(1).join(' ')]).toEqual([
    'streaming',
    expect.stringMatching(/is revision 2$/),
  ]);
});

test('a source that is away at the start is asked again what it is before it is read', async () => {
  const bench = new Bench();
  bench.failure = new SourceUnavailableError('away');
  await bench.clock.advance(1_000);
  bench.failure = undefined;
  await bench.clock.advance(3_000);
  expect(
    bench
      .take()
      .slice(-2)
      .map((note) => note.split(' ').slice(1).join(' ')),
  ).toEqual(['detected', expect.stringMatching(/is revision 1$/)]);
});

test('a source that cannot be followed ends the job with its sentence', async () => {
  const bench = new Bench();
  bench.failure = new SourceUnsupportedError('the message queue is pulsar');
  await bench.clock.advance(100);
  const { error } = bench.running;
  expect([error instanceof CdcError && error.code, String(error)]).toEqual([
    'source_unsupported',
    'CdcError: the message queue is pulsar',
  ]);
});

test('any other failure ends the job as it is', async () => {
  const bench = new Bench();
  bench.failure = new Error('cannot decode');
  await bench.clock.advance(100);
  expect(String(bench.running.error)).toBe('Error: cannot decode');
});

test('it ends quietly when the job does, whatever it waits for', async () => {
  const waiting = new Bench();
  await waiting.clock.advance(100);
  waiting.stop.abort();
  await waiting.clock.advance(0);
  const reading = new Bench();
  await reading.clock.advance(15);
  reading.stop.abort();
  await reading.clock.advance(0);
  const retrying = new Bench();
  retrying.failure = new SourceUnavailableError('away');
  await retrying.clock.advance(15);
  retrying.stop.abort();
  await retrying.clock.advance(0);
  expect([waiting, reading, retrying].map((bench) => bench.running.state)).toEqual([
    'resolved',
    'resolved',
    'resolved',
  ]);
});
