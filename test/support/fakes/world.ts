import { createLogger } from '#shared/log.ts';
import type { TaskStore } from '#shared/store/task-store.ts';
import { carriesDatabase, inScope, mapDatabase, mapName } from '#shared/task/scope.ts';
import type { Task } from '#shared/task/task.ts';
import { Job, type JobEnd } from '../../../replicator/runtime/job.ts';
import type { MetricsSink } from '../../../replicator/runtime/metrics-reporter.ts';
import { type Settings, settingsSchema } from '../../../replicator/runtime/settings.ts';
import type { ChangeSource, ReadOptions } from '../../../replicator/source/change-source.ts';
import type { Target } from '../../../replicator/target/target.ts';
import { FakeSource } from './fake-source.ts';
import { FakeTargetServer } from './fake-target.ts';
import { MemoryTaskStore } from './memory-task-store.ts';
import { SimClock } from './sim-clock.ts';
import { sampleTask } from './task-samples.ts';

/** A generator of numbers in [0, 1) that a seed decides. */
export function seeded(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** One replicator process of the simulation; after {@link kill} nothing of it ever goes on. */
class Process {
  alive = true;
  readonly stop = new AbortController();
  readonly ended: Promise<JobEnd>;
  end: JobEnd | undefined;

  constructor(world: World, generation: number) {
    const guard = <T extends object>(port: T): T =>
      new Proxy(port, {
        get: (inner, name) => {
          const member: unknown = Reflect.get(inner, name, inner);
          if (typeof member !== 'function') return member;
          if (name === 'read') {
            return (channel: string, offset: bigint, options: ReadOptions) =>
              this.#read(inner as ChangeSource, channel, offset, options);
          }
          return async (...args: unknown[]) => {
            await this.#living();
            const result: unknown = await member.apply(inner, args);
            await this.#living();
            return result;
          };
        },
      });
    const { clock } = world;
    const job = new Job({
      taskId: world.task.id,
      incarnation: world.task.incarnation,
      generation,
      owner: `owner-${generation}`,
      store: guard<TaskStore>(world.store),
      source: guard<ChangeSource>(world.source),
      openTarget: async () => world.openTarget(() => this.alive),
      clock: {
        monotonic: () => clock.monotonic(),
        wall: () => clock.wall(),
        random: () => clock.random(),
        after: (ms, callback) => clock.after(ms, () => this.alive && callback()),
      },
      settings: world.settings,
      metrics: world.metrics,
      log: createLogger(process.env['CDC_SIM_LOG'] ?? 'silent', { generation }),
      drainMs: 2_000,
    });
    this.ended = job.run(this.stop.signal);
    void this.ended.then((end) => {
      if (this.alive) this.end = end;
    });
  }

  kill(): void {
    this.alive = false;
  }

  async #living(): Promise<void> {
    if (!this.alive) await new Promise(() => undefined);
  }

  async *#read(source: ChangeSource, channel: string, offset: bigint, options: ReadOptions) {
    for await (const records of source.read(channel, offset, options)) {
      await this.#living();
      yield records;
      await this.#living();
    }
  }
}

export interface WorldOptions {
  readonly seed: number;
  readonly channels: number;
  readonly scope?: Task['scope'];
  readonly settings?: Partial<Settings>;
  /** Another world, with whose source, target, store and time this one's replicator works, for a task of its own. */
  readonly beside?: World;
}

/** A source, a target, a store and the replicator between them, in simulated time. */
export class World {
  readonly clock: SimClock;
  readonly random: () => number;
  readonly source: FakeSource;
  readonly target: FakeTargetServer;
  readonly store: MemoryTaskStore;
  readonly task: Task;
  readonly settings: Settings;
  /** Given to the processes that start from now on. */
  metrics: MetricsSink | undefined;
  #generation = 0;
  #process: Process | undefined;
  #ticking = true;
  /** False: ticks come only when a test asks the source for one. */
  ticks = true;

  constructor(options: WorldOptions) {
    const { beside } = options;
    this.random = beside?.random ?? seeded(options.seed);
    this.clock = beside?.clock ?? new SimClock(this.random);
    const { clock, random } = this;
    this.settings = { ...settingsSchema.parse({}), ...options.settings };
    this.source = beside?.source ?? new FakeSource({ clock, channels: options.channels, random });
    this.target = beside?.target ?? new FakeTargetServer({ clock, random, settleMs: this.settings.settleMs });
    this.store = beside?.store ?? new MemoryTaskStore({ now: () => clock.wall() });
    this.task = sampleTask({
      scope: options.scope ?? { include: [{ database: '*', collection: '*' }], exclude: [] },
    });
    if (beside !== undefined) return;
    this.store.before = () => clock.sleep(random() * 10);
    const tick = () => {
      if (!this.#ticking) return;
      if (this.ticks) this.source.tick();
      clock.after(200, tick);
    };
    clock.after(200, tick);
  }

  async create(): Promise<void> {
    const store = async () => {
      const { revision } = await this.store.getScope(this.task.targetIdentity);
      await this.store.createTask(this.task, { maxTasks: 10, seen: revision });
    };
    const created = store();
    await this.clock.advance(100);
    await created;
  }

  openTarget(alive: () => boolean): Target {
    return this.target.client(alive);
  }

  get process(): Process | undefined {
    return this.#process;
  }

  /** Starts the next generation; `confirmed` tells it that its predecessor is known to be dead. */
  async start(confirmed = true): Promise<void> {
    const before = this.#generation;
    this.#generation++;
    const at = new Date(this.clock.wall()).toISOString();
    const written = this.store.putLaunch(
      {
        version: 1,
        taskId: this.task.id,
        incarnation: this.task.incarnation,
        generation: this.#generation,
        launchedAt: at,
        attempts: 0,
        notBefore: at,
        ...(before === 0 ? {} : { lastExit: { generation: before, code: null, at, confirmed, message: '' } }),
      },
      before === 0 ? undefined : before,
    );
    await this.clock.advance(100);
    await written;
    this.#process = new Process(this, this.#generation);
  }

  kill(): void {
    this.#process?.kill();
  }

  /** Asks the replicator to stop and waits for it. */
  async stop(): Promise<JobEnd> {
    const process = this.#process!;
    process.stop.abort();
    for (let i = 0; i < 400 && process.end === undefined; i++) await this.clock.advance(50);
    if (process.end === undefined) throw new Error('the job did not stop within 20 s');
    return process.end;
  }

  /** Lets time pass until the target equals the source or `ms` are over; answers the differences. */
  async converge(ms: number): Promise<string[]> {
    let differences = this.differences();
    for (let passed = 0; passed < ms && differences.length > 0; passed += 500) {
      await this.clock.advance(500);
      differences = this.differences();
    }
    return differences;
  }

  differences(): string[] {
    const out: string[] = [...this.target.violations, ...this.#databaseDifferences()];
    const wanted = new Set<string>();
    const { scope, mappings } = this.task;
    for (const { catalog, rows } of this.source.collections().values()) {
      if (catalog.state !== 'created' || !inScope(scope, catalog.database, catalog.name)) continue;
      const mapped = mapName(mappings, catalog.database, catalog.name);
      const name = `${mapped.database}.${mapped.collection}`;
      wanted.add(name);
      const found = this.target.collections.get(name);
      if (found === undefined) {
        out.push(`${name} is missing`);
        continue;
      }
      const expected = [...rows].flatMap(([partition, truth]) =>
        [...truth].map(([key, value]) => `${catalog.partitions.get(partition)?.name}/${key}=${value}`),
      );
      const actual = found.rows.map((row) => `${row.partition}/${row.key}=${row.value}`);
      out.push(...compare(name, expected.sort(), actual.sort()));
      const partitions = [...catalog.partitions.values()]
        .filter((p) => p.state === 'created')
        .map((p) => p.name);
      out.push(...compare(`${name} partitions`, partitions.sort(), [...found.partitions].sort()));
      const indexes = catalog.indexes.map((index) => `${index.name}:${JSON.stringify(index.params)}`);
      const made = [...found.indexes.values()].map(
        (index) => `${index.name}:${JSON.stringify(index.params)}`,
      );
      out.push(...compare(`${name} indexes`, indexes.sort(), made.sort()));
      out.push(...compare(`${name} load`, [catalog.load.kind], [found.load.kind]));
    }
    for (const name of this.target.collections.keys())
      if (!wanted.has(name)) out.push(`${name} should be gone`);
    return out;
  }

  #databaseDifferences(): string[] {
    const { scope, mappings } = this.task;
    const carried = this.source.databases().filter((name) => carriesDatabase(scope, name));
    const expected = new Set(['default', ...carried.map((name) => mapDatabase(mappings, name))]);
    const found = [...this.target.databases.keys()].filter(
      (name) => expected.has(name) || !this.target.foreign.has(name),
    );
    return compare('databases', [...expected].sort(), found.sort());
  }

  end(): void {
    this.#ticking = false;
    this.kill();
  }
}

function compare(what: string, expected: readonly string[], actual: readonly string[]): string[] {
  if (JSON.stringify(expected) === JSON.stringify(actual)) return [];
  const missing = expected.filter((item) => !actual.includes(item));
  const surplus = actual.filter((item, i) => !expected.includes(item) || actual.indexOf(item) !== i);
  return [
    `${what}: missing ${missing.slice(0, 5).join(' ')}; surplus ${surplus.slice(0, 5).join(' ')} (${expected.length} expected, ${actual.length} found)`,
  ];
}
