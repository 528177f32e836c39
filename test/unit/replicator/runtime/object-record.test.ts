import { expect, test } from 'vitest';
import { CdcError } from '#shared/errors.ts';
import { StoreUnavailableError } from '#shared/store/task-store.ts';
import type { TaskObject } from '#shared/task/run.ts';
import { ObjectRecord } from '../../../../replicator/runtime/object-record.ts';
import { sampleObject } from '../../../support/fakes/task-samples.ts';
import { LeaseBench } from './leases.ts';
import { watch } from './watch.ts';

async function make(): Promise<{
  readonly bench: LeaseBench;
  readonly record: ObjectRecord;
  readonly stop: AbortController;
  readonly stored: () => Promise<TaskObject | undefined>;
}> {
  const bench = await LeaseBench.make();
  const fence = await bench.take('holder');
  const stop = new AbortController();
  const { store, clock } = bench;
  const record = new ObjectRecord(sampleObject(bench.task, { loaded: false }), false, {
    store,
    fence,
    clock,
    signal: stop.signal,
  });
  return { bench, record, stop, stored: async () => (await store.listObjects(bench.task))[0] };
}

test('a change is seen at once and durable once its promise resolves', async () => {
  const { bench, record, stored } = await make();
  bench.store.before = ({ verb }) => (verb === 'putObject' ? bench.clock.sleep(10) : undefined);
  const updating = watch(record.update(() => ({ loaded: true })));
  expect([record.value.loaded, record.stored, await stored()]).toEqual([true, false, undefined]);
  await bench.clock.advance(10);
  expect([updating.state, record.stored, (await stored())?.loaded]).toEqual(['resolved', true, true]);
});

test('changes build on each other, and an older one never overtakes a newer one', async () => {
  const { bench, record, stored } = await make();
  let slow = 100;
  bench.store.before = ({ verb }) => {
    if (verb !== 'putObject') return undefined;
    slow /= 10;
    return bench.clock.sleep(slow);
  };
  const name = (id: string) => ({ [id]: { name: id, state: 'bound' as const } });
  const first = watch(record.update((o) => ({ partitions: { ...o.partitions, ...name('9') } })));
  const second = watch(record.update((o) => ({ partitions: { ...o.partitions, ...name('10') } })));
  await bench.clock.advance(200);
  expect([first.state, second.state]).toEqual(['resolved', 'resolved']);
  expect((await stored())?.partitions).toMatchObject({ ...name('9'), ...name('10') });
});

test('a store that is away is waited for', async () => {
  const { bench, record, stored } = await make();
  bench.store.before = () => {
    throw new StoreUnavailableError('away');
  };
  const updating = watch(record.update(() => ({ loaded: true })));
  await bench.clock.advance(30_000);
  expect(updating.state).toBe('pending');
  bench.store.before = undefined;
  await bench.clock.advance(1_000);
  expect([updating.state, (await stored())?.loaded]).toEqual(['resolved', true]);
});

test('a job that lost its lease writes nothing any more', async () => {
  const { bench, record, stored } = await make();
  await bench.launch({ confirmed: true });
  await bench.take('successor');
  const updating = watch(record.update(() => ({ loaded: true })));
  await bench.clock.advance(0);
  expect(updating.error instanceof CdcError && updating.error.code).toBe('lease_lost');
  expect(await stored()).toBeUndefined();
});

test('a failed write does not keep the next one from being tried', async () => {
  const { bench, record, stored } = await make();
  bench.store.failNext(new Error('corrupt'), 'putObject');
  const first = watch(record.update(() => ({ loaded: true })));
  const second = watch(record.update(() => ({ createdHere: false })));
  await bench.clock.advance(0);
  expect([String(first.error), second.state]).toEqual(['Error: corrupt', 'resolved']);
  expect(await stored()).toMatchObject({ loaded: true, createdHere: false });
});

test('the end of the job ends the waiting for a store', async () => {
  const { bench, record, stop } = await make();
  bench.store.before = () => {
    throw new StoreUnavailableError('away');
  };
  const updating = watch(record.update(() => ({ loaded: true })));
  await bench.clock.advance(1_000);
  stop.abort(new Error('asked to stop'));
  await bench.clock.advance(0);
  expect(String(updating.error)).toBe('Error: asked to stop');
});

test('an object is forgotten for good, after what was written before', async () => {
  const { bench, record, stored } = await make();
  const writing = watch(record.update(() => ({ loaded: true })));
  const removing = watch(record.remove());
  await bench.clock.advance(0);
  expect([writing.state, removing.state, record.stored]).toEqual(['resolved', 'resolved', false]);
  expect(await stored()).toBeUndefined();
});

test('an object that was never stored is forgotten without a write', async () => {
  const { bench, record } = await make();
  bench.store.before = () => {
    throw new Error('a call too many');
  };
  const removing = watch(record.remove());
  await bench.clock.advance(0);
  expect(removing.state).toBe('resolved');
});
