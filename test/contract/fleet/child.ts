import { fstatSync } from 'node:fs';
import { REPLICATOR_ENV } from '#shared/names.ts';

/** Stands in for a replicator in tests of fleets: its task's id begins with what it shall do. */
const taskId = process.env[REPLICATOR_ENV.taskId] ?? '';
const ids = [taskId, process.env[REPLICATOR_ENV.incarnation], process.env[REPLICATOR_ENV.generation]];
process.stdout.write(`pid ${process.pid} ids ${ids.join(' ')}\n`);
process.stderr.write('and a line of standard error\n');
const secrets = Object.entries(process.env).filter(([name]) => name.includes('SECRET'));
process.stdout.write(`${JSON.stringify(Object.fromEntries(secrets))}\n`);

const code = /^exits-(\d+)/.exec(taskId)?.[1];
if (code !== undefined) process.exit(Number(code));

// The end of a pipe is the end of the control plane; a container has none.
const stdin = fstatSync(0);
if (stdin.isFIFO() || stdin.isSocket()) {
  process.stdin.on('end', () => process.exit(3));
  process.stdin.resume();
}
setInterval(() => {}, 60_000);
process.on('SIGTERM', () => {
  if (!taskId.startsWith('stubborn')) process.exit(0);
});
// Tells that the handlers above are in place: a signal before that ends any process.
process.stdout.write('ready\n');
