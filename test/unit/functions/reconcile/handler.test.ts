import type { Context } from 'aws-lambda';
import { describe, expect, test } from 'vitest';
import { EXIT } from '#shared/fleet/fleet.ts';
import { createLogger } from '#shared/log.ts';
import { StoreUnavailableError } from '#shared/store/task-store.ts';
import { occasionOf } from '../../../../functions/reconcile/event.ts';
import { reconcileHandler } from '../../../../functions/reconcile/handler.ts';
import type { SweepOutcome } from '../../../../functions/reconcile/reconciler.ts';
import { MemoryFleet } from '../../../support/fakes/memory-fleet.ts';
import { MemorySecretStore } from '../../../support/fakes/memory-secret-store.ts';
import { MemoryTaskStore } from '../../../support/fakes/memory-task-store.ts';
import { SimClock } from '../../../support/fakes/sim-clock.ts';
import { sampleTask } from '../../../support/fakes/task-samples.ts';

/** Shortened from the example in the ECS documentation, with the overrides that a replicator is started with. */
const ecsEvent = (taskId: string, environment?: object[]) => ({
  version: '0',
  id: '3317b2af-7005-947d-b652-f55e762e571a',
  'detail-type': 'ECS Task State Change',
  source: 'aws.ecs',
  detail: {
    lastStatus: 'STOPPED',
    desiredStatus: 'STOPPED',
    taskArn: 'arn:aws:ecs:us-west-2:111122223333:task/c/t',
    overrides: {
      containerOverrides: [
        { name: 'sidecar' },
        { name: 'replicator', environment: environment ?? [{ name: 'CDC_TASK_ID', value: taskId }] },
      ],
    },
  },
});

const MINUTE = { kind: 'minute' };
const HOURLY = { kind: 'hourly' };

/** A Lambda in simulated time, which has `limitMs` for an invocation. */
class Lambda {
  readonly clock = new SimClock();
  readonly store = new MemoryTaskStore({ now: () => this.clock.wall() });
  readonly fleet = new MemoryFleet();
  readonly swept: SweepOutcome[] = [];
  readonly hourly: (() => Promise<void>)[] = [];
  readonly starts: number[] = [];
  failPublishing = false;
  readonly #limitMs: number;
  readonly #handler = reconcileHandler({
    tasks: this.store,
    fleet: this.fleet,
    secrets: new MemorySecretStore(),
    log: createLogger('silent'),
    now: () => this.clock.wall(),
    sleep: (ms) => this.clock.sleep(ms),
    afterSweep: [
      (swept) => {
        this.swept.push(swept);
        if (this.failPublishing) throw new Error('not published');
      },
    ],
    hourly: this.hourly,
  });

  constructor(limitMs = 120_000) {
    this.#limitMs = limitMs;
    this.fleet.onStart = () => this.starts.push(this.clock.monotonic());
  }

  async create(...ids: string[]): Promise<void> {
    for (const id of ids) {
      await this.store.createTask(sampleTask({ id, targetIdentity: id }), { maxTasks: 99, seen: 0 });
    }
  }

  /** Answers how long the invocation took, or fails as it did. */
  async invoke(event: unknown): Promise<number> {
    const begun = this.clock.monotonic();
    const end = begun + this.#limitMs;
    const context = { getRemainingTimeInMillis: () => end - this.clock.monotonic() } as Context;
    let took: number | undefined;
    const done = Promise.resolve(this.#handler(event, context)).finally(() => {
      took = this.clock.monotonic() - begun;
    });
    done.catch(() => undefined);
    while (took === undefined) await this.clock.advance(100);
    await done;
    return took;
  }

  crash(taskId: string): void {
    const replicator = this.fleet.running.find(({ order }) => order.taskId === taskId);
    this.fleet.end(replicator!, EXIT.retry);
  }
}

describe('the handler', () => {
  test('reconciles the task of an ECS event and no other', async () => {
    const lambda = new Lambda();
    await lambda.create('a', 'b');
    await lambda.invoke(ecsEvent('b'));
    expect(lambda.fleet.running.map((r) => r.order.taskId)).toEqual(['b']);
    expect(lambda.swept).toEqual([]);
  });

  test('sweeps when it is time, and hands on what it found', async () => {
    const lambda = new Lambda();
    await lambda.create('a', 'b');
    await lambda.invoke(MINUTE);
    expect(lambda.fleet.running).toHaveLength(2);
    expect(lambda.swept).toMatchObject([{ checked: 2, failed: 0 }]);
  });

  test('fails when the store is away', async () => {
    const lambda = new Lambda();
    lambda.store.failNext(new StoreUnavailableError('away'));
    await expect(lambda.invoke(MINUTE)).rejects.toBeInstanceOf(StoreUnavailableError);
  });

  test('does each work of an hour, also behind one that fails, and fails with it', async () => {
    const lambda = new Lambda();
    const done: string[] = [];
    lambda.hourly.push(
      async () => void done.push('first'),
      () => Promise.reject(new Error('second')),
      async () => void done.push('third'),
    );
    await expect(lambda.invoke(HOURLY)).rejects.toThrow('second');
    expect(done).toEqual(['first', 'third']);
    expect(lambda.swept).toEqual([]);
  });
});

describe('a replicator that crashed', () => {
  test('is started again seconds after the event, by the same invocation', async () => {
    const lambda = new Lambda();
    await lambda.create('a');
    await lambda.invoke(ecsEvent('a'));
    lambda.crash('a');
    expect(await lambda.invoke(ecsEvent('a'))).toBeLessThan(5_000);
    expect(lambda.fleet.running.map(({ order }) => order.generation)).toEqual([2]);
  });

  test('is started again seconds after a sweep, when its event was lost', async () => {
    const lambda = new Lambda();
    await lambda.create('a', 'b');
    await lambda.invoke(MINUTE);
    lambda.crash('a');
    lambda.crash('b');
    expect(await lambda.invoke(MINUTE)).toBeLessThan(5_000);
    expect(lambda.fleet.running.map(({ order }) => order.generation)).toEqual([2, 2]);
    // One sweep, one set of numbers.
    expect(lambda.swept).toHaveLength(2);
  });

  test('again and again is started at growing distances, and an invocation ends before the next minute', async () => {
    const lambda = new Lambda();
    await lambda.create('a');
    lambda.fleet.onStart = (replicator) => {
      lambda.starts.push(lambda.clock.monotonic());
      lambda.clock.after(100, () => lambda.fleet.end(replicator, EXIT.retry));
    };
    await lambda.invoke(MINUTE);
    const took: number[] = [];
    for (let event = 0; event < 5; event++) {
      await lambda.clock.advance(200);
      took.push(await lambda.invoke(ecsEvent('a')));
    }
    expect(Math.max(...took)).toBeLessThanOrEqual(50_000);
    const gaps = lambda.starts.slice(1).map((at, index) => at - lambda.starts[index]!);
    expect(gaps.map((gap) => Math.round(gap / 1_000))).toEqual([2, 4, 8, 16, 32]);
  });

  test('is left to the next minute when the invocation has no time left', async () => {
    const lambda = new Lambda(16_000);
    await lambda.create('a');
    await lambda.invoke(MINUTE);
    lambda.crash('a');
    expect(await lambda.invoke(ecsEvent('a'))).toBeLessThan(1_000);
    expect(lambda.fleet.running).toEqual([]);
  });

  test('is started again though the store is away for a moment, and though nothing can be published', async () => {
    const lambda = new Lambda();
    await lambda.create('a', 'b');
    await lambda.invoke(MINUTE);
    lambda.crash('a');
    lambda.crash('b');
    lambda.failPublishing = true;
    lambda.clock.after(1_500, () => lambda.store.failNext(new StoreUnavailableError('away')));
    await expect(lambda.invoke(MINUTE)).rejects.toThrow('not published');
    expect(lambda.fleet.running).toHaveLength(1);
    lambda.failPublishing = false;
    await lambda.invoke(MINUTE);
    expect(lambda.fleet.running).toHaveLength(2);
  });
});

describe('the occasion of an event', () => {
  test.each([
    ['an ECS event of a replicator', ecsEvent('t'), { kind: 'task', taskId: 't' }],
    ['an ECS event of something else', ecsEvent('', []), { kind: 'sweep' }],
    ['an ECS event without overrides', { ...ecsEvent('t'), detail: {} }, { kind: 'sweep' }],
    ['the event of another service', { ...ecsEvent('t'), source: 'aws.ec2' }, { kind: 'sweep' }],
    ['the schedule of each minute', MINUTE, { kind: 'sweep' }],
    ['the schedule of each hour', HOURLY, { kind: 'hourly' }],
    ['nothing', undefined, { kind: 'sweep' }],
  ])('%s', (_, event, occasion) => {
    expect(occasionOf(event)).toEqual(occasion);
  });
});
