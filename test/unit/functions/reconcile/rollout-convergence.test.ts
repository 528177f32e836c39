import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ConflictError, StoreUnavailableError } from '#shared/store/task-store.ts';
import type { Launch, Task } from '#shared/task/task.ts';
import { itemKey } from '../../../support/fakes/memory-task-store.ts';
import { type Behaviour, RolloutWorld } from './rollout-world.ts';

const IDS = ['a', 'b', 'c', 'd'] as const;

/** What may happen while releases come and go. */
type Event =
  | { readonly kind: 'time'; readonly minutes: number }
  | { readonly kind: 'deploy'; readonly behaviours: readonly Behaviour[] }
  | { readonly kind: 'pause' | 'resume' | 'delete' | 'create' | 'crash'; readonly id: string }
  | { readonly kind: 'trouble'; readonly id: string; readonly behaviour: Behaviour | undefined }
  | { readonly kind: 'store fails' | 'start refused' | 'start answer lost' };

const BEHAVIOUR = fc.constantFrom<Behaviour[]>(
  'streams',
  'streams',
  'streams',
  'waits',
  'crashes',
  'gives up',
  'hangs',
  'does not stop',
);

const EVENT: fc.Arbitrary<Event> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('time' as const), minutes: fc.constantFrom(1, 2, 6) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('deploy' as const),
      behaviours: fc.array(BEHAVIOUR, { minLength: IDS.length, maxLength: IDS.length }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom('pause' as const, 'resume', 'delete', 'create', 'crash'),
      id: fc.constantFrom(...IDS),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('trouble' as const),
      id: fc.constantFrom(...IDS),
      behaviour: fc.option(BEHAVIOUR, { nil: undefined }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constantFrom('store fails' as const, 'start refused' as const, 'start answer lost' as const),
    }),
  },
);

/** A world that notes whenever a roll-out stops a replicator while another task is on trial. */
class WatchedWorld extends RolloutWorld {
  readonly violations: string[] = [];
  #releases = 1;

  constructor() {
    super('release-1');
    const note = this.fleet.onDrain;
    this.fleet.onDrain = (replicator) => {
      note(replicator);
      const id = replicator.order.taskId;
      // A task that is wanted Running is asked to stop by a roll-out only.
      if (this.#stored('task', id)?.desired !== 'Running') return;
      const others = IDS.filter((other) => other !== id && this.#onTrial(other));
      if (others.length > 0) this.violations.push(`${id} was moved while ${others.join()} was on trial`);
    };
  }

  async happen(event: Event): Promise<void> {
    switch (event.kind) {
      case 'time':
        return this.minutes(event.minutes);
      case 'deploy': {
        const release = `release-${++this.#releases}`;
        for (const [i, behaviour] of event.behaviours.entries())
          this.behave(behaviour, { task: IDS[i], release });
        return this.deploy(release);
      }
      case 'pause':
      case 'resume':
      case 'delete':
      case 'create':
        return this.#ask(event.kind, event.id);
      case 'crash':
        for (const r of this.fleet.running) if (r.order.taskId === event.id) this.fleet.end(r, 1);
        return;
      case 'trouble':
        if (event.behaviour === undefined) this.behaviours.delete(`${event.id} on *`);
        else this.behave(event.behaviour, { task: event.id });
        return;
      case 'store fails':
        return this.store.failNext(new StoreUnavailableError('away'));
      case 'start refused':
        return this.fleet.refuseNext();
      case 'start answer lost':
        return this.fleet.loseNextAnswer();
    }
  }

  /** Everything works from now on, everything is wanted, and the last release is a good one. */
  async settle(): Promise<void> {
    this.behaviours.clear();
    for (let i = 0; i < 60; i++) await tolerant(() => this.store.getLogLevel().then(() => undefined));
    this.deploy('final');
    for (const id of IDS) {
      await tolerant(() => this.#ask('create', id));
      await tolerant(() => this.#ask('resume', id));
    }
    for (let minute = 0; minute < 60 && !this.#settled; minute++) await tolerant(() => this.minutes(1));
    await this.minutes(2);
  }

  get #settled(): boolean {
    const final = this.fleet.running.filter(({ release }) => release === 'final');
    return final.length === IDS.length && this.last?.rollout.kind === 'none';
  }

  async #ask(what: 'pause' | 'resume' | 'delete' | 'create', id: string): Promise<void> {
    const task = await this.store.getTask(id);
    if (what === 'create' && task === undefined) await this.create(id);
    else if (what === 'delete' && task !== undefined) await this.delete(id);
    else if (what === 'pause' && task?.desired === 'Running') await this.wish(id, 'Paused');
    else if (what === 'resume' && task?.desired === 'Paused') await this.wish(id, 'Running');
  }

  #onTrial(id: string): boolean {
    const [task, launch] = [this.#stored('task', id), this.#stored('launch', id)];
    if (task?.desired !== 'Running' || launch?.incarnation !== task.incarnation) return false;
    const ended = launch.lastExit?.generation === launch.generation;
    return (
      (launch.onTrialSince !== undefined && launch.release === this.fleet.release) ||
      (launch.stopAskedAt !== undefined && !ended)
    );
  }

  #stored<K extends 'task' | 'launch'>(kind: K, id: string): { task: Task; launch: Launch }[K] | undefined {
    return this.store.items.get(itemKey(kind, id)) as { task: Task; launch: Launch }[K] | undefined;
  }
}

/** What a control plane or a client of it may meet here; the next sweep goes on. */
async function tolerant(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof StoreUnavailableError || error instanceof ConflictError)) throw error;
  }
}

function expectOneGenerationEach(world: RolloutWorld): void {
  const ids = world.fleet.running.map(({ order }) => `${order.taskId} ${order.incarnation}`);
  expect(ids).toEqual([...new Set(ids)]);
}

test('whatever is deployed and happens, one task is on trial at a time, and in the end all run a release that works', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(EVENT, { maxLength: 30 }), async (events) => {
      const world = new WatchedWorld();
      await world.create(...IDS);
      for (const event of events) {
        await tolerant(() => world.happen(event));
        expectOneGenerationEach(world);
        expect(world.violations).toEqual([]);
      }
      await world.settle();
      expect(world.violations).toEqual([]);
      expect(world.running).toEqual(IDS.map((id) => `${id} final`));
      expect(await world.streaming()).toEqual(IDS);
      expect(world.last).toMatchObject({ failed: 0, rollout: { kind: 'none' }, rolloutHalted: 0 });
      for (const id of IDS) expect((await world.launch(id)).onTrialSince).toBeUndefined();
    }),
    { numRuns: 40 },
  );
});

test('of many tasks that stream, a release that does not work breaks one, whatever it does to them', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom<Behaviour[]>('waits', 'crashes', 'gives up', 'hangs'), {
        minLength: 4,
        maxLength: 4,
      }),
      async (behaviours) => {
        const world = new WatchedWorld();
        await world.create(...IDS);
        await world.minutes(3);
        await world.happen({ kind: 'deploy', behaviours });
        for (let minute = 0; minute < 40; minute++) {
          await world.minutes(1);
          expect((await world.streaming()).length).toBeGreaterThanOrEqual(IDS.length - 1);
        }
        expect(world.last?.rolloutHalted).toBe(1);
      },
    ),
    { numRuns: 10 },
  );
});
