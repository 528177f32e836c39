import { randomUUID } from 'node:crypto';
import type { LeaseClaim } from '#shared/store/task-store.ts';
import { packPositions } from '#shared/task/positions.ts';
import type { RunUpdate, TaskDatabase, TaskObject } from '#shared/task/run.ts';
import type { Launch, Task } from '#shared/task/task.ts';

/** Items as the product makes them, for tests; each argument replaces members. */

export function sampleTask(over: Partial<Task> = {}): Task {
  return {
    version: 1,
    id: randomUUID(),
    incarnation: randomUUID(),
    desired: 'Running',
    reason: '',
    revision: 0,
    createdAt: '2030-01-01T00:00:00.000Z',
    target: { uri: 'http://target:19530', connectTimeoutMs: 10_000, ignorePartition: false },
    targetIdentity: 'http://target:19530',
    scope: { include: [{ database: 'default', collection: '*' }], exclude: [] },
    mappings: [],
    startPositions: [],
    replicateRoles: false,
    disableAutoStart: false,
    request: {
      milvus_connect_param: { uri: 'http://target:19530' },
      odd: [1e300, -0.5, '', null, { '': 1 }],
    },
    ...over,
  };
}

export function sampleLaunch(task: Pick<Task, 'id' | 'incarnation'>, over: Partial<Launch> = {}): Launch {
  return {
    version: 1,
    taskId: task.id,
    incarnation: task.incarnation,
    generation: 1,
    launchedAt: '2030-01-01T00:00:00.000Z',
    attempts: 1,
    notBefore: '2030-01-01T00:00:00.000Z',
    ...over,
  };
}

export function sampleClaim(
  task: Pick<Task, 'id' | 'incarnation'>,
  over: Partial<LeaseClaim> = {},
): LeaseClaim {
  return {
    taskId: task.id,
    incarnation: task.incarnation,
    generation: 1,
    owner: randomUUID(),
    leaseExpiresAt: '2030-01-01T00:00:10.000Z',
    ...over,
  };
}

export function sampleUpdate(over: Partial<RunUpdate> = {}): RunUpdate {
  return {
    leaseExpiresAt: '2030-01-01T00:00:13.000Z',
    phase: 'streaming',
    phaseSince: '2030-01-01T00:00:05.000Z',
    channels: packPositions([
      {
        channel: 'by-dev-rootcoord-dml_0',
        logTag: '00112233445566ff',
        offset: 12n,
        tick: 449999999999999999n,
        horizon: 450000000000000000n,
      },
    ]),
    watermark: '449999999999999999',
    advancedAt: '2030-01-01T00:00:02.500Z',
    quarantined: 1,
    counters: {
      rowsInserted: 1_000_000_007,
      rowsUpserted: 2,
      keysDeleted: 3,
      bytes: 123_456_789_012,
      requests: 5,
      retries: 6,
      ambiguous: 7,
      rowsOfDroppedCollections: 8,
    },
    warnings: [],
    ...over,
  };
}

export function sampleObject(
  task: Pick<Task, 'id' | 'incarnation'>,
  over: Partial<TaskObject> = {},
): TaskObject {
  return {
    version: 1,
    taskId: task.id,
    incarnation: task.incarnation,
    collectionId: '449000000000000001',
    source: { database: 'default', name: 'books', channels: ['by-dev-rootcoord-dml_0'] },
    target: { database: 'default', name: 'books', collectionId: '450000000000000001' },
    state: 'bound',
    createdHere: true,
    replayUntil: '449000000000000000',
    cursors: [
      {
        channel: 'by-dev-rootcoord-dml_0',
        logTag: '00112233445566ff',
        offset: '12',
        tick: '449000000000000002',
        horizon: '9223372036854775807',
      },
    ],
    partitions: { '7': { name: 'p', state: 'bound' }, '8': { name: 'q', state: 'dropping' } },
    indexes: {},
    loaded: true,
    warnings: [],
    ...over,
  };
}

export function sampleDatabase(
  task: Pick<Task, 'id' | 'incarnation'>,
  over: Partial<TaskDatabase> = {},
): TaskDatabase {
  return {
    version: 1,
    taskId: task.id,
    incarnation: task.incarnation,
    name: 'shop',
    createdHere: true,
    createdAt: '1795863096315754239',
    ...over,
  };
}
