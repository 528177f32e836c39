import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Readable, Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { SqliteTaskStore } from '#shared/store/sqlite/sqlite-task-store.ts';
import { CorruptItemError, NewerItemError, StoreUnavailableError } from '#shared/store/task-store.ts';
import type { Task } from '#shared/task/task.ts';
import { sampleClaim, sampleLaunch, sampleTask, sampleUpdate } from '../../support/fakes/task-samples.ts';

const JOB = join(import.meta.dirname, 'job-process.ts');

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cdc-sqlite-'));
  file = join(folder, 'data', 'state.db');
});
afterEach(() => rmSync(folder, { recursive: true }));

function open(): SqliteTaskStore {
  const store = new SqliteTaskStore({ file });
  onTestFinished(() => store.close());
  return store;
}

async function launched(store: SqliteTaskStore): Promise<Task> {
  const task = sampleTask();
  const { revision } = await store.getScope(task.targetIdentity);
  await store.createTask(task, { maxTasks: 100, seen: revision });
  await store.putLaunch(sampleLaunch(task), undefined);
  return task;
}

function lockedBy(db: DatabaseSync): DatabaseSync {
  db.exec('BEGIN IMMEDIATE; CREATE TABLE locked (x)');
  return db;
}

describe('the file', () => {
  test("and its folder, when made here, are their owner's only", async () => {
    await launched(open());
    expect(statSync(join(folder, 'data')).mode & 0o777).toBe(0o700);
    for (const path of [file, `${file}-wal`, `${file}-shm`]) expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  test('leaves the mode of a folder that was there', () => {
    mkdirSync(join(folder, 'data'));
    chmodSync(join(folder, 'data'), 0o755);
    open();
    expect(statSync(join(folder, 'data')).mode & 0o777).toBe(0o755);
  });

  test('keeps everything when it is opened again', async () => {
    const first = open();
    const task = await launched(first);
    await first.close();
    expect(await open().getTask(task.id)).toEqual(task);
  });

  test('is written to the disk with each commit', () => {
    const store = open();
    expect(store).toBeDefined();
    const db = new DatabaseSync(file);
    expect(db.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'wal' });
    db.close();
  });

  test('of a newer release is refused', () => {
    open();
    const db = new DatabaseSync(file);
    db.exec('PRAGMA user_version = 99');
    db.close();
    expect(() => new SqliteTaskStore({ file })).toThrow(NewerItemError);
  });

  test('that is no database is refused', () => {
    mkdirSync(join(folder, 'data'));
    writeFileSync(file, 'x'.repeat(10_000));
    expect(() => new SqliteTaskStore({ file })).toThrow(CorruptItemError);
  });

  test('that cannot be made fails as unavailable', () => {
    writeFileSync(join(folder, 'data'), '');
    expect(() => new SqliteTaskStore({ file })).toThrow(StoreUnavailableError);
  });

  test('may be opened and made by several at once', async () => {
    const stores = await Promise.all(Array.from({ length: 8 }, async () => open()));
    const task = await launched(stores[0] as SqliteTaskStore);
    for (const store of stores) expect((await store.getTask(task.id))?.id).toBe(task.id);
  });
});

describe('while another process writes', () => {
  test('reads go on and writes wait for it without blocking the event loop', async () => {
    const store = open();
    const task = await launched(store);
    const other = lockedBy(new DatabaseSync(file));
    let ticks = 0;
    const ticking = setInterval(() => ticks++, 5);
    const pausing = store.setDesired(task, 'Paused', '');
    expect((await store.getTask(task.id))?.desired).toBe('Running');
    setTimeout(() => other.exec('COMMIT'), 400);
    expect((await pausing).desired).toBe('Paused');
    clearInterval(ticking);
    expect(ticks).toBeGreaterThan(4);
    other.close();
  });

  test('a write that waits for too long fails as unavailable and has done nothing', {
    timeout: 20_000,
  }, async () => {
    const store = open();
    const task = await launched(store);
    const other = lockedBy(new DatabaseSync(file));
    const begun = performance.now();
    await expect(store.setDesired(task, 'Paused', '')).rejects.toBeInstanceOf(StoreUnavailableError);
    expect(performance.now() - begun).toBeLessThan(8_000);
    other.exec('ROLLBACK');
    expect((await store.getTask(task.id))?.desired).toBe('Running');
    other.close();
  });
});

describe('a job in another process', () => {
  test("and the control plane see each other's writes", async () => {
    const store = open();
    const task = await launched(store);
    const job = startJob(task);
    await job.beats(20);
    const seen = await store.getRun(task.id);
    expect(seen?.beat).toBeGreaterThan(1);
    expect(await store.setDesired(task, 'Paused', '')).toMatchObject({ revision: 1 });
    await job.beats(20);
    job.process.stdin.end();
    await once(job.process, 'close');
    expect((await store.getRun(task.id))?.beat).toBe(job.last());
  });

  test('is fenced by a takeover', async () => {
    const store = open();
    const task = await launched(store);
    const job = startJob(task);
    await job.beats(5);
    // The job renews all the time, so the claim is repeated until it meets the run as it was seen.
    let taken: unknown;
    for (let i = 0; i < 10_000 && taken === undefined; i++) {
      taken = await store.acquireLease(sampleClaim(task), await store.getRun(task.id)).catch(() => undefined);
    }
    const [code] = await once(job.process, 'close');
    expect(code).not.toBe(0);
    expect(job.errors()).toContain('FencedError');
    expect((await store.getRun(task.id))?.epoch).toBe(2);
  });

  test('that is killed at any moment has lost no renewal that had returned', async () => {
    const store = open();
    for (let round = 0; round < 5; round++) {
      const task = await launched(store);
      const job = startJob(task);
      await job.beats(5 + round * 7);
      job.process.kill('SIGKILL');
      await once(job.process, 'close');
      const left = await store.getRun(task.id);
      expect(left?.beat).toBeGreaterThanOrEqual(job.last());
      expect(left?.beat).toBeLessThanOrEqual(job.last() + 1);
      expect(left?.watermark).toBe(String(left?.beat));
    }
  });

  test('renews among several others without a failure', { timeout: 30_000 }, async () => {
    const store = open();
    const jobs = [];
    for (let i = 0; i < 4; i++) jobs.push(startJob(await launched(store)));
    await Promise.all(jobs.map((job) => job.beats(60)));
    for (const job of jobs) job.process.stdin.end();
    for (const job of jobs) {
      if (job.process.exitCode === null) await once(job.process, 'exit');
      expect(job.errors()).toBe('');
      expect(job.process.exitCode).toBe(0);
    }
  });

  function startJob(task: Task) {
    const child: ChildProcessByStdio<Writable, Readable, Readable> = spawn(
      process.execPath,
      [JOB, file, task.id, task.incarnation],
      { stdio: ['pipe', 'pipe', 'pipe'] },
    );
    onTestFinished(() => void child.kill('SIGKILL'));
    let output = '';
    let errors = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      errors += text;
    });
    const told = () => output.split('\n').slice(0, -1);
    return {
      process: child,
      errors: () => errors,
      last: () => Number(told().at(-1)),
      /** Waits until so many more beats were told. */
      async beats(more: number): Promise<void> {
        const enough = told().length + more;
        while (told().length < enough) {
          if (child.exitCode !== null) throw new Error(`the job has ended: ${errors}`);
          const settled = new AbortController();
          const { signal } = settled;
          await Promise.race([once(child.stdout, 'data', { signal }), once(child, 'exit', { signal })]);
          settled.abort();
        }
      },
    };
  }
});

test('a renewal is one statement and touches nothing but the run', async () => {
  const store = open();
  const task = await launched(store);
  const run = await store.acquireLease(sampleClaim(task), undefined);
  const db = new DatabaseSync(file);
  const before = db.prepare('SELECT body FROM tasks').all();
  await store.renewLease(run, sampleUpdate());
  expect(db.prepare('SELECT body FROM tasks').all()).toEqual(before);
  expect(db.prepare('SELECT beat FROM runs').get()).toEqual({ beat: 2 });
  db.close();
});
