import { LogFiles } from '#shared/fleet/process/log-files.ts';
import { ProcessFleet } from '#shared/fleet/process/process-fleet.ts';
import { createLogger } from '#shared/log.ts';

/** A control plane for tests that kill it: starts one replicator, prints its handle, waits.
 *  Arguments: the log folder, the replicator's program, the task's id. */
const [folder = '', program = '', taskId = ''] = process.argv.slice(2);
const logs = new LogFiles({ folder });
const fleet = new ProcessFleet({
  command: [process.execPath, program],
  env: { PATH: process.env['PATH'] },
  output: (order) => logs.open(order.taskId),
  logger: createLogger('silent'),
});
const handle = await fleet.start({ taskId, incarnation: 'i', generation: 1 });
process.stdout.write(`${handle}\n`);
setInterval(() => {}, 60_000);
