import { LogFiles } from '#shared/fleet/process/log-files.ts';
import { ProcessFleet } from '#shared/fleet/process/process-fleet.ts';
import { createLogger } from '#shared/log.ts';
import { SqliteTaskStore } from '#shared/store/sqlite/sqlite-task-store.ts';
import { sweep } from '../../../functions/reconcile/reconciler.ts';

/** A control plane for tests that kill it: sweeps until it is killed.
 *  Arguments: the store's file, the log folder, the replicator's program. */
const [file = '', folder = '', program = ''] = process.argv.slice(2);
const logs = new LogFiles({ folder });
const deps = {
  tasks: new SqliteTaskStore({ file }),
  fleet: new ProcessFleet({
    command: [process.execPath, program],
    env: { PATH: process.env['PATH'], CDC_DATABASE: file },
    output: (order) => logs.open(order.taskId),
    logger: createLogger('silent'),
  }),
  secrets: { delete: async () => {} },
  log: createLogger('silent'),
  now: Date.now,
};
for (;;) {
  await sweep(deps);
  await new Promise((resolve) => setTimeout(resolve, 50));
}
