import fc from 'fast-check';
import { expect, test } from 'vitest';
import { World } from '../../../support/fakes/world.ts';

/** How many runs, and which: `CDC_SIM_RUNS`, `CDC_SIM_SEED` and `CDC_SIM_PATH` repeat what a failure printed; `CDC_SIM_SHRINK`
 *  looks for a smaller one. */
function simulationParameters() {
  const { CDC_SIM_RUNS, CDC_SIM_SEED, CDC_SIM_PATH, CDC_SIM_SHRINK } = process.env;
  return {
    numRuns: Number(CDC_SIM_RUNS ?? 100),
    endOnFailure: CDC_SIM_SHRINK === undefined,
    ...(CDC_SIM_SEED === undefined ? {} : { seed: Number(CDC_SIM_SEED) }),
    ...(CDC_SIM_PATH === undefined ? {} : { path: CDC_SIM_PATH }),
  };
}

/** What a user of the source, or fate, may do next. Numbers are taken modulo what there is. */
const commands = fc.array(
  fc.record({
    kind: fc.constantFrom(
      'insert',
      'insert',
      'insert',
      'insert',
      'delete',
      'delete',
      'upsert',
      'upsert',
      'upsert',
      'create',
      'drop',
      'recreate',
      'create-database',
      'drop-database',
      'recreate-database',
      'create-partition',
      'drop-partition',
      'recreate-partition',
      'index',
      'load',
      'crash',
      'crash-unconfirmed',
      'restart',
      'source-away',
      'target-away',
      'wait',
    ),
    a: fc.nat(1_000),
    b: fc.nat(1_000),
    wait: fc.nat(400),
  }),
  { minLength: 10, maxLength: 70 },
);

/** Of the source; the target has the last one before the task begins. */
const DATABASES = ['d0', 'd1', 'd2', 'theirs'];

class Actor {
  readonly world: World;
  #value = 0;
  #names = 0;
  /** Where each key of a collection lives: a key is unique, as the promise demands. */
  readonly #homes = new Map<bigint, Map<bigint, bigint>>();

  constructor(world: World) {
    this.world = world;
  }

  #live(a: number) {
    const live = [...this.world.source.collections().values()].filter((c) => c.catalog.state === 'created');
    return live[a % Math.max(1, live.length)];
  }

  create(name = `c${this.#names++}`, shards = 1, database = 'default'): void {
    const id = this.world.source.createCollection(name, { shards, database });
    this.#homes.set(id, new Map());
  }

  /** Drops a database with what is in it; answers the names of its collections. */
  #dropDatabase(database: string): string[] {
    const { source } = this.world;
    const inside = [...source.collections().values()].filter(
      ({ catalog }) => catalog.database === database && catalog.state === 'created',
    );
    for (const { catalog } of inside) source.dropCollection(catalog.id);
    source.dropDatabase(database);
    return inside.map(({ catalog }) => catalog.name);
  }

  async run(command: { readonly kind: string; readonly a: number; readonly b: number }): Promise<void> {
    const { source, target, clock } = this.world;
    const { kind, a, b } = command;
    const collection = this.#live(a);
    const id = collection?.catalog.id ?? 0n;
    const homes = this.#homes.get(id) ?? new Map<bigint, bigint>();
    const partitions = [...(collection?.catalog.partitions.values() ?? [])].filter(
      (p) => p.state === 'created',
    );
    const partition = partitions[b % Math.max(1, partitions.length)];
    const keys = Array.from({ length: 1 + (b % 6) }, (_, i) => BigInt((a * 7 + i * 3) % 40));
    switch (kind) {
      case 'create':
        if (source.collections().size < 6) {
          this.create(undefined, 1 + (a % 3), source.databases()[b % source.databases().length]);
        }
        return;
      case 'drop':
        if (collection !== undefined) source.dropCollection(id);
        return;
      case 'recreate':
        if (collection === undefined) return;
        source.dropCollection(id);
        this.create(collection.catalog.name, 1 + (b % 3), collection.catalog.database);
        return;
      case 'create-database': {
        const name = DATABASES[a % DATABASES.length]!;
        if (!source.databases().includes(name)) source.createDatabase(name);
        return;
      }
      case 'drop-database':
      case 'recreate-database': {
        const mine = source.databases().filter((name) => name !== 'default');
        const name = mine[a % Math.max(1, mine.length)];
        if (name === undefined) return;
        const names = this.#dropDatabase(name);
        if (kind === 'drop-database') return;
        source.createDatabase(name);
        for (const again of names.slice(b % 2)) this.create(again, 1, name);
        return;
      }
      case 'insert': {
        if (partition === undefined) return;
        const fresh = keys.filter((key) => !homes.has(key));
        for (const key of fresh) homes.set(key, partition.id);
        if (fresh.length > 0)
          source.insert(
            id,
            partition.id,
            [...new Set(fresh)].map((key) => ({ key, value: this.#value++ })),
          );
        return;
      }
      case 'upsert': {
        if (partition === undefined) return;
        const here = keys.filter((key) => (homes.get(key) ?? partition.id) === partition.id);
        for (const key of here) homes.set(key, partition.id);
        if (here.length > 0)
          source.upsert(
            id,
            partition.id,
            [...new Set(here)].map((key) => ({ key, value: this.#value++ })),
          );
        return;
      }
      case 'delete':
        if (collection === undefined) return;
        for (const key of keys) homes.delete(key);
        source.delete(id, [...new Set(keys)]);
        return;
      case 'create-partition':
        if (collection !== undefined && partitions.length < 4)
          source.createPartition(id, `p${this.#names++}`);
        return;
      case 'drop-partition':
      case 'recreate-partition':
        if (partition === undefined || partition.name === '_default') return;
        source.dropPartition(id, partition.id);
        for (const [key, home] of homes) if (home === partition.id) homes.delete(key);
        if (kind === 'recreate-partition') source.createPartition(id, partition.name);
        return;
      case 'index':
        if (collection === undefined || collection.catalog.load.kind !== 'released') return;
        source.setIndexes(
          id,
          b % 3 === 0 ? [] : [{ name: 'ix', fieldName: 'value', params: { nlist: String(b % 3) } }],
        );
        return;
      case 'load':
        if (collection === undefined || collection.catalog.indexes.length === 0) return;
        source.setLoad(
          id,
          collection.catalog.load.kind === 'released'
            ? { kind: 'collection', replicas: 1 }
            : { kind: 'released' },
        );
        return;
      case 'crash':
      case 'crash-unconfirmed':
        this.world.kill();
        await clock.advance(b);
        return this.world.start(kind === 'crash');
      case 'restart':
        await this.world.stop();
        return this.world.start();
      case 'source-away':
        source.away = true;
        await clock.advance(a * 5);
        source.away = false;
        return;
      case 'target-away':
        target.away = true;
        await clock.advance(a * 5);
        target.away = false;
        return;
      default:
        await clock.advance(a * 5);
    }
  }
}

test('after any mix of changes, crashes and lost answers the target ends equal to the source, each row once', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer(), commands, async (seed, steps) => {
      const world = new World({ seed, channels: 3 });
      const actor = new Actor(world);
      try {
        actor.create('first', 2);
        world.target.createForeign('theirs');
        world.target.tellsCreation = seed % 2 === 0;
        await world.create();
        await world.start();
        await world.clock.advance(1_000);
        world.target.faults = { ambiguous: 0.05, busy: 0.05 };
        for (const step of steps) {
          await actor.run(step);
          await world.clock.advance(step.wait);
        }
        world.target.faults = { ambiguous: 0, busy: 0 };
        expect(await world.converge(120_000)).toEqual([]);
        expect(world.process?.end).toBeUndefined();
      } finally {
        world.end();
      }
    }),
    simulationParameters(),
  );
}, 120_000);
