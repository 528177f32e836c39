import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { spawnOwned } from '../../support/stack/owned-process.ts';
import { RunFolder } from '../../support/stack/run-folder.ts';
import { waitUntil } from '../../support/stack/wait-until.ts';

const support = join(import.meta.dirname, '../../support/stack');

/** A process that owns a run folder and, in it, a program with a child of its own; says where, then does `end`. */
const owner = (end: string) => `
import { spawnOwned } from '${support}/owned-process.ts';
import { RunFolder } from '${support}/run-folder.ts';
const run = new RunFolder();
const args = ['-c', 'sleep 600 & sleep 600'];
const child = spawnOwned({ name: 'sleeper', run, command: '/bin/sh', args, cwd: '/', output: 2 });
console.log(JSON.stringify({ folder: run.path, group: child.pid }));
const keepAlive = setInterval(() => {}, 1_000);
process.stdin.once('data', () => { clearInterval(keepAlive); ${end} });
`;

interface Owned {
  readonly folder: string;
  readonly group: number;
}

test.each([
  { how: 'it ends by itself', end: 'process.stdin.destroy()', signal: undefined },
  { how: 'it calls process.exit', end: 'process.exit(3)', signal: undefined },
  { how: 'an exception is not caught', end: "throw new Error('not caught')", signal: undefined },
  { how: 'it gets SIGINT', end: '', signal: 'SIGINT' as const },
  { how: 'it gets SIGTERM', end: '', signal: 'SIGTERM' as const },
  { how: 'it is killed with SIGKILL', end: '', signal: 'SIGKILL' as const },
])('programs and folder go with their owner when $how', async ({ end, signal }) => {
  const process_ = spawn(process.execPath, ['--input-type=module-typescript', '-e', owner(end)], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const [line] = (await once(process_.stdout, 'data')) as [Buffer];
  const { folder, group } = JSON.parse(line.toString()) as Owned;
  expect(isAlive(group)).toBe(true);
  expect(existsSync(folder)).toBe(true);

  if (signal === undefined) process_.stdin.write('end\n');
  else process_.kill(signal);

  await once(process_, 'exit');
  await waitUntil(async () => !isAlive(group), { what: 'the program ends', timeoutMs: 10_000 });
  await waitUntil(async () => !existsSync(folder), { what: 'the folder goes', timeoutMs: 10_000 });
});

test('removing the folder kills what runs in it, also what is frozen', async () => {
  const run = new RunFolder();
  const child = spawnOwned({ name: 's', run, command: 'sleep', args: ['600'], cwd: '/', output: 'pipe' });
  const ended = once(child, 'exit');
  process.kill(-(child.pid ?? 0), 'SIGSTOP');
  await run.remove();
  expect(await ended).toEqual([null, 'SIGKILL']);
  expect(existsSync(run.path)).toBe(false);
});

test('the pid file of a program goes when the program ends', async () => {
  const run = new RunFolder();
  const child = spawnOwned({ name: 'brief', run, command: 'true', args: [], cwd: '/', output: 'pipe' });
  expect(existsSync(join(run.pids, 'brief'))).toBe(true);
  await once(child, 'exit');
  expect(existsSync(join(run.pids, 'brief'))).toBe(false);
  await run.remove();
});

/** Whether a process of the group lives. */
function isAlive(group: number): boolean {
  try {
    return process.kill(-group, 0);
  } catch {
    return false;
  }
}
