import type { Fence, TaskStore } from '#shared/store/task-store.ts';
import { packPositions } from '#shared/task/positions.ts';
import type { Run, TaskDatabase, TaskObject } from '#shared/task/run.ts';
import { ITEM_VERSION, type Launch, type Task } from '#shared/task/task.ts';
import {
  sampleClaim,
  sampleDatabase,
  sampleLaunch,
  sampleObject,
  sampleTask,
  sampleUpdate,
} from '../fakes/task-samples.ts';

/** The store's clock while the story is told. */
export const STORY_TIME = Date.parse('2030-01-01T00:01:00.000Z');

const TARGET = 'http://target:19530';
const MAX_TASKS = 100;

/** What a store answers about everything that is in it. */
export interface Contents {
  readonly tasks: readonly Task[];
  readonly tombstones: readonly Task[];
  readonly launches: readonly Launch[];
  readonly runs: readonly Run[];
  readonly objects: readonly TaskObject[];
  readonly databases: readonly TaskDatabase[];
  readonly scope: Awaited<ReturnType<TaskStore['getScope']>>;
  readonly logLevel: string | undefined;
}

/** Lets a store hold one item of each kind in each form that matters: all optional members set, and none. Ids and times
 *  are always the same. */
export async function tellStory(store: TaskStore): Promise<void> {
  await rich(store);
  await paused(store);
  await unplaced(store);
  await deleted(store);
  await store.setLogLevel('debug');
}

/** Reads all of it back, as the release at hand understands it. */
export async function readStory(store: TaskStore): Promise<Contents> {
  const [tasks, tombstones] = [await store.listTasks(), await store.listTombstones()];
  const all = [...tasks, ...tombstones];
  const present = <T>(items: readonly (T | undefined)[]): T[] => items.filter((item) => item !== undefined);
  return {
    tasks,
    tombstones,
    launches: present(await Promise.all(all.map(({ id }) => store.getLaunch(id)))),
    runs: present(await Promise.all(all.map(({ id }) => store.getRun(id)))),
    objects: (await Promise.all(all.map((task) => store.listObjects(task)))).flat(),
    databases: (await Promise.all(all.map((task) => store.listDatabases(task)))).flat(),
    scope: await store.getScope(TARGET),
    logLevel: await store.getLogLevel(),
  };
}

/** A task that streams, every member set. */
async function rich(store: TaskStore): Promise<void> {
  const task = await create(store, 'rich', {
    target: {
      uri: 'https://target:19530/db',
      connectTimeoutMs: 10_000,
      ignorePartition: true,
      tls: { serverName: 'target', caPem: 'ca', serverPem: 'server', clientCertPem: 'cert' },
    },
    secretRef: 'target-of-rich',
    scope: {
      include: [{ database: 'default', collection: '*' }],
      exclude: [{ database: 'default', collection: 'books' }],
    },
    mappings: [{ sourceDatabase: 'a', targetDatabase: 'b', collections: { c: 'd' } }],
    startPositions: [{ vchannel: 'v', offset: '9223372036854775807', timestamp: '449000000000000000' }],
    replicateRoles: true,
    disableAutoStart: true,
  });
  const launch: Launch = {
    ...sampleLaunch(task, { generation: 3, revision: 0, attempts: 0 }),
    version: ITEM_VERSION,
    handle: 'handle-of-rich',
    lastExit: {
      generation: 2,
      code: 75,
      at: '2030-01-01T00:00:00.000Z',
      confirmed: true,
      message: 'ended with 75',
    },
  };
  await store.putLaunch(launch, undefined);
  const fence = await lease(store, task, 3);
  await store.renewLease(fence, {
    ...sampleUpdate({ phase: 'retrying', channels: POSITIONS }),
    reason: { code: 'target_unavailable', message: 'The target does not answer.' },
    warnings: [{ code: 'history_partial', message: 'A collection is older than the log.' }],
  });
  await store.putObject(fence, stored(sampleObject(task)));
  await store.putObject(fence, {
    ...stored(sampleObject(task, { collectionId: '449000000000000002', state: 'found', createdHere: false })),
    target: { database: 'default', name: 'foreign' },
    indexes: { vector: 'HNSW' },
    quarantine: { code: 'target_foreign', message: 'Not ours.', since: '2030-01-01T00:00:30.000Z' },
    warnings: [{ code: 'history_partial', message: 'Older than the log.' }],
  });
  const database = sampleDatabase(task, { version: ITEM_VERSION });
  await store.putDatabase(fence, database);
  await store.putDatabase(fence, { ...database, name: 'foreign', createdHere: false, createdAt: undefined });
}

/** A task that was paused while its replicator ran, which is asked to stop. */
async function paused(store: TaskStore): Promise<void> {
  const task = await create(store, 'paused', {});
  await store.putLaunch(sampleLaunch(task, { handle: 'handle-of-paused', revision: 0 }), undefined);
  const fence = await lease(store, task, 1);
  await store.releaseLease(fence, sampleUpdate({ phase: 'stopped' }), 'undrained');
  await store.setDesired(task, 'Paused', 'manually pause through http interface');
  const asked = sampleLaunch(task, { handle: 'handle-of-paused', stopAskedAt: '2030-01-01T00:00:40.000Z' });
  await store.putLaunch(asked, 1);
}

/** A task that there was no room for yet. */
async function unplaced(store: TaskStore): Promise<void> {
  const task = await create(store, 'unplaced', { request: {} });
  const launch = sampleLaunch(task, { attempts: 0, pendingReason: 'no room', unplaced: 2 });
  await store.putLaunch(launch, undefined);
}

/** What a deleted task leaves until it is purged. */
async function deleted(store: TaskStore): Promise<void> {
  const task = await create(store, 'deleted', { secretRef: 'target-of-deleted' });
  await store.putLaunch(sampleLaunch(task, { handle: 'handle-of-deleted' }), undefined);
  const fence = await lease(store, task, 1);
  await store.putObject(fence, stored(sampleObject(task, { cursors: [], partitions: {} })));
  await store.deleteTask(task);
}

async function create(store: TaskStore, id: string, over: Partial<Task>): Promise<Task> {
  const task: Task = {
    ...sampleTask({ id, incarnation: `life-of-${id}`, targetIdentity: TARGET, ...over }),
    version: ITEM_VERSION,
  };
  const { revision } = await store.getScope(TARGET);
  await store.createTask(task, { maxTasks: MAX_TASKS, seen: revision });
  return task;
}

async function lease(store: TaskStore, task: Task, generation: number): Promise<Fence> {
  const claim = sampleClaim(task, { generation, owner: `owner-of-${task.id}` });
  const { owner, epoch } = await store.acquireLease(claim, undefined);
  return { taskId: task.id, incarnation: task.incarnation, owner, epoch };
}

function stored(object: TaskObject): TaskObject {
  return { ...object, version: ITEM_VERSION };
}

const POSITIONS = packPositions(
  [0, 1].map((shard) => ({
    channel: `by-dev-rootcoord-dml_${shard}`,
    logTag: '00112233445566ff',
    offset: 1_000n + BigInt(shard),
    tick: 449_000_000_000_000_000n,
    horizon: 449_000_003_000_000_000n,
  })),
);
