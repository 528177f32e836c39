import { randomUUID } from 'node:crypto';
import { createInterface } from 'node:readline';
import { SqliteTaskStore } from '#shared/store/sqlite/sqlite-task-store.ts';
import { sampleUpdate } from '../../support/fakes/task-samples.ts';

/** A job in a process of its own, for tests of the SQLite store: takes the lease, then renews it as fast as it can.
 *  Arguments: the file, the task's id, its incarnation. Prints the beat of each renewal that has returned. */
const [file = '', taskId = '', incarnation = ''] = process.argv.slice(2);
const store = new SqliteTaskStore({ file });
const claim = {
  taskId,
  incarnation,
  generation: 1,
  owner: randomUUID(),
  leaseExpiresAt: sampleUpdate().leaseExpiresAt,
};
const run = await store.acquireLease(claim, await store.getRun(taskId));
let told = run.beat;
process.stdout.write(`${told}\n`);

let stopped = false;
createInterface({ input: process.stdin }).on('close', () => {
  stopped = true;
});
while (!stopped) {
  await store.renewLease(run, sampleUpdate({ watermark: String(told + 1) }));
  process.stdout.write(`${++told}\n`);
  await new Promise((resolve) => setImmediate(resolve));
}
await store.close();
