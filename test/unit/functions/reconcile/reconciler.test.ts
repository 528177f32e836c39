import { beforeEach, describe, expect, test } from 'vitest';
import { EXIT } from '#shared/fleet/fleet.ts';
import { createLogger } from '#shared/log.ts';
import { StoreUnavailableError } from '#shared/store/task-store.ts';
import type { Task } from '#shared/task/task.ts';
import { onControlPlaneStart } from '../../../../functions/reconcile/on-control-plane-start.ts';
import { POLICY } from '../../../../functions/reconcile/policy.ts';
import { type ReconcilerDeps, reconcileTask, sweep } from '../../../../functions/reconcile/reconciler.ts';
import { MemoryFleet } from '../../../support/fakes/memory-fleet.ts';
import { MemorySecretStore } from '../../../support/fakes/memory-secret-store.ts';
import { itemKey, MemoryTaskStore } from '../../../support/fakes/memory-task-store.ts';
import { sampleClaim, sampleLaunch, sampleTask, sampleUpdate } from '../../../support/fakes/task-samples.ts';

let now: number;
let store: MemoryTaskStore;
let fleet: MemoryFleet;
let secrets: MemorySecretStore;
let deps: ReconcilerDeps;

beforeEach(() => {
  now = Date.parse('2030-01-01T00:00:00.000Z');
  store = new MemoryTaskStore({ now: () => now });
  fleet = new MemoryFleet();
  secrets = new MemorySecretStore();
  deps = { tasks: store, fleet, secrets, log: createLogger('silent'), now: () => now };
});

async function create(over: Partial<Task> = {}): Promise<Task> {
  const task = sampleTask(over);
  const { revision } = await store.getScope(task.targetIdentity);
  await store.createTask(task, { maxTasks: 100, seen: revision });
  return task;
}

const kinds = async (id: string) => (await reconcileTask(deps, id)).actions.map((a) => a.kind);
const handles = () => fleet.replicators.map((r) => [r.order.generation, r.state.kind]);

describe('reconciling one task', () => {
  test('starts what is wanted and writes the handle', async () => {
    const task = await create();
    expect(await kinds(task.id)).toEqual(['start']);
    expect(fleet.replicators[0]?.order).toEqual({
      taskId: task.id,
      incarnation: task.incarnation,
      generation: 1,
    });
    expect(await store.getLaunch(task.id)).toMatchObject({
      generation: 1,
      handle: 'replicator-1',
      revision: 0,
    });
    expect(await kinds(task.id)).toEqual([]);
  });

  test('tells the fleet where the credentials are', async () => {
    const where = { secretRef: 'ref', userSecrets: { token: 'arn' } };
    const task = await create(where);
    await reconcileTask(deps, task.id);
    expect(fleet.replicators[0]?.order).toMatchObject(where);
  });

  test('raises the generation before anything is started', async () => {
    const task = await create();
    store.before = ({ verb, args }) => {
      if (verb === 'putLaunch' && fleet.replicators.length === 0)
        expect(args[0]).toMatchObject({ generation: 1 });
    };
    fleet.onStart = () => expect(store.items.has(itemKey('launch', task.id))).toBe(true);
    await reconcileTask(deps, task.id);
    expect(fleet.running).toHaveLength(1);
  });

  test('an unknown id is nothing to do', async () => {
    expect(await reconcileTask(deps, 'nobody')).toEqual({ actions: [], wakeAt: undefined });
  });

  test('stops a paused task, and says when to look again', async () => {
    const task = await create();
    await reconcileTask(deps, task.id);
    fleet.onDrain = () => {};
    await store.setDesired(task, 'Paused', '');
    const outcome = await reconcileTask(deps, task.id);
    expect(outcome.actions.map((a) => a.kind)).toEqual(['stop', 'wait']);
    expect(outcome.wakeAt).toBe(now + POLICY.stopTimeoutMs);
    now += POLICY.stopTimeoutMs;
    expect(await kinds(task.id)).toEqual(['kill']);
    expect(await kinds(task.id)).toEqual(['record-exit']);
    expect((await store.getLaunch(task.id))?.lastExit).toMatchObject({ code: null, confirmed: true });
  });

  test('records an end and starts the next generation after its pause, which learns of that end', async () => {
    const task = await create();
    await reconcileTask(deps, task.id);
    fleet.end(fleet.replicators[0]!, 1);
    const outcome = await reconcileTask(deps, task.id);
    expect(outcome.actions.map((a) => a.kind)).toEqual(['record-exit', 'wait']);
    expect(outcome.wakeAt).toBe(now + 2_000);
    now += 2_000;
    expect(await kinds(task.id)).toEqual(['start']);
    expect(await store.getLaunch(task.id)).toMatchObject({
      generation: 2,
      attempts: 2,
      lastExit: { generation: 1, code: 1, confirmed: true },
    });
  });

  test('a drained job that is wanted again is followed at once, its successor told so', async () => {
    const task = await create();
    await reconcileTask(deps, task.id);
    const paused = await store.setDesired(task, 'Paused', '');
    expect(await kinds(task.id)).toEqual(['stop', 'record-exit']);
    await store.setDesired(paused, 'Running', '');
    expect(await kinds(task.id)).toEqual(['start']);
    expect((await store.getLaunch(task.id))?.lastExit).toMatchObject({
      generation: 1,
      code: 0,
      confirmed: true,
    });
  });

  test('parks a task whose job gave up, with the reason that the job stored', async () => {
    const task = await create();
    await reconcileTask(deps, task.id);
    const run = await store.acquireLease(sampleClaim(task), undefined);
    const reason = { code: 'history_lost', message: 'The log is gone.' };
    await store.releaseLease(run, sampleUpdate({ phase: 'failed', reason }), 'drained');
    fleet.end(fleet.replicators[0]!, EXIT.permanent);
    expect(await kinds(task.id)).toEqual(['record-exit', 'park']);
    expect(await store.getTask(task.id)).toMatchObject({
      desired: 'Paused',
      reason: 'history_lost: The log is gone.',
    });
    expect(await kinds(task.id)).toEqual([]);
  });

  test('does not park a task that was changed meanwhile', async () => {
    const task = await create();
    await reconcileTask(deps, task.id);
    fleet.end(fleet.replicators[0]!, EXIT.permanent);
    store.before = async ({ verb }) => {
      if (verb !== 'setDesired') return;
      store.before = undefined;
      const paused = await store.setDesired(task, 'Paused', '');
      await store.setDesired(paused, 'Running', '');
    };
    await reconcileTask(deps, task.id);
    expect(await store.getTask(task.id)).toMatchObject({ desired: 'Running', revision: 2 });
  });

  test('a refused start is told and tried again later under a new generation', async () => {
    const task = await create();
    fleet.refuseNext('quota reached');
    const outcome = await reconcileTask(deps, task.id);
    expect(outcome.actions.map((a) => a.kind)).toEqual(['start', 'wait']);
    expect(await store.getLaunch(task.id)).toMatchObject({ pendingReason: 'quota reached', attempts: 0 });
    now = outcome.wakeAt ?? 0;
    expect(await kinds(task.id)).toEqual(['start']);
    const launch = await store.getLaunch(task.id);
    expect(launch).toMatchObject({ generation: 2, attempts: 1 });
    expect(launch?.pendingReason).toBeUndefined();
  });

  test('a start whose answer was lost is found again and not doubled', async () => {
    const task = await create();
    fleet.loseNextAnswer();
    expect(await kinds(task.id)).toEqual(['start']);
    expect(await kinds(task.id)).toEqual(['wait']);
    now += POLICY.startGraceMs;
    expect(await kinds(task.id)).toEqual(['find']);
    expect(handles()).toEqual([[1, 'running']]);
    expect((await store.getLaunch(task.id))?.handle).toBe('replicator-1');
  });

  test('a repeated order that is refused proves nothing about the first one', async () => {
    const task = await create();
    fleet.loseNextAnswer();
    await reconcileTask(deps, task.id);
    now += POLICY.startGraceMs;
    fleet.refuseNext('throttled');
    expect(await kinds(task.id)).toEqual(['find']);
    expect(await kinds(task.id)).toEqual(['find']);
    expect(handles()).toEqual([[1, 'running']]);
  });

  test('a replicator whose task went away during its start is killed', async () => {
    const task = await create();
    fleet.onStart = () => store.items.delete(itemKey('task', task.id));
    await reconcileTask(deps, task.id);
    expect(fleet.running).toEqual([]);
  });

  test('a fleet that does not answer is asked again soon', async () => {
    const task = await create();
    await reconcileTask(deps, task.id);
    fleet.describe = async () => {
      throw new Error('throttled');
    };
    expect(await reconcileTask(deps, task.id)).toMatchObject({ wakeAt: now + POLICY.askAgainMs });
  });

  test('fails when the store is away, and goes on when it is back', async () => {
    const task = await create();
    store.failNext(new StoreUnavailableError('away'), 'putLaunch');
    await expect(reconcileTask(deps, task.id)).rejects.toBeInstanceOf(StoreUnavailableError);
    expect(fleet.replicators).toEqual([]);
    await reconcileTask(deps, task.id);
    expect(fleet.running).toHaveLength(1);
  });

  test('who is slower than another control plane leaves it to that', async () => {
    const task = await create();
    store.before = async ({ verb }) => {
      if (verb !== 'putLaunch') return;
      store.before = undefined;
      await store.putLaunch(sampleLaunch(task, { launchedAt: new Date(now).toISOString() }), undefined);
    };
    expect(await kinds(task.id)).toEqual(['start']);
    expect(fleet.replicators).toEqual([]);
    expect(await kinds(task.id)).toEqual(['wait']);
  });

  test('calls for one task at once do it once', async () => {
    const task = await create();
    await Promise.all(Array.from({ length: 5 }, () => reconcileTask(deps, task.id)));
    expect(fleet.replicators).toHaveLength(1);
    expect((await store.getLaunch(task.id))?.generation).toBe(1);
  });

  test('a call sees everything that was so when it was made', async () => {
    const task = await create();
    const first = reconcileTask(deps, task.id);
    await store.setDesired(task, 'Paused', '');
    await Promise.all([first, reconcileTask(deps, task.id), reconcileTask(deps, task.id)]);
    expect(fleet.running).toEqual([]);
  });
});

describe('a replicator whose lease ran out, on a fleet that cannot kill at once', () => {
  const LEASE_MS = 10_000;

  /** It has its lease, streams for a while and then says nothing any more. ECS ends it with SIGTERM and, two minutes
   *  later, with SIGKILL. */
  async function silent(): Promise<Task> {
    const kill = fleet.stop.bind(fleet);
    fleet.stop = (handle) => kill(handle, 'drain');
    fleet.onDrain = () => {};
    const task = await create();
    await reconcileTask(deps, task.id);
    const run = await store.acquireLease(sampleClaim(task), undefined);
    const leaseExpiresAt = new Date(now + LEASE_MS).toISOString();
    await store.renewLease(run, sampleUpdate({ phase: 'starting', leaseExpiresAt }));
    return task;
  }

  test.each([137, null, 0, EXIT.retry])(
    'is asked to end, and replaced once it has (code %s)',
    async (code) => {
      const task = await silent();
      now += LEASE_MS + POLICY.leaseGraceMs - 1;
      expect(await kinds(task.id)).toEqual([]);
      now += 1;
      expect(await kinds(task.id)).toEqual(['kill']);
      for (let minute = 0; minute < 2; minute++) {
        now += 60_000;
        expect(await kinds(task.id)).toEqual(['kill']);
        expect(handles()).toEqual([[1, 'running']]);
      }
      fleet.end(fleet.replicators[0]!, code);
      expect(await kinds(task.id)).toEqual(['record-exit', 'wait']);
      const left = await store.getLaunch(task.id);
      expect(left).toMatchObject({ attempts: code === 0 ? 0 : 1, lastExit: { code, confirmed: true } });
      now = Date.parse(left?.notBefore ?? '');
      expect(await kinds(task.id)).toEqual(['start']);
      expect(handles()).toEqual([
        [1, 'stopped'],
        [2, 'running'],
      ]);
    },
  );

  test('is left alone when it comes to itself', async () => {
    const task = await silent();
    now += LEASE_MS + POLICY.leaseGraceMs - 1;
    const run = await store.getRun(task.id);
    if (run === undefined) throw new Error('it has no lease');
    const leaseExpiresAt = new Date(now + LEASE_MS).toISOString();
    await store.renewLease(run, sampleUpdate({ phase: 'starting', leaseExpiresAt }));
    now += 1;
    expect(await kinds(task.id)).toEqual([]);
  });

  test('that is paused meanwhile, or deleted, ends all the same', async () => {
    const task = await silent();
    now += LEASE_MS + POLICY.leaseGraceMs;
    expect(await kinds(task.id)).toEqual(['kill']);
    const paused = await store.setDesired(task, 'Paused', '');
    expect(await kinds(task.id)).toEqual(['kill']);
    await store.deleteTask(paused);
    expect(await kinds(task.id)).toEqual(['kill']);
    fleet.end(fleet.replicators[0]!, 137);
    expect(await kinds(task.id)).toEqual(['purge']);
  });
});

describe('a deleted task', () => {
  test('is stopped, then purged with its secret and what the fleet keeps for it', async () => {
    const task = await create({ secretRef: 'ref' });
    await secrets.put('ref', { token: 't' });
    await reconcileTask(deps, task.id);
    fleet.onDrain = () => {};
    await store.deleteTask(task);
    expect(await kinds(task.id)).toEqual(['stop', 'wait']);
    expect(secrets.secrets.size).toBe(1);
    expect(fleet.retired).not.toContain(task.incarnation);
    fleet.end(fleet.replicators[0]!, 0);
    expect(await kinds(task.id)).toEqual(['purge']);
    expect(secrets.secrets.size).toBe(0);
    expect(fleet.retired).toContain(task.incarnation);
    expect(await store.listTombstones()).toEqual([]);
    expect(await kinds(task.id)).toEqual([]);
  });

  test('leaves its successor under the same id alone', async () => {
    const old = await create({ secretRef: 'old' });
    await reconcileTask(deps, old.id);
    fleet.end(fleet.replicators[0]!, 0);
    await store.deleteTask(old);
    const young = await create({ id: old.id, secretRef: 'young' });
    await secrets.put('young', { token: 't' });
    expect(await kinds(young.id)).toEqual(['start', 'purge']);
    expect(fleet.running.map((r) => r.order.incarnation)).toEqual([young.incarnation]);
    expect((await store.getLaunch(young.id))?.incarnation).toBe(young.incarnation);
    expect(secrets.secrets.has('young')).toBe(true);
  });

  test('is kept until a task that has what it had has taken it over', async () => {
    const { gone, other } = await besides({});
    await sweep(deps);
    expect(await store.listTombstones()).toHaveLength(1);
    const launch = await store.getLaunch(other.id);
    const claim = sampleClaim(other, { generation: launch?.generation ?? 0 });
    const { epoch } = await store.acquireLease(claim, undefined);
    const fence = { ...claim, epoch };
    const { revision } = await store.getScope(gone.targetIdentity);
    await store.renewLease(fence, sampleUpdate({ scopeRevision: revision - 1 }));
    await sweep(deps);
    expect(await store.listTombstones()).toHaveLength(1);
    await store.renewLease(fence, sampleUpdate({ scopeRevision: revision }));
    await sweep(deps);
    expect(await store.listTombstones()).toEqual([]);
  });

  test('is not kept for ever for a task that does not run', async () => {
    const { gone } = await besides({ desired: 'Paused' });
    const until = now + POLICY.keepForHeirsMs;
    now = until - 1;
    expect((await reconcileTask(deps, gone.id)).wakeAt).toBe(until);
    expect(await store.listTombstones()).toHaveLength(1);
    now = until;
    await sweep(deps);
    expect(await store.listTombstones()).toEqual([]);
  });

  test.each([
    ['replicates to another target', { targetIdentity: 'another' }],
    ['left nothing to it', { scope: { include: [{ database: '*', collection: '*' }], exclude: [] } }],
  ])('is not kept for a task that %s', async (_, other) => {
    const { gone } = await besides(other);
    await reconcileTask(deps, gone.id);
    expect(await store.listTombstones()).toEqual([]);
  });

  /** A deleted task, and one that excluded what that had. */
  async function besides(over: Partial<Task>): Promise<{ readonly gone: Task; readonly other: Task }> {
    const foo = { database: 'default', collection: 'foo' };
    const gone = await create({ scope: { include: [foo], exclude: [] } });
    await store.deleteTask(gone);
    const include = [{ ...foo, collection: '*' }];
    return { gone, other: await create({ scope: { include, exclude: [foo] }, ...over }) };
  }

  test('is purged again when the store was away in the middle', async () => {
    const task = await create({ secretRef: 'ref' });
    await store.deleteTask(task);
    store.failNext(new StoreUnavailableError('away'), 'purge');
    await expect(reconcileTask(deps, task.id)).rejects.toBeInstanceOf(StoreUnavailableError);
    await sweep(deps);
    expect(await store.listTombstones()).toEqual([]);
  });
});

describe('a sweep', () => {
  test('reconciles every task and every tombstone', async () => {
    for (let i = 0; i < 30; i++) await create();
    const gone = await create();
    await store.deleteTask(gone);
    expect(await sweep(deps)).toMatchObject({ checked: 31, failed: 0 });
    expect(fleet.running).toHaveLength(30);
    expect(await store.listTombstones()).toEqual([]);
  });

  test('tells when to look again at the earliest', async () => {
    const [a] = [await create(), await create()];
    await sweep(deps);
    fleet.end(fleet.replicators[0]!, 1);
    expect(await sweep(deps)).toMatchObject({ wakeAt: now + 2_000 });
    expect(a).toBeDefined();
  });

  test('hands back what it found last of each task, as it left it, and nothing of tombstones', async () => {
    const task = await create();
    await store.deleteTask(await create());
    const { found } = await sweep(deps);
    expect(found).toEqual([
      expect.objectContaining({ task, launch: expect.objectContaining({ handle: 'replicator-1' }) }),
    ]);
  });

  test('goes on when one task cannot be read', async () => {
    const [bad, good] = [await create({ id: 'a' }), await create({ id: 'b' })];
    store.items.set(itemKey('task', bad.id), { version: 1 });
    const { checked, failed, found } = await sweep(deps);
    expect([checked, failed, found.map(({ task }) => task.id)]).toEqual([2, 1, ['b']]);
    expect(fleet.running.map((r) => r.order.taskId)).toEqual([good.id]);
  });

  test('goes on when the tombstones cannot be listed', async () => {
    await create();
    store.failNext(new StoreUnavailableError('away'), 'listTombstones');
    expect(await sweep(deps)).toMatchObject({ failed: 1 });
    expect(fleet.running).toHaveLength(1);
  });

  test('fails when the tasks cannot be listed', async () => {
    store.failNext(new StoreUnavailableError('away'), 'listTaskIds');
    await expect(sweep(deps)).rejects.toBeInstanceOf(StoreUnavailableError);
  });

  test('looks at a bounded number of tasks at once', async () => {
    for (let i = 0; i < 40; i++) await create();
    let inFlight = 0;
    let most = 0;
    const describeOne = fleet.start.bind(fleet);
    fleet.start = async (order) => {
      most = Math.max(most, ++inFlight);
      await new Promise((resolve) => setImmediate(resolve));
      inFlight--;
      return describeOne(order);
    };
    await sweep(deps);
    expect(most).toBeGreaterThan(1);
    expect(most).toBeLessThanOrEqual(8);
  });
});

describe('at the start of the control plane', () => {
  test.each([
    { desired: 'Running', disableAutoStart: true, reason: 'the task is disabled auto start' },
    { desired: 'Running', disableAutoStart: false, reason: undefined },
    { desired: 'Paused', disableAutoStart: true, reason: undefined },
    { desired: 'Paused', disableAutoStart: false, reason: undefined },
  ] as const)('a task that is $desired with disabled auto start $disableAutoStart: $reason', (c) => {
    expect(onControlPlaneStart(c)).toBe(c.reason);
  });
});
