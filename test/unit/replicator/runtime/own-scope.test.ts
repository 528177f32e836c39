import { afterEach, describe, expect, test } from 'vitest';
import { EXIT } from '#shared/fleet/fleet.ts';
import type { Scope } from '#shared/task/scope.ts';
import type { Task } from '#shared/task/task.ts';
import type { Target, WriteRequest } from '../../../../replicator/target/target.ts';
import { Story } from './story.ts';

const FOO = { database: 'default', collection: 'foo' };
const EVERYTHING = { database: 'default', collection: '*' };
const ONLY_FOO: Scope = { include: [FOO], exclude: [] };

let end = (): void => undefined;
afterEach(() => end());

/** A task for everything beside one for `foo`, both at work. */
class TwoTasks {
  readonly all: Story;
  readonly foo: Story;
  readonly ids: { readonly foo: bigint; readonly bar: bigint };
  /** Task and collection of each write. */
  readonly writers = new Set<string>();
  /** Keys of `foo` that were written, by whomever. */
  readonly keysOfFoo: bigint[] = [];
  #keys = 0n;

  private constructor(all: Story, foo: Story) {
    this.all = all;
    this.foo = foo;
    const { source } = all;
    this.ids = {
      foo: source.createCollection('foo', { shards: 2 }),
      bar: source.createCollection('bar', { shards: 2 }),
    };
    end = () => {
      for (const story of [all, foo]) story.end();
    };
  }

  static async begin(): Promise<TwoTasks> {
    const scope: Scope = { include: [EVERYTHING], exclude: [FOO] };
    const all = await Story.begin({ scope, channels: 2 }, { id: 'all' });
    const foo = await Story.begin({ beside: all, scope: ONLY_FOO }, { id: 'foo' });
    const two = new TwoTasks(all, foo);
    two.watch(all);
    two.watch(foo);
    await foo.start();
    await all.start();
    two.insert();
    await two.equal();
    await all.until(() => all.phase === 'streaming' && foo.phase === 'streaming');
    expect(two.writers).toEqual(new Set(['foo foo', 'all bar']));
    return two;
  }

  /** Forgets who wrote what until now. */
  forget(): void {
    this.writers.clear();
    this.keysOfFoo.length = 0;
  }

  watch(story: Story): void {
    const open = story.openTarget.bind(story);
    const note = (request: WriteRequest) => {
      this.writers.add(`${story.task.id} ${request.collection}`);
      const keys = request.kind === 'delete' ? request.keys : request.parts.flatMap((part) => part.keys(100));
      if (request.collection === 'foo') this.keysOfFoo.push(...keys.map(BigInt));
    };
    story.openTarget = (alive) =>
      new Proxy(open(alive), {
        get: (inner, member: keyof Target) => {
          const value: unknown = Reflect.get(inner, member, inner);
          if (member !== 'write') return typeof value === 'function' ? value.bind(inner) : value;
          return (...args: Parameters<Target['write']>) => {
            note(args[0]);
            return inner.write(...args);
          };
        },
      });
  }

  /** A row for each collection. */
  insert(): bigint {
    this.#keys++;
    for (const id of Object.values(this.ids)) this.all.insert(id, [this.#keys]);
    return this.#keys;
  }

  /** As the API does it: the job has stopped before. */
  async delete(story: Story): Promise<void> {
    await story.stop();
    await this.later(story.store.deleteTask(story.task));
  }

  /** Another task for `foo`, not yet at work. */
  async fooAgain(): Promise<Story> {
    const { revision } = await this.later(this.all.store.getScope(this.all.task.targetIdentity));
    const task: Partial<Task> = { id: 'again', scopeRevision: revision + 1 };
    const again = await Story.begin({ beside: this.all, scope: ONLY_FOO }, task);
    this.watch(again);
    return again;
  }

  async later<T>(promise: Promise<T>): Promise<T> {
    await this.all.wait(100);
    return promise;
  }

  /** The job for everything notices that its part has changed, ends by itself and is started again, as reconcile does. */
  async restarted(): Promise<void> {
    await this.all.until(() => this.all.process?.end !== undefined);
    expect(this.all.process?.end).toMatchObject({ exitCode: EXIT.stopped, code: undefined });
    expect(this.all.run.released).toBe('drained');
    await this.all.start();
  }

  /** Waits until every row of both collections is on the target, once. */
  async equal(what = ''): Promise<void> {
    for (let passed = 0; passed < 30_000 && this.#differ(); passed += 100) await this.all.wait(100);
    expect(this.#rowsOnTarget(), what).toEqual(this.#rowsOfSource());
    expect(this.all.target.violations).toEqual([]);
  }

  #differ(): boolean {
    return this.#rowsOnTarget().join() !== this.#rowsOfSource().join();
  }

  #rowsOfSource(): string[] {
    const collections = Object.entries(this.ids).map(
      ([name, id]) => [name, this.all.source.collections().get(id)] as const,
    );
    const rows = collections.flatMap(([name, collection]) =>
      [...(collection?.rows.values() ?? [])].flatMap((partition) =>
        [...partition].map((row) => [name, ...row]),
      ),
    );
    return rows.map((row) => row.join(' ')).toSorted();
  }

  #rowsOnTarget(): string[] {
    const rows = Object.keys(this.ids).flatMap((name) =>
      (this.all.target.find({ database: 'default', collection: name })?.rows ?? []).map((row) => [
        ...[name, row.key, row.value],
      ]),
    );
    return rows.map((row) => row.join(' ')).toSorted();
  }

  /** The log forgets how the collections began, and keeps what the jobs have not passed yet. */
  async forgetBeginnings(): Promise<void> {
    await this.all.wait(20_000);
    for (const channel of ['dml_0', 'dml_1']) this.all.source.loseHistory(channel, 40);
  }
}

describe('what a deleted task had', () => {
  test('comes to the task that left it out, with all that happened meanwhile and nothing from before', async () => {
    const two = await TwoTasks.begin();
    await two.all.wait(20_000);
    two.forget();
    const first = two.insert();
    await two.delete(two.foo);
    two.insert();
    await two.restarted();
    two.insert();
    await two.equal();
    expect(two.keysOfFoo.toSorted()[0]).toBeGreaterThanOrEqual(first);
    expect(two.all.object(two.ids.foo)).toMatchObject({ state: 'bound', warnings: [], createdHere: true });
    await two.all.until(() => two.all.object(two.ids.foo)?.cursors.length === 0, 60_000);
    // Nothing else changed hands, so nothing is begun anew a second time.
    const { process } = two.all;
    two.insert();
    await two.equal();
    await two.all.wait(30_000);
    expect(two.all.process).toBe(process);
    expect(process?.end).toBeUndefined();
  });

  test('is complete although the log no longer holds its beginning', async () => {
    const two = await TwoTasks.begin();
    await two.forgetBeginnings();
    await two.delete(two.foo);
    two.insert();
    await two.restarted();
    two.insert();
    await two.equal();
    expect(two.all.object(two.ids.foo)?.warnings).toEqual([]);
  });

  test('is read from its beginning where nobody knows any more how it was left', async () => {
    const two = await TwoTasks.begin();
    two.insert();
    await two.equal();
    await two.all.wait(20_000);
    two.forget();
    await two.delete(two.foo);
    await two.later(two.all.store.purge(two.foo.task));
    await two.restarted();
    two.insert();
    await two.equal();
    expect(new Set(two.keysOfFoo)).toEqual(new Set([1n, 2n, 3n]));
    expect(two.all.object(two.ids.foo)).toMatchObject({ state: 'bound', warnings: [], createdHere: false });
  });

  test('is followed from now on, with a warning, where the log does not hold its beginning either', async () => {
    const two = await TwoTasks.begin();
    await two.forgetBeginnings();
    await two.delete(two.foo);
    await two.later(two.all.store.purge(two.foo.task));
    await two.restarted();
    await two.all.until(() => two.all.object(two.ids.foo)?.state === 'bound');
    expect(two.all.object(two.ids.foo)?.warnings).toMatchObject([{ code: 'history_partial' }]);
    two.insert();
    await two.equal();
  });

  test.each([true, false])('arrives whenever the next job dies, also when purged=%s', async (purged) => {
    for (let writes = 0; writes < 8; writes++) {
      const two = await TwoTasks.begin();
      await two.delete(two.foo);
      two.insert();
      if (purged) await two.later(two.all.store.purge(two.foo.task));
      await two.restarted();
      let left = writes;
      const { before } = two.all.store;
      two.all.store.before = (call) => {
        const isWrite = call.verb === 'putObject' || call.verb === 'renewLease';
        if (isWrite && left-- === 0) two.all.kill();
        return before?.(call);
      };
      await two.all.wait(4_000);
      two.all.store.before = before;
      if (two.all.process?.alive === true) two.all.kill();
      await two.all.start();
      two.insert();
      await two.equal(`${writes} writes`);
      end();
    }
  });

  test('is dropped with the source when that had begun', async () => {
    const two = await TwoTasks.begin();
    const release = two.foo.holdBack('dropCollection');
    await two.foo.stop();
    await two.foo.start();
    await two.foo.until(() => two.foo.phase === 'streaming');
    two.all.source.dropCollection(two.ids.foo);
    await two.foo.until(() => two.foo.object(two.ids.foo)?.state === 'dropping', 60_000);
    two.foo.kill();
    release();
    await two.later(two.all.store.deleteTask(two.foo.task));
    await two.restarted();
    await two.all.until(() => two.all.target.find(FOO) === undefined, 60_000);
  });
});

describe('a task that takes a collection back', () => {
  test('sends nothing until the other one has let go, and then what came after', async () => {
    const two = await TwoTasks.begin();
    await two.delete(two.foo);
    await two.restarted();
    two.insert();
    await two.equal();
    await two.forgetBeginnings();

    const again = await two.fooAgain();
    two.forget();
    await again.start();
    const first = two.insert();
    await two.all.until(() => two.all.process?.end !== undefined);
    expect(two.writers).not.toContain('again foo');
    two.insert();
    await two.restarted();
    two.insert();
    await two.equal();
    expect(two.keysOfFoo.toSorted()[0]).toBeGreaterThanOrEqual(first);
    two.forget();
    two.insert();
    await two.equal();
    expect(two.writers).toEqual(new Set(['again foo', 'all bar']));
    expect(again.object(two.ids.foo)).toMatchObject({ state: 'bound', warnings: [] });
    await two.all.until(() => two.all.run.scopeRevision === again.task.scopeRevision);

    // And once more to the first: of the two accounts that there are now, the newer one counts.
    await two.all.wait(20_000);
    await two.delete(again);
    two.forget();
    const next = two.insert();
    await two.restarted();
    await two.equal();
    expect(two.keysOfFoo.toSorted()[0]).toBeGreaterThanOrEqual(next);
    expect(two.all.object(two.ids.foo)?.leftAt).toBeUndefined();
  });

  test('waits for a job that is silent until that one cannot send any more', async () => {
    const two = await TwoTasks.begin();
    await two.delete(two.foo);
    await two.restarted();
    two.insert();
    await two.equal();
    two.all.kill();

    const again = await two.fooAgain();
    two.forget();
    const from = two.all.clock.monotonic();
    await again.start();
    two.insert();
    await again.until(() => again.phase === 'retrying');
    expect(again.run.reason).toEqual({
      code: 'handover',
      message: 'task all still replicates what this task takes over; it stops within seconds',
    });
    const { leaseMs, requestDeadlineMs, settleMs } = again.settings;
    const passed = two.all.clock.monotonic() - from;
    await two.all.wait(leaseMs + requestDeadlineMs + settleMs - passed);
    expect(two.writers.size).toBe(0);
    await again.until(() => again.phase === 'streaming', 10_000);
    await again.until(() => two.writers.has('again foo'));
  });
});

test('a job tells that it left something only when its predecessor’s last requests are over', async () => {
  const two = await TwoTasks.begin();
  await two.all.until(() => two.all.run.scopeRevision !== undefined);
  two.all.kill();
  const { run, settings } = two.all;
  await two.later(two.all.store.releaseLease(run, run, 'undrained'));
  await two.all.start(false);
  await two.all.until(() => two.all.run.generation === 2);
  const { beat } = two.all.run;
  await two.all.wait(settings.requestDeadlineMs + settings.settleMs - 500);
  expect(two.all.run.beat).toBeGreaterThan(beat);
  expect(two.all.run.scopeRevision).toBeUndefined();
  await two.all.until(() => two.all.run.scopeRevision === run.scopeRevision);
});

test('a job tells that it knows of a deletion only when it has taken over what was left', async () => {
  const two = await TwoTasks.begin();
  const release = two.all.holdBackSource('readCatalog');
  await two.delete(two.foo);
  await two.restarted();
  await two.all.until(() => two.all.run.generation === 2);
  await two.all.wait(20_000);
  expect(two.all.run).toMatchObject({ released: 'no', generation: 2 });
  expect(two.all.run.scopeRevision).toBeUndefined();
  release();
  await two.all.until(() => two.all.run.scopeRevision !== undefined);
  expect(two.all.object(two.ids.foo)).toBeDefined();
});

test('a task that nobody gives way to asks for nobody', async () => {
  const story = await Story.begin();
  end = () => story.end();
  const asked = new Set<string>();
  const { before } = story.store;
  story.store.before = (call) => {
    asked.add(call.verb);
    return before?.(call);
  };
  await story.start();
  await story.wait(20_000);
  expect(asked).not.toContain('getScope');
  expect(asked).not.toContain('listTombstones');
  expect(story.run.scopeRevision).toBeUndefined();
});
