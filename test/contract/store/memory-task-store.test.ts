import { itemKey, MemoryTaskStore } from '../../support/fakes/memory-task-store.ts';
import { ADDED, describeTaskStore } from '../kits/task-store.ts';
import { NEWER } from './harnesses.ts';

describeTaskStore('MemoryTaskStore', async () => {
  const store = new MemoryTaskStore();
  return {
    store,
    other: store,
    async spoil(item, how) {
      const { id, incarnation } = item.task;
      const key = {
        task: itemKey('task', id),
        launch: itemKey('launch', id),
        run: itemKey('run', id),
        tombstone: itemKey('tombstone', id, incarnation),
        object: itemKey('object', id, incarnation, item.kind === 'object' ? item.collectionId : ''),
        database: itemKey('database', id, incarnation, item.kind === 'database' ? item.name : ''),
      }[item.kind];
      const stored = store.items.get(key) as object;
      const spoiled = {
        newer: { ...stored, version: NEWER },
        corrupt: { version: 1, incarnation },
        extended: { ...stored, [ADDED.name]: ADDED.value },
      };
      store.items.set(key, spoiled[how]);
    },
    close: () => store.close(),
  };
});
