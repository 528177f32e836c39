import { closeSync, openSync } from 'node:fs';
import { PassThrough } from 'node:stream';
import { ProcessFleet } from '#shared/fleet/process/process-fleet.ts';
import { createLogger } from '#shared/log.ts';

/** Takes every file descriptor it may have, then starts a replicator; and again when they are free.
 *  Argument: the replicator's program. Prints the error's name and the state of the second. */
const fleet = new ProcessFleet({
  command: [process.execPath, process.argv[2] ?? ''],
  env: { PATH: process.env['PATH'] },
  output: () => new PassThrough().resume(),
  logger: createLogger('silent'),
});
const order = { taskId: 'runs', incarnation: 'i', generation: 1 };
const taken: number[] = [];
try {
  for (;;) taken.push(openSync('/dev/null', 'r'));
} catch {
  // Now there are none left.
}
const failure = await fleet.start(order).catch((error: unknown) => error);
for (const fd of taken) closeSync(fd);
const handle = await fleet.start(order);
process.stdout.write(`${failure instanceof Error ? failure.name : String(failure)}\n`);
process.stdout.write(`${(await fleet.describe(handle)).kind}\n`);
await fleet.stop(handle, 'kill');
await fleet.close();
