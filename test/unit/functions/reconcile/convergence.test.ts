import fc from 'fast-check';
import { expect, test } from 'vitest';
import { EXIT } from '#shared/fleet/fleet.ts';
import { createLogger } from '#shared/log.ts';
import { ConflictError, FencedError, StoreUnavailableError } from '#shared/store/task-store.ts';
import type { Phase } from '#shared/task/run.ts';
import type { Task } from '#shared/task/task.ts';
import { POLICY } from '../../../../functions/reconcile/policy.ts';
import { type ReconcilerDeps, reconcileTask, sweep } from '../../../../functions/reconcile/reconciler.ts';
import { MemoryFleet, type MemoryReplicator } from '../../../support/fakes/memory-fleet.ts';
import { MemorySecretStore } from '../../../support/fakes/memory-secret-store.ts';
import { MemoryTaskStore } from '../../../support/fakes/memory-task-store.ts';
import { sampleTask, sampleUpdate } from '../../../support/fakes/task-samples.ts';

/** What may happen in the world, one after the other. */
type Event =
  | { readonly kind: 'time'; readonly seconds: number }
  | { readonly kind: 'reconcile'; readonly by: 'one' | 'another' | 'both' }
  | { readonly kind: 'pause' | 'resume' | 'delete' | 'create' }
  | { readonly kind: 'jobs'; readonly phase: Phase }
  | { readonly kind: 'end'; readonly code: number | null }
  | { readonly kind: 'fleet forgets the ended' }
  | { readonly kind: 'store fails' | 'store answer lost' | 'start refused' | 'start answer lost' };

const EVENT: fc.Arbitrary<Event> = fc.oneof(
  fc.record({ kind: fc.constant('time' as const), seconds: fc.constantFrom(1, 5, 31, 61, 130, 400) }),
  fc.record({ kind: fc.constant('reconcile' as const), by: fc.constantFrom('one', 'another', 'both') }),
  fc.record({ kind: fc.constant('reconcile' as const), by: fc.constantFrom('one', 'another', 'both') }),
  fc.record({ kind: fc.constantFrom('pause' as const, 'resume' as const) }),
  fc.record({ kind: fc.constantFrom('delete' as const, 'create' as const) }),
  fc.record({ kind: fc.constant('jobs' as const), phase: fc.constantFrom('snapshot', 'streaming') }),
  fc.record({
    kind: fc.constant('end' as const),
    code: fc.constantFrom(null, 0, 1, EXIT.retry, EXIT.permanent),
  }),
  fc.record({
    kind: fc.constantFrom(
      'fleet forgets the ended' as const,
      'store fails' as const,
      'store answer lost' as const,
      'start refused' as const,
      'start answer lost' as const,
    ),
  }),
);

const AWAY = () => new StoreUnavailableError('away');
const ID = 'the-task';

/** A store, a fleet and two control planes that know nothing of each other. */
class World {
  now = Date.parse('2030-01-01T00:00:00.000Z');
  readonly store = new MemoryTaskStore({ now: () => this.now });
  readonly fleet = new MemoryFleet();
  readonly secrets = new MemorySecretStore();
  readonly #owners = new Map<MemoryReplicator, { epoch: number }>();
  readonly #planes: readonly [ReconcilerDeps, ReconcilerDeps];
  #lives = 0;

  constructor() {
    // A replicator that is asked to stop takes a moment: the next time that jobs do something.
    this.fleet.onDrain = () => {};
    const plane = (): ReconcilerDeps => ({
      // An object of its own, so that the two share no queue.
      tasks: new Proxy(this.store, {
        get: (store, member) => {
          const value = Reflect.get(store, member) as unknown;
          return typeof value === 'function' ? value.bind(store) : value;
        },
      }),
      fleet: this.fleet,
      secrets: this.secrets,
      log: createLogger('silent'),
      now: () => this.now,
    });
    this.#planes = [plane(), plane()];
  }

  async happen(event: Event): Promise<void> {
    switch (event.kind) {
      case 'time':
        this.now += event.seconds * 1_000;
        return;
      case 'reconcile':
        return this.reconcile(event.by);
      case 'pause':
      case 'resume':
        return this.#wish(event.kind === 'pause' ? 'Paused' : 'Running');
      case 'delete': {
        const task = await this.store.getTask(ID);
        if (task !== undefined) await this.store.deleteTask(task);
        return;
      }
      case 'create':
        return this.create();
      case 'jobs':
        return this.act(event.phase);
      case 'end':
        for (const replicator of this.fleet.running) this.fleet.end(replicator, event.code);
        return;
      case 'fleet forgets the ended':
        for (const r of this.fleet.replicators) if (r.state.kind === 'stopped') this.fleet.forget(r);
        return;
      case 'store fails':
        this.store.failNext(AWAY());
        return;
      case 'store answer lost':
        this.store.loseNextAnswer(AWAY());
        return;
      case 'start refused':
        this.fleet.refuseNext();
        return;
      case 'start answer lost':
        this.fleet.loseNextAnswer();
        return;
    }
  }

  async create(): Promise<void> {
    if ((await this.store.getTask(ID)) !== undefined) return;
    const incarnation = `life-${++this.#lives}`;
    const { revision } = await this.store.getScope('http://target');
    const task = sampleTask({ id: ID, incarnation, targetIdentity: 'http://target', secretRef: incarnation });
    await this.store.createTask(task, { maxTasks: 1, seen: revision });
    await this.secrets.put(incarnation, { token: 't' });
  }

  async reconcile(by: 'one' | 'another' | 'both'): Promise<void> {
    const [one, another] = this.#planes;
    if (by === 'both') await Promise.all([reconcileTask(one, ID), reconcileTask(another, ID)]);
    else await reconcileTask(by === 'one' ? one : another, ID);
  }

  sweep(): Promise<unknown> {
    return sweep(this.#planes[0]);
  }

  /** Every job does what it does in a moment: takes the lease, renews it, ends when asked to or fenced. */
  async act(phase: Phase): Promise<void> {
    for (const replicator of this.fleet.running) {
      if (replicator.draining) {
        this.fleet.end(replicator, EXIT.stopped);
        continue;
      }
      try {
        await this.#renew(replicator, phase);
      } catch (error) {
        if (!(error instanceof FencedError)) throw error;
        // The holder lives: a newcomer waits. In every other case its right to act has ended.
        if (error.why !== 'moved-on') this.fleet.end(replicator, EXIT.stopped);
      }
    }
  }

  async #renew(replicator: MemoryReplicator, phase: Phase): Promise<void> {
    const { incarnation, generation } = replicator.order;
    const owner = replicator.handle;
    const leaseExpiresAt = new Date(this.now + 10_000).toISOString();
    const held = this.#owners.get(replicator);
    const run = await this.store.getRun(ID);
    if (held === undefined) {
      const claim = { taskId: ID, incarnation, generation, owner, leaseExpiresAt };
      const { epoch } = await this.store.acquireLease(claim, run);
      this.#owners.set(replicator, { epoch });
      return;
    }
    const since = run?.phase === phase ? run.phaseSince : new Date(this.now).toISOString();
    await this.store.renewLease(
      { taskId: ID, incarnation, owner, epoch: held.epoch },
      sampleUpdate({ phase, phaseSince: since, leaseExpiresAt }),
    );
  }

  async #wish(desired: Task['desired']): Promise<void> {
    const task = await this.store.getTask(ID);
    if (task !== undefined && task.desired !== desired) await this.store.setDesired(task, desired, '');
  }
}

/** Errors that a control plane may meet here; everything else is a fault. */
async function tolerant(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof StoreUnavailableError || error instanceof ConflictError)) throw error;
  }
}

/** Of each life of the task at most one generation runs, and it is the newest one that was ever started. */
function expectOneGeneration(world: World): void {
  const running = world.fleet.running.map((r) => r.order);
  for (const { incarnation } of running) {
    const ofLife = world.fleet.replicators.filter((r) => r.order.incarnation === incarnation);
    const newest = Math.max(...ofLife.map((r) => r.order.generation));
    const generations = running.filter((o) => o.incarnation === incarnation).map((o) => o.generation);
    expect(generations).toEqual([newest]);
  }
}

/** Lets everything cooperate for a while: jobs stream, the store answers, the fleet has room. */
async function settle(world: World): Promise<void> {
  await drainFailures(world);
  for (let round = 0; round < 110; round++) {
    world.now += 7_000;
    await world.act('streaming');
    await world.sweep();
    expectOneGeneration(world);
  }
}

/** Failures that were announced and not met yet are met now. */
async function drainFailures(world: World): Promise<void> {
  for (let i = 0; i < 100; i++) await world.store.getTask(ID).catch(() => {});
  for (let i = 0; i < 100; i++) {
    const order = { taskId: 'nobody', incarnation: `nobody-${i}`, generation: 1 };
    await world.fleet.start(order).catch(() => {});
  }
  for (const r of world.fleet.running) if (r.order.taskId === 'nobody') world.fleet.end(r, 0);
}

test('whatever happens, one generation runs at most, and in a world that cooperates what is wanted comes true', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(EVENT, { maxLength: 40 }), async (events) => {
      const world = new World();
      await world.create();
      for (const event of events) {
        await tolerant(() => world.happen(event));
        expectOneGeneration(world);
      }
      await settle(world);

      const task = await world.store.getTask(ID);
      const running = world.fleet.running;
      expect(await world.store.listTombstones()).toEqual([]);
      if (task === undefined) {
        expect(running).toEqual([]);
        expect(await world.store.getLaunch(ID)).toBeUndefined();
        expect(await world.store.getRun(ID)).toBeUndefined();
        expect(world.secrets.secrets.size).toBe(0);
      } else if (task.desired === 'Paused') {
        expect(running).toEqual([]);
        expect(task.reason).toMatch(/^$|^internal: |^crash_loop: /);
      } else {
        const launch = await world.store.getLaunch(ID);
        expect(launch).toMatchObject({ generation: running[0]?.order.generation, attempts: 0 });
        expect(running[0]?.order.incarnation).toBe(task.incarnation);
        expect(await world.store.getRun(ID)).toMatchObject({
          phase: 'streaming',
          generation: launch?.generation,
          released: 'no',
        });
        expect([...world.secrets.secrets.keys()]).toEqual([task.incarnation]);
      }
    }),
    { numRuns: 150 },
  );
});

test('a replicator that always ends before it streams is started a bounded number of times, then parked', async () => {
  const world = new World();
  await world.create();
  const start = world.now;
  for (let i = 0; i < 2_000 && (await world.store.getTask(ID))?.desired === 'Running'; i++) {
    await world.sweep();
    await world.act('snapshot');
    for (const replicator of world.fleet.running) world.fleet.end(replicator, 1);
    world.now += 1_000;
  }
  expect(world.fleet.replicators).toHaveLength(POLICY.maxAttempts);
  expect((await world.store.getTask(ID))?.reason).toMatch(/^crash_loop: /);
  expect((world.now - start) / 60_000).toBeGreaterThan(10);
  expect((world.now - start) / 60_000).toBeLessThan(20);
});

test('a replicator that ends a moment after it streams is parked too', async () => {
  const world = new World();
  await world.create();
  for (let i = 0; i < 2_000 && (await world.store.getTask(ID))?.desired === 'Running'; i++) {
    await world.sweep();
    for (let j = 0; j < 3; j++) await world.act('streaming');
    for (const replicator of world.fleet.running) world.fleet.end(replicator, 1);
    world.now += 1_000;
  }
  expect((await world.store.getTask(ID))?.reason).toMatch(/^crash_loop: /);
});

test('a fleet without room is asked less and less often, and never parks the task', async () => {
  const world = new World();
  await world.create();
  const asked: number[] = [];
  const start = world.fleet.start.bind(world.fleet);
  world.fleet.start = (order) => {
    asked.push(world.now);
    world.fleet.refuseNext('no room at all');
    return start(order);
  };
  for (let i = 0; i < 3_600; i++) {
    await world.sweep();
    world.now += 1_000;
  }
  const task = await world.store.getTask(ID);
  expect(task?.desired).toBe('Running');
  expect(await world.store.getLaunch(ID)).toMatchObject({ pendingReason: 'no room at all', attempts: 0 });
  const pauses = asked.slice(1).map((at, i) => (at - (asked[i] ?? 0)) / 1_000);
  expect(pauses.slice(0, 7)).toEqual([5, 10, 20, 40, 80, 160, 300]);
  expect(Math.max(...pauses)).toBe(300);
  world.fleet.start = start;
  world.now += 300_000;
  await world.sweep();
  expect(world.fleet.running).toHaveLength(1);
  expect((await world.store.getLaunch(ID))?.unplaced).toBeUndefined();
});

test('a replicator that hangs is killed and replaced', async () => {
  const world = new World();
  await world.create();
  await world.sweep();
  await world.act('streaming');
  const [hanging] = world.fleet.running;
  world.now += 10_000 + POLICY.leaseGraceMs;
  await world.sweep();
  expect(hanging?.state).toMatchObject({ kind: 'stopped', exitCode: null });
  await world.sweep();
  world.now += 10_000;
  await world.sweep();
  expect(world.fleet.running.map((r) => r.order.generation)).toEqual([2]);
  expect((await world.store.getLaunch(ID))?.lastExit).toMatchObject({ generation: 1, confirmed: true });
});
