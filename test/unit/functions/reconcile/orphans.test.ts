import { pino } from 'pino';
import { beforeEach, describe, expect, test } from 'vitest';
import type { FleetInventory, FoundReplicator, Kept } from '#shared/fleet/fleet-inventory.ts';
import type { StoredSecret } from '#shared/secrets/secret-inventory.ts';
import { StoreUnavailableError } from '#shared/store/task-store.ts';
import {
  findOrphans,
  ORPHANS,
  type OrphanDeps,
  sweepOrphans,
} from '../../../../functions/reconcile/orphans.ts';
import { MemoryFleet } from '../../../support/fakes/memory-fleet.ts';
import { MemorySecretStore } from '../../../support/fakes/memory-secret-store.ts';
import { MemoryTaskStore } from '../../../support/fakes/memory-task-store.ts';
import { sampleLaunch, sampleTask } from '../../../support/fakes/task-samples.ts';

const NOW = Date.parse('2030-06-01T12:00:00.000Z');
const LIFE = sampleTask({ id: 't', incarnation: 'life', secretRef: 'ref' });

const replicator = (over: Partial<FoundReplicator> = {}): FoundReplicator => ({
  handle: 'h',
  taskId: 't',
  incarnation: 'life',
  generation: 7,
  kept: 'k',
  ...over,
});
const secret = (over: Partial<StoredSecret> = {}): StoredSecret => ({
  ref: 'orphan',
  incarnation: 'gone',
  createdAt: NOW - ORPHANS.secretAgeMs,
  ...over,
});
const kept = (over: Partial<Kept> = {}): Kept => ({ name: 'k', incarnation: 'life', current: true, ...over });

describe('a replicator', () => {
  const launch = (over: Parameters<typeof sampleLaunch>[1]) =>
    sampleLaunch(LIFE, { generation: 7, handle: 'h', ...over });

  test.each([
    ['that the launch names', launch({}), replicator(), false],
    ['whose handle is still to be written', launch({ handle: undefined }), replicator(), false],
    ['of a generation before the launched one', launch({ generation: 8 }), replicator(), true],
    [
      'of a generation that was launched after the launch was read',
      launch({ generation: 6 }),
      replicator(),
      false,
    ],
    ['beside the one that the launch names', launch({ handle: 'other' }), replicator(), true],
    ['of a life that has no launch', undefined, replicator(), false],
    ['of a tombstone whose id a new task has', launch({ incarnation: 'next' }), replicator(), false],
    ['of a life that no task has', launch({}), replicator({ incarnation: 'gone' }), true],
  ])('%s', (_, stored, found, orphan) => {
    const known = { lives: [LIFE], launches: new Map(stored === undefined ? [] : [['t', stored]]) };
    const { replicators } = findOrphans({ replicators: [found], secrets: [], kept: [] }, known, NOW);
    expect(replicators).toEqual(orphan ? [found] : []);
  });
});

describe('a secret', () => {
  test.each([
    ['that a task refers to', secret({ ref: 'ref' }), false],
    ['that no task refers to', secret(), true],
    [
      'that is so young that its task may be on its way',
      secret({ createdAt: NOW - ORPHANS.secretAgeMs + 1 }),
      false,
    ],
    ['that is another one of a life that there is', secret({ incarnation: 'life' }), true],
  ])('%s', (_, found, orphan) => {
    const known = { lives: [LIFE], launches: new Map() };
    const { secrets } = findOrphans({ replicators: [], secrets: [found], kept: [] }, known, NOW);
    expect(secrets).toEqual(orphan ? [found] : []);
  });
});

describe('what is kept for replicators', () => {
  test.each([
    ['of a life that there is', kept(), [], false],
    ['of a life that no task has', kept({ incarnation: 'gone' }), [], true],
    ['of another release, with which nothing runs', kept({ current: false }), [], true],
    ['of another release, with which a replicator runs', kept({ current: false }), [replicator()], false],
  ])('%s', (_, found, replicators, orphan) => {
    const known = { lives: [LIFE], launches: new Map() };
    const orphans = findOrphans({ replicators, secrets: [], kept: [found] }, known, NOW);
    expect(orphans.kept).toEqual(orphan ? [found] : []);
  });
});

describe('a sweep', () => {
  let store: MemoryTaskStore;
  let fleet: MemoryFleet;
  let secrets: MemorySecretStore & { list(limit: number): Promise<readonly StoredSecret[]> };
  let logged: string[];
  let inventory: { -readonly [Name in keyof FleetInventory]: FleetInventory[Name] };
  let deps: OrphanDeps;

  beforeEach(() => {
    store = new MemoryTaskStore();
    fleet = new MemoryFleet();
    logged = [];
    secrets = Object.assign(new MemorySecretStore(), {
      list: async (limit: number) =>
        [...secrets.secrets.keys()].slice(0, limit).map((ref) => secret({ ref, incarnation: ref })),
    });
    const keptNames = new Set(['old', 'k']);
    inventory = {
      listReplicators: async () =>
        fleet.running.map(({ handle, order }) => ({ ...order, handle, kept: 'k' })),
      listKept: async () => [...keptNames].map((name) => kept({ name, incarnation: 'gone' })),
      remove: async ({ name }) => keptNames.delete(name),
    };
    const log = pino({ level: 'info' }, { write: (line: string) => void logged.push(line) });
    deps = { tasks: store, fleet, inventory, secrets, log, now: () => NOW };
  });

  test('removes what nobody asks for, leaves the rest, and says what it did', async () => {
    const task = sampleTask({ secretRef: 'used' });
    await store.createTask(task, { maxTasks: 9, seen: 0 });
    await store.putLaunch(sampleLaunch(task, { handle: 'replicator-1' }), undefined);
    await fleet.start({ taskId: task.id, incarnation: task.incarnation, generation: 1 });
    await fleet.start({ taskId: 'gone', incarnation: 'gone', generation: 1 });
    for (const ref of ['used', 'left']) await secrets.put(ref, { token: 'hidden' });
    expect(await sweepOrphans(deps)).toEqual({ replicators: 1, secrets: 1, kept: 2, failed: 0 });
    expect(fleet.running.map(({ handle }) => handle)).toEqual(['replicator-1']);
    expect([...secrets.secrets.keys()]).toEqual(['used']);
    expect(await sweepOrphans(deps)).toEqual({ replicators: 0, secrets: 0, kept: 0, failed: 0 });
    expect(logged.filter((line) => line.includes('orphan removed'))).toHaveLength(4);
    expect(logged.join('')).not.toContain('hidden');
  });

  test('leaves what a tombstone still needs', async () => {
    const task = sampleTask({ secretRef: 'used' });
    await store.createTask(task, { maxTasks: 9, seen: 0 });
    await fleet.start({ taskId: task.id, incarnation: task.incarnation, generation: 1 });
    await secrets.put('used', { token: 't' });
    await store.deleteTask(task);
    expect(await sweepOrphans(deps)).toMatchObject({ replicators: 0, secrets: 0 });
  });

  test('removes nothing when the tasks cannot be read', async () => {
    await fleet.start({ taskId: 'gone', incarnation: 'gone', generation: 1 });
    await secrets.put('left', { token: 't' });
    store.failNext(new StoreUnavailableError('away'), 'listTombstones');
    await expect(sweepOrphans(deps)).rejects.toThrow(StoreUnavailableError);
    expect(fleet.running).toHaveLength(1);
    expect(secrets.secrets.size).toBe(1);
  });

  test('does the rest when one list or one removal fails', async () => {
    await fleet.start({ taskId: 'gone', incarnation: 'gone', generation: 1 });
    await secrets.put('left', { token: 't' });
    inventory.listKept = () => Promise.reject(new Error('throttled'));
    secrets.delete = () => Promise.reject(new Error('refused'));
    expect(await sweepOrphans(deps)).toEqual({ replicators: 1, secrets: 0, kept: 0, failed: 2 });
    expect(logged.join('')).toContain('throttled');
    expect(logged.join('')).toContain('refused');
  });

  test('removes a bounded number of each kind', async () => {
    for (let i = 0; i <= ORPHANS.removed; i++) await secrets.put(`left-${i}`, { token: 't' });
    expect(await sweepOrphans(deps)).toMatchObject({ secrets: ORPHANS.removed });
    expect(await sweepOrphans(deps)).toMatchObject({ secrets: 1 });
  });

  test('sees a task that was created while it listed', async () => {
    const task = sampleTask();
    const { listReplicators } = inventory;
    inventory.listReplicators = async (limit) => {
      await store.createTask(task, { maxTasks: 9, seen: 0 });
      await fleet.start({ taskId: task.id, incarnation: task.incarnation, generation: 1 });
      return listReplicators(limit);
    };
    expect(await sweepOrphans(deps)).toMatchObject({ replicators: 0 });
    expect(fleet.running).toHaveLength(1);
  });
});
