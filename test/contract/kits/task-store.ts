import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  ConflictError,
  CorruptItemError,
  type Fence,
  FencedError,
  type LeaseClaim,
  NewerItemError,
  StoreUnavailableError,
  TaskExistsError,
  TaskLimitError,
  type TaskStore,
} from '#shared/store/task-store.ts';
import type { Run } from '#shared/task/run.ts';
import type { Task } from '#shared/task/task.ts';
import {
  sampleClaim,
  sampleDatabase,
  sampleLaunch,
  sampleObject,
  sampleTask,
  sampleUpdate,
} from '../../support/fakes/task-samples.ts';

export type StoredItem =
  | { readonly kind: 'task' | 'launch' | 'run'; readonly task: Task }
  | { readonly kind: 'tombstone'; readonly task: Task }
  | { readonly kind: 'object'; readonly task: Task; readonly collectionId: string }
  | { readonly kind: 'database'; readonly task: Task; readonly name: string };

/** One adapter under test: an empty store that only this test uses. */
export interface TaskStoreHarness {
  readonly store: TaskStore;
  /** Another way to the same data, as another process would have it. */
  readonly other: TaskStore;
  /** Replaces an item behind the store's back: by one of a newer version, by one that lacks what it must have, or by one
   *  with the member {@link ADDED}. */
  spoil(item: StoredItem, how: 'newer' | 'corrupt' | 'extended'): Promise<void>;
  close(): Promise<void>;
}

/** A member that a newer release may add without a new version, and its value. */
export const ADDED = { name: 'addedLater', value: 'kept' } as const;

const MANY = { maxTasks: 1_000 };
const FAILURE = { newer: NewerItemError, corrupt: CorruptItemError } as const;

/** What every {@link TaskStore} promises; each sentence of the port is a test here. */
export function describeTaskStore(name: string, make: () => Promise<TaskStoreHarness>): void {
  describe(`${name} as a task store`, () => {
    let harness: TaskStoreHarness;
    let store: TaskStore;
    let other: TaskStore;

    beforeAll(async () => {
      harness = await make();
      store = harness.store;
      other = harness.other;
    });
    afterAll(() => harness.close());

    /** Each test has a target, and so a scope, of its own; the count is shared. */
    let target: string;
    beforeEach(() => {
      target = `http://${randomUUID()}:19530`;
    });

    async function create(over: Partial<Task> = {}, limits = MANY): Promise<Task> {
      const task = sampleTask({ targetIdentity: target, ...over });
      const { revision } = await store.getScope(task.targetIdentity);
      await store.createTask(task, { ...limits, seen: revision });
      return task;
    }

    /** Creates as the API does: reads the scope again after each conflict. */
    async function createInsistently(task: Task, maxTasks: number): Promise<Error | 'created'> {
      for (let round = 0; round < 100; round++) {
        const { revision } = await store.getScope(task.targetIdentity);
        const failure = await failureOf(store.createTask(task, { maxTasks, seen: revision }));
        if (failure === undefined) return 'created';
        if (!(failure instanceof ConflictError)) return failure;
      }
      throw new Error('a conflict a hundred times in a row');
    }

    /** A task with a launch and a job that has the lease. */
    async function running(over: Partial<Task> = {}): Promise<{ task: Task; run: Run; fence: Fence }> {
      const task = await create(over);
      await store.putLaunch(sampleLaunch(task), undefined);
      const run = await store.acquireLease(sampleClaim(task), undefined);
      return { task, run, fence: fenceOf(run) };
    }

    async function takeOver(task: Task): Promise<{ run: Run; fence: Fence }> {
      const run = await store.acquireLease(sampleClaim(task), await store.getRun(task.id));
      return { run, fence: fenceOf(run) };
    }

    async function countTasks(): Promise<number> {
      return (await store.listTasks()).length;
    }

    describe('tasks', () => {
      test('a task is read as it was written, whatever the request held', async () => {
        const task = await create({
          target: {
            uri: 'https://target:443/db',
            connectTimeoutMs: 1,
            ignorePartition: true,
            tls: { caPem: 'pem', serverName: 'name' },
          },
          secretRef: 'secret',
          mappings: [{ sourceDatabase: 'a', targetDatabase: 'b', collections: { '': 'odd', c: 'd' } }],
          startPositions: [{ vchannel: 'v', offset: '9223372036854775807', timestamp: '1' }],
        });
        expect(await store.getTask(task.id)).toEqual(task);
        expect(await other.getTask(task.id)).toEqual(task);
      });

      test('an unknown id is undefined', async () => {
        expect(await store.getTask(randomUUID())).toBeUndefined();
      });

      test('ids are told apart whatever characters they hold', async () => {
        const base = randomUUID();
        const ids = [`${base}/a`, `${base}#a`, `${base} a`, `${base}A`, `${base}a`, `${base}é日`, `${base}%`];
        for (const id of ids) await create({ id });
        for (const id of ids) expect((await store.getTask(id))?.id).toBe(id);
        const listed = (await store.listTasks()).map((t) => t.id);
        for (const id of ids) expect(listed).toContain(id);
      });

      test('all tasks are listed by id', async () => {
        const base = randomUUID();
        await create({ id: `${base}-b` });
        await create({ id: `${base}-a` });
        const ids = (await store.listTasks()).map((t) => t.id);
        expect(ids).toEqual(ids.toSorted());
        expect(await store.listTaskIds()).toEqual(ids);
        expect(ids).toEqual(expect.arrayContaining([`${base}-a`, `${base}-b`]));
      });

      test('a list is complete when it is large', async () => {
        const padding = 'x'.repeat(90_000);
        const ids: string[] = [];
        for (let i = 0; i < 25; i++) ids.push((await create({ request: { padding } })).id);
        const listed = await store.listTasks();
        expect(listed.map((t) => t.id)).toEqual(expect.arrayContaining(ids));
        expect(await store.listTaskIds()).toEqual(listed.map((t) => t.id));
        for (const task of listed.filter((t) => ids.includes(t.id))) await store.deleteTask(task);
        expect((await store.listTombstones()).map((t) => t.id)).toEqual(expect.arrayContaining(ids));
      });

      test('a second task under one id is refused and answered with the first', async () => {
        const task = await create();
        const again = sampleTask({ id: task.id, targetIdentity: target });
        const { revision } = await store.getScope(target);
        const failure = await failureOf(store.createTask(again, { ...MANY, seen: revision }));
        expect(failure).toBeInstanceOf(TaskExistsError);
        expect((failure as TaskExistsError).task).toEqual(task);
        expect(await store.getTask(task.id)).toEqual(task);
      });

      test('of several creates at once under one id one wins, the others get its task', async () => {
        const id = randomUUID();
        const tasks = Array.from({ length: 8 }, () => sampleTask({ id, targetIdentity: target }));
        const results = await Promise.all(tasks.map((t) => createInsistently(t, 1_000)));
        expect(results.filter((r) => r === 'created')).toHaveLength(1);
        const winner = await store.getTask(id);
        for (const result of results.filter((r) => r !== 'created')) {
          expect(result).toBeInstanceOf(TaskExistsError);
          expect((result as TaskExistsError).task).toEqual(winner);
        }
        expect((await store.getScope(target)).taskIds).toEqual([id]);
      });

      test('an existing id is reported before a changed scope and before the limit', async () => {
        const task = await create();
        const again = store.createTask(sampleTask({ id: task.id }), { maxTasks: 0, seen: 99 });
        await expect(again).rejects.toBeInstanceOf(TaskExistsError);
      });

      test('a changed scope is reported before the limit', async () => {
        await create();
        const late = store.createTask(sampleTask({ targetIdentity: target }), { maxTasks: 0, seen: 0 });
        await expect(late).rejects.toBeInstanceOf(ConflictError);
      });

      test('fails at the limit and stores nothing', async () => {
        const task = sampleTask({ targetIdentity: target });
        const limits = { maxTasks: await countTasks(), seen: 0 };
        await expect(store.createTask(task, limits)).rejects.toBeInstanceOf(TaskLimitError);
        expect(await store.getTask(task.id)).toBeUndefined();
        expect(await store.getScope(target)).toEqual({ revision: 0, taskIds: [] });
      });

      test('a limit of none lets no task in', async () => {
        const task = sampleTask({ targetIdentity: target });
        await expect(store.createTask(task, { maxTasks: 0, seen: 0 })).rejects.toBeInstanceOf(TaskLimitError);
      });

      test('of several creates at once on the limit only as many as fit win', async () => {
        const maxTasks = (await countTasks()) + 3;
        const tasks = Array.from({ length: 8 }, (_, i) =>
          sampleTask({ targetIdentity: i % 2 ? target : `${target}2` }),
        );
        const results = await Promise.all(tasks.map((t) => createInsistently(t, maxTasks)));
        expect(results.filter((r) => r === 'created')).toHaveLength(3);
        expect(results.filter((r) => r instanceof TaskLimitError)).toHaveLength(5);
        expect(await countTasks()).toBe(maxTasks);
      });
    });

    describe('scope', () => {
      test('is empty at revision 0 for a target that nobody ever had', async () => {
        expect(await store.getScope(target)).toEqual({ revision: 0, taskIds: [] });
      });

      test('names the tasks of the target and changes with each create and delete', async () => {
        const first = await create();
        const second = await create();
        const taken = await store.getScope(target);
        expect(taken.taskIds.toSorted()).toEqual([first.id, second.id].toSorted());
        await store.deleteTask(first);
        const freed = await store.getScope(target);
        expect(freed.taskIds).toEqual([second.id]);
        expect(freed.revision).toBeGreaterThan(taken.revision);
        await store.deleteTask(second);
        const empty = await store.getScope(target);
        expect(empty.taskIds).toEqual([]);
        expect(empty.revision).toBeGreaterThan(freed.revision);
      });

      test('fails a create that was decided before another create on the target', async () => {
        const { revision } = await store.getScope(target);
        await create();
        const late = sampleTask({ targetIdentity: target });
        await expect(store.createTask(late, { ...MANY, seen: revision })).rejects.toBeInstanceOf(
          ConflictError,
        );
        expect(await store.getTask(late.id)).toBeUndefined();
      });

      test('fails a create that was decided before a delete on the target', async () => {
        const task = await create();
        const { revision } = await store.getScope(target);
        await store.deleteTask(task);
        const late = sampleTask({ targetIdentity: target });
        await expect(store.createTask(late, { ...MANY, seen: revision })).rejects.toBeInstanceOf(
          ConflictError,
        );
      });

      test('of several creates at once decided on one revision one wins', async () => {
        const tasks = Array.from({ length: 8 }, () => sampleTask({ targetIdentity: target }));
        const results = await Promise.all(
          tasks.map((t) => failureOf(store.createTask(t, { ...MANY, seen: 0 }))),
        );
        expect(results.filter((r) => r === undefined)).toHaveLength(1);
        expect(results.filter((r) => r instanceof ConflictError)).toHaveLength(7);
        expect((await store.getScope(target)).taskIds).toHaveLength(1);
      });

      test('of one target does not disturb another target', async () => {
        await create();
        await create({ targetIdentity: `${target}/other` });
        expect((await store.getScope(target)).taskIds).toHaveLength(1);
      });
    });

    describe('desired state', () => {
      test('is set with its reason and answered with the new revision', async () => {
        const task = await create();
        const paused = await store.setDesired(task, 'Paused', 'because');
        expect(paused).toEqual({ ...task, desired: 'Paused', reason: 'because', revision: 1 });
        expect(await store.getTask(task.id)).toEqual(paused);
        const resumed = await store.setDesired(paused, 'Running', '');
        expect(resumed).toEqual({ ...task, revision: 2 });
      });

      test('fails on an old revision, another incarnation and an unknown task', async () => {
        const task = await create();
        await store.setDesired(task, 'Paused', '');
        const now = { ...task, revision: 1 };
        for (const wrong of [
          task,
          { ...now, revision: 2 },
          { ...now, incarnation: 'x' },
          { ...now, id: randomUUID() },
        ]) {
          await expect(store.setDesired(wrong, 'Running', '')).rejects.toBeInstanceOf(ConflictError);
        }
        expect((await store.getTask(task.id))?.desired).toBe('Paused');
      });

      test('of several changes at once on one revision one wins', async () => {
        const task = await create();
        const results = await Promise.all(
          Array.from({ length: 8 }, (_, i) => failureOf(store.setDesired(task, 'Paused', `${i}`))),
        );
        expect(results.filter((r) => r === undefined)).toHaveLength(1);
        expect(results.filter((r) => r instanceof ConflictError)).toHaveLength(7);
        expect((await store.getTask(task.id))?.revision).toBe(1);
      });
    });

    describe('delete and purge', () => {
      test('a deleted task is a tombstone that keeps launch, run, objects and databases', async () => {
        const { task, run, fence } = await running();
        await store.putObject(fence, sampleObject(task));
        await store.putDatabase(fence, sampleDatabase(task));
        await store.deleteTask(task);
        expect(await store.getTask(task.id)).toBeUndefined();
        expect((await store.listTasks()).map((t) => t.id)).not.toContain(task.id);
        const tombstone = (await store.listTombstones()).find((t) => t.id === task.id);
        expect(tombstone).toEqual({ ...task, deletedAt: expect.any(String) });
        expect(await store.getLaunch(task.id)).toEqual(sampleLaunch(task));
        expect(await store.getRun(task.id)).toEqual(run);
        expect(await store.listObjects(task)).toEqual([sampleObject(task)]);
        expect(await store.listDatabases(task)).toEqual([sampleDatabase(task)]);
      });

      test('a tombstone tells the state at the delete, also when it changed a moment before', async () => {
        const task = await create();
        const [paused] = await Promise.all([
          failureOf(store.setDesired(task, 'Paused', 'late')),
          store.deleteTask(task),
        ]);
        const tombstone = (await store.listTombstones()).find((t) => t.id === task.id);
        expect(tombstone?.desired).toBe(paused === undefined ? 'Paused' : 'Running');
        expect(await store.getTask(task.id)).toBeUndefined();
      });

      test('a delete frees id, scope and count', async () => {
        const task = await create();
        const full = { maxTasks: await countTasks() };
        await store.deleteTask(task);
        const again = await create({ id: task.id }, full);
        expect(await store.getTask(task.id)).toEqual(again);
        expect((await store.getScope(target)).taskIds).toEqual([task.id]);
        expect((await store.listTombstones()).map((t) => t.incarnation)).toContain(task.incarnation);
      });

      test('fails to delete another incarnation, an unknown task, and a task twice', async () => {
        const task = await create();
        const wrong = { ...task, incarnation: randomUUID() };
        await expect(store.deleteTask(wrong)).rejects.toBeInstanceOf(ConflictError);
        await expect(store.deleteTask(sampleTask())).rejects.toBeInstanceOf(ConflictError);
        const count = await countTasks();
        const results = await Promise.all([1, 2, 3].map(() => failureOf(store.deleteTask(task))));
        expect(results.filter((r) => r === undefined)).toHaveLength(1);
        expect(results.filter((r) => r instanceof ConflictError)).toHaveLength(2);
        await create({}, { maxTasks: count });
        await expect(create({}, { maxTasks: count })).rejects.toBeInstanceOf(TaskLimitError);
      });

      test('a purge removes every trace and may be repeated', async () => {
        const { task, fence } = await running();
        for (let i = 0; i < 60; i++)
          await store.putObject(fence, sampleObject(task, { collectionId: `${i}` }));
        for (const name of ['a', 'b']) await store.putDatabase(fence, sampleDatabase(task, { name }));
        await store.deleteTask(task);
        await store.purge(task);
        expect(await store.getLaunch(task.id)).toBeUndefined();
        expect(await store.getRun(task.id)).toBeUndefined();
        expect(await store.listObjects(task)).toEqual([]);
        expect(await store.listDatabases(task)).toEqual([]);
        expect((await store.listTombstones()).map((t) => t.id)).not.toContain(task.id);
        await store.purge(task);
      });

      test('a purge of an old incarnation leaves everything of the new one', async () => {
        const old = await running();
        await store.putObject(old.fence, sampleObject(old.task));
        await store.putDatabase(old.fence, sampleDatabase(old.task));
        await store.deleteTask(old.task);
        const young = await running({ id: old.task.id });
        await store.putObject(young.fence, sampleObject(young.task));
        await store.putDatabase(young.fence, sampleDatabase(young.task));
        await store.purge(old.task);
        expect(await store.getTask(young.task.id)).toEqual(young.task);
        expect(await store.getLaunch(young.task.id)).toEqual(sampleLaunch(young.task));
        expect(await store.getRun(young.task.id)).toEqual(young.run);
        expect(await store.listObjects(young.task)).toEqual([sampleObject(young.task)]);
        expect(await store.listObjects(old.task)).toEqual([]);
        expect(await store.listDatabases(young.task)).toEqual([sampleDatabase(young.task)]);
        expect(await store.listDatabases(old.task)).toEqual([]);
      });

      test('a purge of a living task does not take the task itself', async () => {
        const { task } = await running();
        await store.purge({ id: task.id, incarnation: randomUUID() });
        expect(await store.getRun(task.id)).toBeDefined();
        expect(await store.getTask(task.id)).toEqual(task);
      });
    });

    describe('launch', () => {
      test('is written on the generation that was seen', async () => {
        const task = await create();
        await store.putLaunch(sampleLaunch(task), undefined);
        const second = sampleLaunch(task, {
          generation: 2,
          handle: 'h',
          revision: 3,
          stopAskedAt: '2030-01-01T00:00:01.000Z',
          pendingReason: 'no room',
          lastExit: {
            generation: 1,
            code: null,
            at: '2030-01-01T00:00:00.000Z',
            confirmed: true,
            message: 'm',
          },
        });
        await store.putLaunch(second, 1);
        expect(await store.getLaunch(task.id)).toEqual(second);
        await store.putLaunch({ ...second, attempts: 0 }, 2);
        expect((await store.getLaunch(task.id))?.attempts).toBe(0);
      });

      test('fails on another generation than the stored one', async () => {
        const task = await create();
        const launch = sampleLaunch(task, { generation: 5 });
        await expect(store.putLaunch(launch, 4)).rejects.toBeInstanceOf(ConflictError);
        await store.putLaunch(launch, undefined);
        await expect(store.putLaunch(launch, undefined)).rejects.toBeInstanceOf(ConflictError);
        await expect(store.putLaunch(launch, 4)).rejects.toBeInstanceOf(ConflictError);
      });

      test('fails for a task that is gone or another incarnation', async () => {
        const task = await create();
        const stranger = sampleLaunch({ id: task.id, incarnation: randomUUID() });
        await expect(store.putLaunch(stranger, undefined)).rejects.toBeInstanceOf(ConflictError);
        await store.deleteTask(task);
        await expect(store.putLaunch(sampleLaunch(task), undefined)).rejects.toBeInstanceOf(ConflictError);
      });

      test('of another incarnation counts as none', async () => {
        const old = await running();
        await store.deleteTask(old.task);
        const task = await create({ id: old.task.id });
        await store.putLaunch(sampleLaunch(task), undefined);
        expect((await store.getLaunch(task.id))?.incarnation).toBe(task.incarnation);
      });

      test('of several writers at once on one generation one wins', async () => {
        const task = await create();
        const results = await Promise.all(
          Array.from({ length: 8 }, () => failureOf(store.putLaunch(sampleLaunch(task), undefined))),
        );
        expect(results.filter((r) => r === undefined)).toHaveLength(1);
        expect(results.filter((r) => r instanceof ConflictError)).toHaveLength(7);
      });
    });

    describe('lease', () => {
      test('of a new task starts at epoch 1 with nothing applied', async () => {
        const task = await create();
        await store.putLaunch(sampleLaunch(task), undefined);
        const claim = sampleClaim(task);
        const run = await store.acquireLease(claim, undefined);
        expect(run).toMatchObject({ ...claim, epoch: 1, released: 'no', phase: 'starting', warnings: [] });
        expect(run.channels).toHaveLength(0);
        expect(run.watermark).toBeUndefined();
        expect(await store.getRun(task.id)).toEqual(run);
        expect(await other.getRun(task.id)).toEqual(run);
      });

      test('a renewal replaces the whole account and raises the beat by one', async () => {
        const { run, fence, task } = await running();
        const first = sampleUpdate({
          reason: { code: 'source_unavailable', message: 'm' },
          warnings: [{ code: 'history_partial', message: 'w' }],
          lastError: { code: 'internal', message: 'e', at: '2030-01-01T00:00:01.000Z' },
          scopeRevision: 7,
        });
        await store.renewLease(fence, first);
        expect(await store.getRun(task.id)).toEqual({ ...run, ...first, beat: run.beat + 1 });
        const { reason: _r, watermark: _w, advancedAt: _a, quarantined: _q, ...second } = sampleUpdate();
        await store.renewLease(fence, { ...second, phase: 'stopping' });
        const stored = { ...run, ...second, phase: 'stopping', beat: run.beat + 2 };
        expect(await store.getRun(task.id)).toEqual(stored);
      });

      test('positions are kept byte by byte, also many and none', async () => {
        const { fence, task } = await running();
        const channels = Uint8Array.from({ length: 3_000 }, (_, i) => i % 256);
        await store.renewLease(fence, sampleUpdate({ channels }));
        expect((await store.getRun(task.id))?.channels).toEqual(channels);
        await store.renewLease(fence, sampleUpdate({ channels: new Uint8Array() }));
        expect((await store.getRun(task.id))?.channels).toHaveLength(0);
      });

      test('a takeover raises the epoch and answers what that very update left', async () => {
        const { run, fence, task } = await running();
        const lastError = { code: 'internal', message: 'e', at: '2030-01-01T00:00:01.000Z' };
        const told = sampleUpdate({ reason: { code: 'internal', message: 'm' }, lastError });
        await store.renewLease(fence, told);
        await store.putLaunch(sampleLaunch(task, { generation: 2 }), 1);
        const seen = await store.getRun(task.id);
        const claim = sampleClaim(task, { generation: 2 });
        const taken = await store.acquireLease(claim, seen);
        expect(taken).toMatchObject({
          ...claim,
          epoch: run.epoch + 1,
          beat: run.beat + 2,
          released: 'no',
          phase: 'starting',
        });
        expect(taken.channels).toEqual(told.channels);
        expect(taken.watermark).toEqual(told.watermark);
        expect(taken.advancedAt).toEqual(told.advancedAt);
        expect(taken.counters).toEqual(told.counters);
        expect(taken.lastError).toEqual(lastError);
        expect(taken.reason).toBeUndefined();
        expect(await store.getRun(task.id)).toEqual(taken);
      });

      test('fails when the run moved on since it was seen', async () => {
        const { run, fence, task } = await running();
        await store.renewLease(fence, sampleUpdate());
        const claim = store.acquireLease(sampleClaim(task), run);
        expect(await failureOf(claim)).toMatchObject({ name: 'FencedError', why: 'moved-on' });
        const blind = store.acquireLease(sampleClaim(task), undefined);
        expect(await failureOf(blind)).toMatchObject({ name: 'FencedError', why: 'moved-on' });
        await store.renewLease(fence, sampleUpdate());
      });

      test('fails when what was seen is there no more', async () => {
        const { run, task } = await running();
        await store.purge(task);
        await store.putLaunch(sampleLaunch(task), undefined);
        const late = await failureOf(store.acquireLease(sampleClaim(task), run));
        expect(late).toMatchObject({ name: 'FencedError', why: 'moved-on' });
        expect(await store.getRun(task.id)).toBeUndefined();
      });

      test('of several claims at once one wins', async () => {
        const { run, task } = await running();
        const first = await Promise.all(
          Array.from({ length: 6 }, () => failureOf(store.acquireLease(sampleClaim(task), run))),
        );
        expect(first.filter((r) => r === undefined)).toHaveLength(1);
        expect(first.filter((r) => r instanceof FencedError)).toHaveLength(5);
        expect((await store.getRun(task.id))?.epoch).toBe(run.epoch + 1);
      });

      test('of several first claims at once one wins', async () => {
        const task = await create();
        await store.putLaunch(sampleLaunch(task), undefined);
        const results = await Promise.all(
          [store, other, store, other].map((s) => failureOf(s.acquireLease(sampleClaim(task), undefined))),
        );
        expect(results.filter((r) => r === undefined)).toHaveLength(1);
        expect((await store.getRun(task.id))?.epoch).toBe(1);
      });

      test('a claim repeated after its answer was lost is answered with what it made', async () => {
        const task = await create();
        await store.putLaunch(sampleLaunch(task), undefined);
        const claim = sampleClaim(task);
        const made = await store.acquireLease(claim, undefined);
        expect(await store.acquireLease(claim, undefined)).toEqual(made);
        expect(await store.getRun(task.id)).toEqual(made);
      });

      test('a claim cannot be repeated once its lease was given back', async () => {
        const task = await create();
        await store.putLaunch(sampleLaunch(task), undefined);
        const claim = sampleClaim(task);
        const run = await store.acquireLease(claim, undefined);
        await store.releaseLease(fenceOf(run), sampleUpdate(), 'drained');
        expect(await failureOf(store.acquireLease(claim, undefined))).toMatchObject({ why: 'moved-on' });
      });

      const refused: Record<
        string,
        { before?: (t: Task) => Promise<unknown>; claim?: Partial<LeaseClaim>; why: string }
      > = {
        'the task is paused': { before: (t) => store.setDesired(t, 'Paused', ''), why: 'task' },
        'the task is deleted': { before: (t) => store.deleteTask(t), why: 'task' },
        'the incarnation is another': { claim: { incarnation: randomUUID() }, why: 'task' },
        'the generation is newer than the launch': { claim: { generation: 2 }, why: 'launch' },
        'the generation is older than the launch': {
          before: (t) => store.putLaunch(sampleLaunch(t, { generation: 2 }), 1),
          why: 'launch',
        },
      };
      test.each(Object.entries(refused))('fails when %s', async (_, { before, claim, why }) => {
        const { task, run, fence } = await running();
        await before?.(task);
        const refusal = await failureOf(store.acquireLease(sampleClaim(task, claim), run));
        expect(refusal).toMatchObject({ name: 'FencedError', why });
        await store.renewLease(fence, sampleUpdate());
      });

      test('fails when nothing was launched', async () => {
        const task = await create();
        const claim = store.acquireLease(sampleClaim(task), undefined);
        expect(await failureOf(claim)).toMatchObject({ name: 'FencedError', why: 'launch' });
        expect(await store.getRun(task.id)).toBeUndefined();
      });

      test('a run of another incarnation counts as none', async () => {
        const old = await running();
        await store.renewLease(old.fence, sampleUpdate());
        await store.deleteTask(old.task);
        const task = await create({ id: old.task.id });
        await store.putLaunch(sampleLaunch(task), undefined);
        const run = await store.acquireLease(sampleClaim(task), await store.getRun(task.id));
        expect(run.channels).toHaveLength(0);
        expect(run.incarnation).toBe(task.incarnation);
        expect(await failureOf(store.renewLease(old.fence, sampleUpdate()))).toBeInstanceOf(FencedError);
        expect(await store.getRun(task.id)).toEqual(run);
      });

      test('a pause does not end the lease of a running job', async () => {
        const { task, fence } = await running();
        await store.setDesired(task, 'Paused', '');
        await store.renewLease(fence, sampleUpdate({ phase: 'stopping' }));
        expect((await store.getRun(task.id))?.phase).toBe('stopping');
      });

      test('a renewal after a takeover is fenced and changes nothing', async () => {
        const { task, fence } = await running();
        const { run } = await takeOver(task);
        expect(await failureOf(store.renewLease(fence, sampleUpdate()))).toMatchObject({ why: 'lease' });
        const released = store.releaseLease(fence, sampleUpdate(), 'drained');
        expect(await failureOf(released)).toMatchObject({ why: 'lease' });
        expect(await store.getRun(task.id)).toEqual(run);
      });

      test.each<[string, (fence: Fence) => Fence]>([
        ['another owner', (f) => ({ ...f, owner: randomUUID() })],
        ['another epoch', (f) => ({ ...f, epoch: f.epoch + 1 })],
        ['another incarnation', (f) => ({ ...f, incarnation: randomUUID() })],
        ['an unknown task', (f) => ({ ...f, taskId: randomUUID() })],
      ])('every write of %s is fenced', async (_, change) => {
        const { task, run, fence } = await running();
        const wrong = change(fence);
        const object = sampleObject({ id: wrong.taskId, incarnation: wrong.incarnation });
        const database = sampleDatabase({ id: wrong.taskId, incarnation: wrong.incarnation });
        for (const write of [
          store.renewLease(wrong, sampleUpdate()),
          store.releaseLease(wrong, sampleUpdate(), 'drained'),
          store.putObject(wrong, object),
          store.deleteObject(wrong, object.collectionId),
          store.putDatabase(wrong, database),
          store.deleteDatabase(wrong, database.name),
        ]) {
          expect(await failureOf(write)).toBeInstanceOf(FencedError);
        }
        expect(await store.getRun(task.id)).toEqual(run);
        expect(await store.listObjects(task)).toEqual([]);
        expect(await store.listDatabases(task)).toEqual([]);
        expect(await store.getRun(wrong.taskId === task.id ? randomUUID() : wrong.taskId)).toBeUndefined();
      });

      test.each(['drained', 'undrained'] as const)('a lease given back %s says so', async (released) => {
        const { task, run, fence } = await running();
        const last = sampleUpdate({ phase: 'stopped' });
        await store.releaseLease(fence, last, released);
        const left = await store.getRun(task.id);
        expect(left).toEqual({ ...run, ...last, released, beat: run.beat + 1 });
        await store.releaseLease(fence, last, released);
        expect((await store.getRun(task.id))?.released).toBe(released);
      });

      test('a job that gave its lease back may write nothing more', async () => {
        const { task, fence } = await running();
        await store.releaseLease(fence, sampleUpdate(), 'drained');
        for (const write of [
          store.renewLease(fence, sampleUpdate()),
          store.putObject(fence, sampleObject(task)),
          store.deleteObject(fence, '1'),
          store.putDatabase(fence, sampleDatabase(task)),
          store.deleteDatabase(fence, 'shop'),
        ]) {
          expect(await failureOf(write)).toMatchObject({ name: 'FencedError', why: 'lease' });
        }
      });

      test('the next claim clears that the lease was given back', async () => {
        const { task, fence } = await running();
        await store.releaseLease(fence, sampleUpdate(), 'drained');
        const { run } = await takeOver(task);
        expect(run.released).toBe('no');
      });

      test('renewals and object writes of one job at once all succeed', async () => {
        const { task, fence } = await running();
        const writes: Promise<void>[] = [];
        for (let i = 0; i < 10; i++) {
          writes.push(store.putObject(fence, sampleObject(task, { collectionId: `${i}` })));
          writes.push(store.renewLease(fence, sampleUpdate()));
        }
        await Promise.all(writes);
        expect(await store.listObjects(task)).toHaveLength(10);
        expect((await store.getRun(task.id))?.beat).toBe(11);
      });
    });

    describe('objects', () => {
      test('are read as written, by collection id, of their incarnation only', async () => {
        const { task, fence } = await running();
        const objects = ['3', '1', '2'].map((collectionId) => sampleObject(task, { collectionId }));
        for (const object of objects) await store.putObject(fence, object);
        expect(await store.listObjects(task)).toEqual([objects[1], objects[2], objects[0]]);
        expect(await other.listObjects(task)).toHaveLength(3);
        expect(await store.listObjects({ id: task.id, incarnation: randomUUID() })).toEqual([]);
      });

      test('are replaced as a whole', async () => {
        const { task, fence } = await running();
        await store.putObject(
          fence,
          sampleObject(task, {
            quarantine: { code: 'target_foreign', message: 'm', since: '2030-01-01T00:00:00.000Z' },
          }),
        );
        const plain = sampleObject(task, { state: 'dropping', cursors: [], loaded: false });
        await store.putObject(fence, plain);
        expect(await store.listObjects(task)).toEqual([plain]);
      });

      test('are forgotten one by one, harmlessly when not there', async () => {
        const { task, fence } = await running();
        await store.putObject(fence, sampleObject(task, { collectionId: '1' }));
        await store.putObject(fence, sampleObject(task, { collectionId: '2' }));
        await store.deleteObject(fence, '1');
        await store.deleteObject(fence, '1');
        expect((await store.listObjects(task)).map((o) => o.collectionId)).toEqual(['2']);
      });

      test('are complete when they are many and large', async () => {
        const { task, fence } = await running();
        const partitions = Object.fromEntries(
          Array.from({ length: 2_000 }, (_, i) => [`${i}`, { name: `name-${i}`, state: 'bound' as const }]),
        );
        for (let i = 100; i < 140; i++) {
          await store.putObject(fence, sampleObject(task, { collectionId: `${i}`, partitions }));
        }
        const objects = await store.listObjects(task);
        expect(objects.map((o) => o.collectionId)).toEqual(
          Array.from({ length: 40 }, (_, i) => `${100 + i}`),
        );
        expect(objects.at(-1)?.partitions).toEqual(partitions);
      });

      test('a write after a takeover is fenced and changes nothing', async () => {
        const { task, fence } = await running();
        await store.putObject(fence, sampleObject(task));
        await takeOver(task);
        const change = sampleObject(task, { loaded: false });
        expect(await failureOf(store.putObject(fence, change))).toMatchObject({ why: 'lease' });
        expect(await failureOf(store.deleteObject(fence, change.collectionId))).toMatchObject({
          why: 'lease',
        });
        expect(await store.listObjects(task)).toEqual([sampleObject(task)]);
      });

      test('of a takeover and an object write at once never the fenced one lands later', async () => {
        const { task, run, fence } = await running();
        const [written] = await Promise.all([
          failureOf(store.putObject(fence, sampleObject(task))),
          store.acquireLease(sampleClaim(task), run),
        ]);
        const landed = (await store.listObjects(task)).length === 1;
        expect(landed).toBe(written === undefined);
        expect(await failureOf(store.putObject(fence, sampleObject(task)))).toBeInstanceOf(FencedError);
      });
    });

    describe('databases', () => {
      test('are read as written, by name, of their incarnation only, apart from objects', async () => {
        const { task, fence } = await running();
        const databases = ['c', 'a', 'b'].map((name) => sampleDatabase(task, { name }));
        for (const database of databases) await store.putDatabase(fence, database);
        await store.putObject(fence, sampleObject(task));
        expect(await store.listDatabases(task)).toEqual([databases[1], databases[2], databases[0]]);
        expect(await other.listDatabases(task)).toHaveLength(3);
        expect(await store.listObjects(task)).toHaveLength(1);
        expect(await store.listDatabases({ id: task.id, incarnation: randomUUID() })).toEqual([]);
      });

      test('are replaced as a whole', async () => {
        const { task, fence } = await running();
        await store.putDatabase(fence, sampleDatabase(task));
        const { createdAt: _, ...plain } = sampleDatabase(task, { createdHere: false });
        await store.putDatabase(fence, plain);
        expect(await store.listDatabases(task)).toEqual([plain]);
      });

      test('are forgotten one by one, harmlessly when not there', async () => {
        const { task, fence } = await running();
        for (const name of ['a', 'b']) await store.putDatabase(fence, sampleDatabase(task, { name }));
        await store.deleteDatabase(fence, 'a');
        await store.deleteDatabase(fence, 'a');
        expect((await store.listDatabases(task)).map(({ name }) => name)).toEqual(['b']);
      });

      test('a write after a takeover is fenced and changes nothing', async () => {
        const { task, fence } = await running();
        await store.putDatabase(fence, sampleDatabase(task));
        await takeOver(task);
        const change = sampleDatabase(task, { createdHere: false });
        for (const write of [store.putDatabase(fence, change), store.deleteDatabase(fence, change.name)]) {
          expect(await failureOf(write)).toMatchObject({ name: 'FencedError', why: 'lease' });
        }
        expect(await store.listDatabases(task)).toEqual([sampleDatabase(task)]);
      });
    });

    describe('items that are not what they should be', () => {
      let own: TaskStoreHarness;
      beforeEach(async () => {
        own = await make();
        store = own.store;
      });
      afterEach(async () => {
        await own.close();
        store = harness.store;
      });

      test.each(['newer', 'corrupt'] as const)('a %s task fails by name', async (how) => {
        const task = await create();
        await own.spoil({ kind: 'task', task }, how);
        await expectNamed([store.getTask(task.id), store.listTasks()], `task ${task.id}`, how);
        expect(await store.listTaskIds()).toEqual([task.id]);
      });

      test.each(['newer', 'corrupt'] as const)('a %s launch fails by name', async (how) => {
        const { task } = await running();
        await own.spoil({ kind: 'launch', task }, how);
        await expectNamed([store.getLaunch(task.id)], `launch of task ${task.id}`, how);
      });

      test.each(['newer', 'corrupt'] as const)('a %s run fails by name', async (how) => {
        const { task } = await running();
        await own.spoil({ kind: 'run', task }, how);
        await expectNamed([store.getRun(task.id)], `run of task ${task.id}`, how);
      });

      test.each(['newer', 'corrupt'] as const)('a %s object fails by name', async (how) => {
        const { task, fence } = await running();
        await store.putObject(fence, sampleObject(task, { collectionId: '77' }));
        await own.spoil({ kind: 'object', task, collectionId: '77' }, how);
        await expectNamed([store.listObjects(task)], `object 77 of task ${task.id}`, how);
      });

      test.each(['newer', 'corrupt'] as const)('a %s database fails by name', async (how) => {
        const { task, fence } = await running();
        await store.putDatabase(fence, sampleDatabase(task));
        await own.spoil({ kind: 'database', task, name: 'shop' }, how);
        await expectNamed([store.listDatabases(task)], `database shop of task ${task.id}`, how);
      });

      test.each(['newer', 'corrupt'] as const)(
        'a %s tombstone fails by name and can be purged',
        async (how) => {
          const { task } = await running();
          await store.deleteTask(task);
          await own.spoil({ kind: 'tombstone', task }, how);
          await expectNamed([store.listTombstones()], task.id, how);
          await store.purge(task);
          await store.listTombstones();
        },
      );

      const added = { [ADDED.name]: ADDED.value };

      test('what a newer release added to a task stays, also in its tombstone', async () => {
        const task = await create();
        await own.spoil({ kind: 'task', task }, 'extended');
        expect(await store.setDesired(task, 'Paused', '')).toMatchObject(added);
        expect(await store.listTasks()).toMatchObject([added]);
        await store.deleteTask(task);
        expect(await store.listTombstones()).toMatchObject([added]);
      });

      test('what a newer release added to a launch, an object or a database stays when it is written back', async () => {
        const { task, fence } = await running();
        await store.putDatabase(fence, sampleDatabase(task));
        await own.spoil({ kind: 'database', task, name: 'shop' }, 'extended');
        const [database] = await store.listDatabases(task);
        if (database === undefined) throw new Error('not stored');
        await store.putDatabase(fence, { ...database, createdHere: false });
        expect(await store.listDatabases(task)).toMatchObject([{ ...added, createdHere: false }]);
        await store.putObject(fence, sampleObject(task, { collectionId: '77' }));
        await own.spoil({ kind: 'launch', task }, 'extended');
        await own.spoil({ kind: 'object', task, collectionId: '77' }, 'extended');
        const [launch, [object]] = [await store.getLaunch(task.id), await store.listObjects(task)];
        if (launch === undefined || object === undefined) throw new Error('not stored');
        await store.putLaunch({ ...launch, handle: 'h' }, launch.generation);
        await store.putObject(fence, { ...object, loaded: false });
        expect(await store.getLaunch(task.id)).toMatchObject({ ...added, handle: 'h' });
        expect(await store.listObjects(task)).toMatchObject([{ ...added, loaded: false }]);
      });

      test('what a newer release added to a run is read over, and ends with the next claim', async () => {
        const { task, run, fence } = await running();
        await own.spoil({ kind: 'run', task }, 'extended');
        expect(await store.getRun(task.id)).toMatchObject(run);
        await store.renewLease(fence, sampleUpdate());
        const taken = await takeOver(task);
        expect(taken.run).not.toHaveProperty(ADDED.name);
        expect(await store.getRun(task.id)).toEqual(taken.run);
        await own.spoil({ kind: 'run', task }, 'extended');
        await store.releaseLease(taken.fence, sampleUpdate({ phase: 'stopped' }), 'drained');
        expect(await store.getRun(task.id)).toMatchObject({ released: 'drained', phase: 'stopped' });
      });

      async function expectNamed(reads: Promise<unknown>[], what: string, how: 'newer' | 'corrupt') {
        for (const read of reads) {
          const failure = await failureOf(read);
          expect(failure).toBeInstanceOf(FAILURE[how]);
          expect(failure?.message).toContain(what);
        }
      }
    });
  });

  describe(`${name} as a keeper of settings`, () => {
    test('a log level is read as it was set last, also by another process, until it is taken back', async () => {
      const { store, other, close } = await make();
      try {
        expect(await store.getLogLevel()).toBeUndefined();
        await store.setLogLevel('debug');
        await store.setLogLevel('warn');
        expect(await store.getLogLevel()).toBe('warn');
        expect(await other.getLogLevel()).toBe('warn');
        await other.setLogLevel(undefined);
        await other.setLogLevel(undefined);
        expect(await store.getLogLevel()).toBeUndefined();
      } finally {
        await close();
      }
    });
  });

  describe(`${name} after it was closed`, () => {
    test('fails as unavailable', async () => {
      const harness = await make();
      await harness.store.close();
      const failure = await failureOf(harness.store.getTask('x'));
      await harness.close();
      expect(failure).toBeInstanceOf(StoreUnavailableError);
    });
  });
}

function fenceOf(run: Run): Fence {
  return { taskId: run.taskId, incarnation: run.incarnation, owner: run.owner, epoch: run.epoch };
}

async function failureOf(work: Promise<unknown>): Promise<Error | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    if (error instanceof Error) return error;
    throw error;
  }
}
