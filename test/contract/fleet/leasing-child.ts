import { randomUUID } from 'node:crypto';
import { REPLICATOR_ENV } from '#shared/names.ts';
import { SqliteTaskStore } from '#shared/store/sqlite/sqlite-task-store.ts';
import { sampleUpdate } from '../../support/fakes/task-samples.ts';

/** Stands in for a replicator where the lease matters: takes it, renews it, gives it back drained when asked to stop. */
const read = (name: string) => process.env[name] ?? '';
const taskId = read(REPLICATOR_ENV.taskId);
const store = new SqliteTaskStore({ file: read(REPLICATOR_ENV.database) });
const expiry = () => new Date(Date.now() + 10_000).toISOString();

const run = await store.acquireLease(
  {
    taskId,
    incarnation: read(REPLICATOR_ENV.incarnation),
    generation: Number(read(REPLICATOR_ENV.generation)),
    owner: randomUUID(),
    leaseExpiresAt: expiry(),
  },
  await store.getRun(taskId),
);
const phaseSince = new Date().toISOString();
const account = () => sampleUpdate({ leaseExpiresAt: expiry(), phaseSince });

let stopping = false;
async function stop(): Promise<void> {
  if (stopping) return;
  stopping = true;
  await store.releaseLease(run, { ...account(), phase: 'stopped' }, 'drained');
  process.exit(0);
}
process.on('SIGTERM', () => void stop());
process.stdin.on('end', () => void stop());
process.stdin.resume();
while (!stopping) {
  await store.renewLease(run, account());
  await new Promise((resolve) => setTimeout(resolve, 50));
}
