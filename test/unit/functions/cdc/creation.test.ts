import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ConflictError, StoreUnavailableError } from '#shared/store/task-store.ts';
import { World } from '../../../contract/api/world.ts';
import { MemorySecretStore } from '../../../support/fakes/memory-secret-store.ts';
import { MemoryTaskStore } from '../../../support/fakes/memory-task-store.ts';

const REQUEST = {
  milvus_connect_param: { uri: 'http://t:19530', token: 'u:p' },
  collection_infos: [{ name: 'foo' }],
};

async function open() {
  const tasks = new MemoryTaskStore();
  const secrets = new MemorySecretStore();
  const world = await World.open(async () => ({ tasks, secrets, close: async () => undefined }));
  return { tasks, secrets, world };
}

test('a create that others come between is decided anew', async () => {
  const { tasks, world } = await open();
  for (let i = 0; i < 5; i++) tasks.failNext(new ConflictError('changed'), 'createTask');
  expect(await world.call('create', REQUEST)).toMatchObject({ code: 200 });
});

test('a create that others come between for ever fails, and leaves no credentials', async () => {
  const { tasks, secrets, world } = await open();
  for (let i = 0; i < 20; i++) tasks.failNext(new ConflictError('changed'), 'createTask');
  expect(await world.call('create', REQUEST)).toEqual({
    code: 500,
    message: 'fail to handle the create request, error: fail to put the task info to etcd: changed',
  });
  expect(secrets.secrets.size).toBe(0);
});

test('a create whose answer was lost is found, and succeeds', async () => {
  const { tasks, secrets, world } = await open();
  tasks.loseNextAnswer(new StoreUnavailableError('away'), 'createTask');
  expect(await world.call('create', REQUEST)).toMatchObject({ code: 200 });
  expect(await tasks.listTasks()).toHaveLength(1);
  expect(secrets.secrets.size).toBe(1);
});

test('where it is not known whether the task was stored, its credentials stay', async () => {
  const { tasks, secrets, world } = await open();
  tasks.failNext(new StoreUnavailableError('away'), 'createTask');
  tasks.failNext(new StoreUnavailableError('away'), 'createTask');
  expect((await world.call('create', REQUEST)).message).toMatch(/fail to put the task info to etcd: away$/);
  expect(secrets.secrets.size).toBe(1);
});

test('a store that is away is told with the step that needed it', async () => {
  const { tasks, world } = await open();
  tasks.failNext(new StoreUnavailableError('away'), 'listTasks');
  expect(await world.call('create', REQUEST)).toEqual({
    code: 500,
    message: 'fail to handle the create request, error: fail to get task list to check num: away',
  });
});

test('a duplicate leaves no credentials', async () => {
  const { secrets, world } = await open();
  await world.call('create', REQUEST);
  expect((await world.call('create', REQUEST)).code).toBe(400);
  expect(secrets.secrets.size).toBe(1);
});

test('pause and resume survive a conflict, and tell a store that is away', async () => {
  const { tasks, world } = await open();
  const id = await world.create(REQUEST);
  tasks.failNext(new ConflictError('changed'), 'setDesired');
  expect(await world.call('pause', { task_id: id })).toEqual({ code: 200 });
  tasks.failNext(new StoreUnavailableError('away'), 'setDesired');
  expect((await world.call('resume', { task_id: id })).message).toMatch(
    /error: fail to start the task, task_id: .*: away$/,
  );
});

test('a delete whose answer was lost succeeds when it is sent again with ignore_not_found', async () => {
  const { tasks, secrets, world } = await open();
  const id = await world.create(REQUEST);
  tasks.loseNextAnswer(new StoreUnavailableError('away'), 'deleteTask');
  expect((await world.call('delete', { task_id: id })).code).toBe(500);
  expect(await world.call('delete', { task_id: id, ignore_not_found: true })).toEqual({ code: 200 });
  await world.reconcile(id);
  expect(secrets.secrets.size).toBe(0);
});

test('a delete that another delete overtakes succeeds', async () => {
  const { tasks, world } = await open();
  const id = await world.create(REQUEST);
  tasks.loseNextAnswer(new ConflictError('gone'), 'deleteTask');
  expect(await world.call('delete', { task_id: id })).toEqual({ code: 200 });
});

/** Every call of the store waits until the scheduler lets it through: creates meet in every order. */
async function creates(scheduler: fc.Scheduler, requests: readonly object[], maxTasks = 100) {
  const { tasks, world } = await open();
  world.settings = { ...world.settings, maxTasks };
  tasks.before = ({ verb }) => scheduler.schedule(Promise.resolve(), verb);
  const answers = Promise.all(requests.map((request) => world.call('create', { ...REQUEST, ...request })));
  await scheduler.waitFor(answers);
  tasks.before = undefined;
  return { answers: await answers, tasks: await tasks.listTasks() };
}

test('creates of one id at once make one task and all answer it, in whatever order they meet', async () => {
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), async (scheduler) => {
      const { answers, tasks } = await creates(scheduler, Array(4).fill({ task_id: 't' }));
      expect(answers).toEqual(Array(4).fill({ code: 200, data: { task_id: 't' } }));
      expect(tasks).toHaveLength(1);
    }),
  );
});

test('creates of one scope at once make one task, in whatever order they meet', async () => {
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), async (scheduler) => {
      const everything = { collection_infos: [{ name: '*' }] };
      const { answers, tasks } = await creates(scheduler, [{}, {}, everything, everything]);
      // `*` after `foo` leaves it out; the other way round `foo` is a duplicate.
      const granted = answers.filter(({ code }) => code === 200).length;
      expect(granted).toBe(tasks.length);
      const excluded = tasks.flatMap(({ scope }) => scope.exclude);
      expect(tasks.length).toBe(1 + excluded.length);
    }),
  );
});

test('creates at once reach the limit and do not pass it, in whatever order they meet', async () => {
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), async (scheduler) => {
      const requests = [1, 2, 3, 4].map((i) => ({ collection_infos: [{ name: `c${i}` }] }));
      const { answers, tasks } = await creates(scheduler, requests, 2);
      expect(tasks).toHaveLength(2);
      const refused = answers.filter(({ code }) => code !== 200);
      expect(refused.map(({ message }) => message)).toEqual(
        Array(2).fill('fail to handle the create request, error: the task num has reach the limit, 2'),
      );
    }),
  );
});

test('a fault of this program is logged and not told', async () => {
  const { tasks, world } = await open();
  tasks.failNext(new Error('inner workings'), 'listTasks');
  expect(await world.call('list')).toEqual({
    code: 500,
    message: 'fail to handle the list request, error: internal error, the log of the control plane has more',
  });
  expect(world.logged.join('')).toContain('inner workings');
});

test('an id that no task can have is unknown, and the store is not asked', async () => {
  const { tasks, world } = await open();
  tasks.before = () => {
    throw new Error('asked');
  };
  const id = 'x'.repeat(257);
  expect((await world.call('get', { task_id: id })).message).toMatch(/error: not found: \[x+\]$/);
  expect((await world.call('pause')).message).toMatch(/error: not found the task, task_id: $/);
});
