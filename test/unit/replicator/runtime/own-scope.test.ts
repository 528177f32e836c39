import { afterEach, expect, test } from 'vitest';
import { EXIT } from '#shared/fleet/fleet.ts';
import type { Scope } from '#shared/task/scope.ts';
import type { Target } from '../../../../replicator/target/target.ts';
import { Story } from './story.ts';

const FOO = { database: 'default', collection: 'foo' };
const EVERYTHING = { database: 'default', collection: '*' };

let end = (): void => undefined;
afterEach(() => end());

/** A task for everything beside one for `foo`, both at work, and the writes of each: `task collection`. */
class TwoTasks {
  readonly writes: string[] = [];
  readonly all: Story;
  readonly foo: Story;
  readonly ids: { readonly foo: bigint; readonly bar: bigint };
  #keys = 0n;

  private constructor(all: Story, foo: Story) {
    this.all = all;
    this.foo = foo;
    this.ids = { foo: all.source.createCollection('foo'), bar: all.source.createCollection('bar') };
    end = () => {
      for (const story of [all, foo]) story.end();
    };
  }

  static async begin(): Promise<TwoTasks> {
    const scope: Scope = { include: [EVERYTHING], exclude: [FOO] };
    const all = await Story.begin({ scope }, { id: 'all' });
    const foo = await Story.begin({ beside: all, scope: { include: [FOO], exclude: [] } }, { id: 'foo' });
    const two = new TwoTasks(all, foo);
    two.watch(all);
    two.watch(foo);
    await foo.start();
    await all.start();
    two.insert();
    expect(await all.converge(20_000)).toEqual([]);
    await all.until(() => all.phase === 'streaming' && foo.phase === 'streaming');
    expect(new Set(two.writes)).toEqual(new Set(['foo foo', 'all bar']));
    two.writes.length = 0;
    return two;
  }

  watch(story: Story): void {
    const open = story.openTarget.bind(story);
    story.openTarget = (alive) => {
      const target = open(alive);
      return new Proxy(target, {
        get: (inner, member: keyof Target) => {
          const value: unknown = Reflect.get(inner, member, inner);
          if (member !== 'write') return typeof value === 'function' ? value.bind(inner) : value;
          return (...args: Parameters<Target['write']>) => {
            this.writes.push(`${story.task.id} ${args[0].collection}`);
            return inner.write(...args);
          };
        },
      });
    };
  }

  /** A row for each collection. */
  insert(): void {
    this.#keys++;
    for (const id of Object.values(this.ids)) this.all.insert(id, [this.#keys]);
  }

  /** As the API does it: the job has stopped before. */
  async delete(story: Story): Promise<void> {
    await story.stop();
    this.insert();
    const deleted = story.store.deleteTask(story.task);
    await story.wait(100);
    await deleted;
  }

  /** Another task for `foo`, not yet at work. */
  async fooAgain(): Promise<Story> {
    const { revision } = await this.later(this.all.store.getScope(this.all.task.targetIdentity));
    const scope: Scope = { include: [FOO], exclude: [] };
    const again = await Story.begin(
      { beside: this.all, scope },
      { id: 'again', scopeRevision: revision + 1 },
    );
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
}

test('what a deleted task had comes to the task that left it out, with all that happened meanwhile', async () => {
  const two = await TwoTasks.begin();
  await two.delete(two.foo);
  two.insert();
  await two.restarted();
  two.insert();
  expect(await two.all.converge(20_000)).toEqual([]);
  expect(two.all.object(two.ids.foo)).toMatchObject({ state: 'bound' });
  await two.all.until(() => two.all.object(two.ids.foo)?.cursors.length === 0, 60_000);
  // Nothing else changed hands, so nothing was begun anew a second time.
  const { process } = two.all;
  two.insert();
  expect(await two.all.converge(20_000)).toEqual([]);
  await two.all.wait(30_000);
  expect(two.all.process).toBe(process);
  expect(process?.end).toBeUndefined();
});

test('it is read from its beginning also when the job dies before it has written down what it found', async () => {
  for (let writes = 0; writes < 6; writes++) {
    const two = await TwoTasks.begin();
    await two.delete(two.foo);
    await two.restarted();
    let left = writes;
    const { before } = two.all.store;
    two.all.store.before = (call) => {
      if (call.verb === 'putObject' && left-- === 0) two.all.kill();
      return before?.(call);
    };
    await two.all.wait(3_000);
    two.all.store.before = before;
    if (two.all.process?.alive === true) two.all.kill();
    await two.all.start();
    two.insert();
    expect(await two.all.converge(20_000), `${writes} writes`).toEqual([]);
    end();
  }
});

test('a task that takes it back sends nothing until the other one has let go, and then all of it', async () => {
  const two = await TwoTasks.begin();
  await two.delete(two.foo);
  await two.restarted();
  expect(await two.all.converge(20_000)).toEqual([]);

  const again = await two.fooAgain();
  two.writes.length = 0;
  await again.start();
  two.insert();
  await two.all.until(() => two.all.process?.end !== undefined);
  expect(two.writes).not.toContain('again foo');
  await two.restarted();
  two.insert();
  expect(await two.all.converge(20_000)).toEqual([]);
  two.writes.length = 0;
  two.insert();
  expect(await two.all.converge(20_000)).toEqual([]);
  expect(new Set(two.writes)).toEqual(new Set(['again foo', 'all bar']));
  expect(two.all.object(two.ids.foo)).toBeUndefined();
  expect(two.all.run.scopeRevision).toBe(again.task.scopeRevision);
});

test('a task that takes it back from a job that is silent waits until that one cannot send any more', async () => {
  const two = await TwoTasks.begin();
  await two.delete(two.foo);
  await two.restarted();
  expect(await two.all.converge(20_000)).toEqual([]);
  two.all.kill();

  const again = await two.fooAgain();
  two.writes.length = 0;
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
  expect(two.writes).toEqual([]);
  await again.until(() => again.phase === 'streaming', 10_000);
  await again.until(() => two.writes.includes('again foo'));
});

test('a task that nobody gives way to asks for nobody', async () => {
  const story = await Story.begin();
  end = () => story.end();
  const asked: string[] = [];
  const { before } = story.store;
  story.store.before = (call) => {
    asked.push(call.verb);
    return before?.(call);
  };
  await story.start();
  await story.wait(20_000);
  expect(asked).not.toContain('getScope');
  expect(story.run.scopeRevision).toBeUndefined();
});
