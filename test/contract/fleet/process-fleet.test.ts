import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { NotPlacedError } from '#shared/fleet/fleet.ts';
import { LogFiles } from '#shared/fleet/process/log-files.ts';
import { ProcessFleet } from '#shared/fleet/process/process-fleet.ts';
import { createLogger } from '#shared/log.ts';
import { describeFleet, until, untilState } from '../kits/fleet.ts';

const CHILD = join(import.meta.dirname, 'child.ts');
const OWNER = join(import.meta.dirname, 'owner.ts');
const CROWDED = join(import.meta.dirname, 'crowded.ts');
const folder = mkdtempSync(join(tmpdir(), 'cdc-fleet-'));
const logs = new LogFiles({ folder: join(folder, 'logs') });
afterAll(() => rmSync(folder, { recursive: true }));

function makeFleet(over: Partial<ConstructorParameters<typeof ProcessFleet>[0]> = {}): ProcessFleet {
  return new ProcessFleet({
    command: [process.execPath, CHILD],
    env: { PATH: process.env['PATH'] },
    output: (order) => logs.open(order.taskId),
    logger: createLogger('silent'),
    forcedExitMs: 1_500,
    ...over,
  });
}

/** Waits until the child has its signal handlers: what a signal does before that says nothing. */
async function untilReady(taskId: string): Promise<void> {
  await until(() => readLog(taskId).includes('ready\n'));
}

function readLog(taskId: string): string {
  try {
    return readFileSync(logs.pathOf(taskId), 'utf8');
  } catch {
    return '';
  }
}

const order = (behaviour: string) => ({
  taskId: `${behaviour}-${randomUUID()}`,
  incarnation: randomUUID(),
  generation: 7,
});

describeFleet('ProcessFleet', async () => {
  const fleet = makeFleet();
  // The kit's tests signal at once; so a start is only over when the child is ready for signals.
  const start = fleet.start.bind(fleet);
  fleet.start = async (given) => {
    const handle = await start(given);
    if (!given.taskId.startsWith('exits')) await untilReady(given.taskId);
    return handle;
  };
  return {
    fleet,
    taskId: (behaviour) => `${behaviour}-${randomUUID()}`,
    foreignHandle: '4194999:1',
    close: () => fleet.close(),
  };
});

describe('a replicator as a child process', () => {
  test('is told its ids, and both its outputs are in the log of its task', async () => {
    const fleet = makeFleet();
    const given = order('runs');
    const handle = await fleet.start(given);
    await untilReady(given.taskId);
    const pid = handle.split(':')[0];
    expect(readLog(given.taskId)).toContain(`pid ${pid} ids ${given.taskId} ${given.incarnation} 7\n`);
    expect(readLog(given.taskId)).toContain('and a line of standard error\n');
    await fleet.close();
  });

  test('gets the environment that was given and nothing of this process', async () => {
    const program = join(folder, 'print-env.mjs');
    writeFileSync(program, `console.log('env', Object.keys(process.env).sort().join());`);
    const fleet = makeFleet({ command: [process.execPath, program], env: { ONLY: '1' } });
    const given = order('env');
    await fleet.start(given);
    await until(() => readLog(given.taskId).includes('env '));
    expect(readLog(given.taskId)).toContain('env CDC_GENERATION,CDC_INCARNATION,CDC_TASK_ID,ONLY');
    await fleet.close();
  });

  test('ends when the control plane is killed', async () => {
    const { owner, handle } = await startOwner('runs');
    const fleet = makeFleet();
    expect(await fleet.describe(handle)).toEqual({ kind: 'running' });
    owner.kill('SIGKILL');
    const state = await untilState(fleet, handle, (s) => s.kind === 'stopped');
    expect(state).toMatchObject({ exitCode: null });
  });

  test('is not hit by what is signalled to the group of the control plane', async () => {
    const { handle } = await startOwner('runs');
    const [pid] = handle.split(':').map(Number);
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const group = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[2]);
    expect(group).toBe(pid);
    await makeFleet().stop(handle, 'kill');
  });

  test.each(['drain', 'kill'] as const)('of another control plane is ended by %s', async (how) => {
    const { handle } = await startOwner('runs');
    const fleet = makeFleet();
    await fleet.stop(handle, how);
    await untilState(fleet, handle, (s) => s.kind === 'stopped');
  });

  test('of another control plane that will not stop is killed', async () => {
    const { handle } = await startOwner('stubborn');
    const fleet = makeFleet();
    await fleet.stop(handle);
    await fleet.stop(handle);
    await untilState(fleet, handle, (s) => s.kind === 'stopped');
  });

  test("whose number is now another process's counts as dead, and that process is left alone", async () => {
    const fleet = makeFleet();
    const given = order('runs');
    const handle = await fleet.start(given);
    await untilReady(given.taskId);
    const [pid, startedAt] = handle.split(':');
    const earlier = `${pid}:${Number(startedAt) - 1}`;
    expect(await fleet.describe(earlier)).toMatchObject({ kind: 'stopped', exitCode: null });
    await fleet.stop(earlier, 'kill');
    await fleet.stop(earlier, 'drain');
    expect(await fleet.describe(handle)).toEqual({ kind: 'running' });
    await fleet.close();
  });

  test('without a known start time is missing while its number is taken, and dead when it is not', async () => {
    const fleet = makeFleet();
    expect(await fleet.describe(`${process.pid}:`)).toEqual({ kind: 'missing' });
    await fleet.stop(`${process.pid}:`, 'kill');
    expect(await fleet.describe('4194999:')).toMatchObject({ kind: 'stopped' });
  });

  test('that dies of a signal has no exit code', async () => {
    const fleet = makeFleet();
    const handle = await fleet.start(order('runs'));
    process.kill(Number(handle.split(':')[0]), 'SIGSEGV');
    const state = await untilState(fleet, handle, (s) => s.kind === 'stopped');
    expect(state).toEqual({ kind: 'stopped', exitCode: null, message: 'ended by SIGSEGV' });
  });

  test('is drained when the fleet closes, and killed when it will not stop', async () => {
    const fleet = makeFleet();
    const [kind, stubborn] = [order('runs'), order('stubborn')];
    const handles = [await fleet.start(kind), await fleet.start(stubborn)] as const;
    await untilReady(kind.taskId);
    await untilReady(stubborn.taskId);
    await fleet.close();
    expect(await fleet.describe(handles[0])).toMatchObject({ kind: 'stopped', exitCode: 0 });
    expect(await fleet.describe(handles[1])).toMatchObject({ kind: 'stopped', exitCode: null });
  });

  test('is not placed when its program is not there', async () => {
    const fleet = makeFleet({ command: ['/no/such/program'] });
    await expect(fleet.start(order('runs'))).rejects.toThrow(NotPlacedError);
    await fleet.close();
  });

  test('is not placed while the machine has no room, and is when it has', async () => {
    const script = `ulimit -n 64; exec "$0" "$1" "$2"`;
    const crowded = spawn('/bin/sh', ['-c', script, process.execPath, CROWDED, CHILD], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const output = crowded.stdout.setEncoding('utf8').toArray();
    await once(crowded, 'exit');
    expect((await output).join('')).toBe('NotPlacedError\nrunning\n');
  });

  /** A control plane in a process of its own, with one replicator that is ready. */
  async function startOwner(behaviour: string) {
    const taskId = `${behaviour}-${randomUUID()}`;
    const owner = spawn(process.execPath, [OWNER, join(folder, 'logs'), CHILD, taskId], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onTestFinished(() => void owner.kill('SIGKILL'));
    const [line] = await once(owner.stdout, 'data');
    await untilReady(taskId);
    return { owner, handle: String(line).trim() };
  }
});

describe('log files', () => {
  test("are their owner's only and begin anew at their size, the last one kept", async () => {
    const small = new LogFiles({ folder: join(folder, 'small'), maxBytes: 100 });
    const path = small.pathOf('t');
    await write(small, 't', ['a'.repeat(60), 'b'.repeat(60), 'c'.repeat(30)]);
    expect(readFileSync(`${path}.1`, 'utf8')).toBe('a'.repeat(60));
    expect(readFileSync(path, 'utf8')).toBe('b'.repeat(60) + 'c'.repeat(30));
    await write(small, 't', ['d'.repeat(60)]);
    expect(readFileSync(`${path}.1`, 'utf8')).toContain('b');
    expect(readFileSync(path, 'utf8')).toBe('d'.repeat(60));
    expect(statSync(path).mode & 0o077).toBe(0);
    expect(statSync(join(folder, 'small')).mode & 0o077).toBe(0);
  });

  test('stay in their folder and apart whatever the id of the task is', () => {
    const ids = ['..', '../x', '.._x', 'a/b', 'a_b', 'é', 'x'.repeat(300), 'x'.repeat(301), ''];
    const paths = ids.map((id) => logs.pathOf(id));
    expect(new Set(paths).size).toBe(ids.length);
    for (const path of paths) expect(join(path, '..')).toBe(join(folder, 'logs'));
  });

  test('that cannot be written are lost and stop nobody', async () => {
    writeFileSync(join(folder, 'a-file'), '');
    await write(new LogFiles({ folder: join(folder, 'a-file') }), 't', ['lost']);
  });

  async function write(files: LogFiles, taskId: string, chunks: string[]): Promise<void> {
    const source = new PassThrough();
    const file = files.open(taskId);
    source.pipe(file);
    for (const chunk of chunks) {
      source.write(chunk);
      await new Promise((resolve) => setImmediate(resolve));
    }
    source.end();
    await once(file, 'finish');
  }
});
