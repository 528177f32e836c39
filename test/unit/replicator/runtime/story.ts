import type { Phase, Run, TaskObject } from '#shared/task/run.ts';
import type { Task } from '#shared/task/task.ts';
import type { Key } from '../../../../replicator/engine/change.ts';
import type { Target, WriteRequest } from '../../../../replicator/target/target.ts';
import { itemKey, type StoreVerb } from '../../../support/fakes/memory-task-store.ts';
import { World, type WorldOptions } from '../../../support/fakes/world.ts';

/** A world told step by step: who writes what, and what the target then was asked to do. */
export class Story extends World {
  /** Every write that reached the target: `kind collection/partition keys`. */
  readonly writes: string[] = [];
  /** Writes that the target refuses for good. */
  refuses: (request: WriteRequest) => boolean = () => false;
  #value = 0;

  static async begin(options: Partial<WorldOptions> = {}, task: Partial<Task> = {}): Promise<Story> {
    const story = new Story({ seed: 1, channels: 1, ...options });
    Object.assign(story.task, task);
    story.target.poison = (request) => {
      const keys = request.kind === 'delete' ? request.keys : request.parts.flatMap((part) => part.keys(100));
      story.writes.push(`${request.kind} ${request.collection}/${request.partition ?? '*'} ${keys.join()}`);
      return story.refuses(request);
    };
    await story.create();
    return story;
  }

  /** Lets time pass. */
  wait(ms: number): Promise<void> {
    return this.clock.advance(ms);
  }

  /** Inserts rows with these keys into a partition of the source, `_default` unless named. */
  insert(id: bigint, keys: readonly Key[], partition = this.partition(id)): void {
    this.source.insert(
      id,
      partition,
      keys.map((key) => ({ key, value: this.#value++ })),
    );
  }

  partition(id: bigint, name = '_default'): bigint {
    const partitions = this.source.collections().get(id)?.catalog.partitions.values() ?? [];
    for (const partition of partitions)
      if (partition.name === name && partition.state === 'created') return partition.id;
    throw new Error(`no partition ${name}`);
  }

  /** Undefined before the first job took the lease. */
  get phase(): Phase | undefined {
    return (this.store.items.get(itemKey('run', this.task.id)) as Run | undefined)?.phase;
  }

  get run(): Run {
    return this.store.items.get(itemKey('run', this.task.id)) as Run;
  }

  object(id: bigint): TaskObject | undefined {
    const { id: taskId, incarnation } = this.task;
    return this.store.items.get(itemKey('object', taskId, incarnation, String(id))) as TaskObject | undefined;
  }

  /** Keys of the rows of a collection on the target, each as often as it is there. */
  keys(name: string): Key[] {
    const rows = this.target.collections.get(`default.${name}`)?.rows ?? [];
    return rows.map((row) => row.key).toSorted((a, b) => (a < b ? -1 : 1));
  }

  /** Lets time pass until the condition holds. */
  async until(condition: () => boolean, ms = 30_000): Promise<void> {
    for (let passed = 0; !condition(); passed += 50) {
      if (passed >= ms) throw new Error(`still not so after ${ms} ms: ${condition.toString()}`);
      await this.clock.advance(50);
    }
  }

  /** Holds back a call of the target, for processes that start from now on, until the function it answers is called. */
  holdBack(name: keyof Target): () => void {
    const client = this.target.client.bind(this.target);
    const gate = Promise.withResolvers<void>();
    this.target.client = (alive) =>
      new Proxy(client(alive), {
        get(inner, member) {
          const value: unknown = Reflect.get(inner, member, inner);
          if (typeof value !== 'function') return value;
          return async (...args: unknown[]): Promise<unknown> => {
            if (member === name) await gate.promise;
            return value.apply(inner, args);
          };
        },
      });
    return () => gate.resolve();
  }

  /** Holds back a call to the source until the function it answers is called. */
  holdBackSource(name: 'describeChannel' | 'readCatalog'): () => void {
    const gate = Promise.withResolvers<void>();
    const source: { [K in typeof name]: (...args: never[]) => Promise<unknown> } = this.source;
    const call = source[name];
    source[name] = async (...args) => {
      await gate.promise;
      return call.apply(this.source, args);
    };
    return () => gate.resolve();
  }

  /** Holds back a call to the store until the function it answers is called. */
  holdBackStore(verb: StoreVerb): () => void {
    const { before } = this.store;
    const gate = Promise.withResolvers<void>();
    this.store.before = async (call) => {
      if (call.verb === verb) await gate.promise;
      await before?.(call);
    };
    return () => gate.resolve();
  }
}
