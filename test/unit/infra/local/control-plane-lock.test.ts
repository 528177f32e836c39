import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ControlPlaneLock, LockedError } from '../../../../infra/local/control-plane-lock.ts';

async function temporaryFolder() {
  const path = await mkdtemp(join(tmpdir(), 'cdc-lock-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}

test('a second control plane is refused with a sentence that names the first', async () => {
  await using folder = await temporaryFolder();
  const lock = new ControlPlaneLock(folder.path);
  expect(() => new ControlPlaneLock(folder.path)).toThrow(
    new LockedError(`another control plane (process ${process.pid}) works on ${folder.path}`),
  );
  lock.release();
  new ControlPlaneLock(folder.path).release();
});

test('what a killed control plane leaves behind holds nobody up', async () => {
  await using folder = await temporaryFolder();
  const module = new URL('../../../../infra/local/control-plane-lock.ts', import.meta.url).href;
  const script = `import(${JSON.stringify(module)}).then(({ ControlPlaneLock }) => {
    globalThis.lock = new ControlPlaneLock(${JSON.stringify(folder.path)});
    process.stdout.write('locked');
    setInterval(() => {}, 1000);
  })`;
  const holder = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(holder.stdout, 'data');
  expect(() => new ControlPlaneLock(folder.path)).toThrow(`(process ${holder.pid})`);
  holder.kill('SIGKILL');
  await once(holder, 'exit');
  new ControlPlaneLock(folder.path).release();
});

test('a holder’s file without a holder is no lock', async () => {
  await using folder = await temporaryFolder();
  await writeFile(join(folder.path, 'control-plane.pid'), '1\n');
  new ControlPlaneLock(folder.path).release();
});

test('the lock can be read by its owner only', async () => {
  await using folder = await temporaryFolder();
  new ControlPlaneLock(folder.path).release();
  expect((await stat(join(folder.path, 'control-plane.lock'))).mode & 0o077).toBe(0);
});
