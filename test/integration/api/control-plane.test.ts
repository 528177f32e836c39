import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, inject, onTestFinished, test } from 'vitest';
import { type CdcServer, startCdcServer } from '../../support/cdc-server.ts';
import { waitUntil } from '../../support/stack/wait-until.ts';
import { curl } from './curl.ts';

const stack = inject('stack');
const target = { uri: `http://${stack.target.milvusAddress}` };
const REPOSITORY = join(import.meta.dirname, '..', '..', '..');

/** No collection has this name, so nothing is written for these tasks. */
const unused = (id: string) => ({
  task_id: id,
  milvus_connect_param: target,
  collection_infos: [{ name: `api_${id}_none` }],
});

interface Task {
  readonly state: string;
  readonly reason?: string;
  readonly status: { readonly phase: string; readonly reason: object | null; readonly log: string };
}

async function start(): Promise<CdcServer> {
  const server = await startCdcServer(stack);
  onTestFinished(() => server[Symbol.asyncDispose]());
  return server;
}

async function get(url: string, id: string): Promise<Task> {
  const { body } = await curl(url, 'get', { task_id: id });
  expect(body).toMatchObject({ code: 200 });
  return body.data?.['task'] as Task;
}

async function phaseIs(url: string, id: string, phase: string): Promise<void> {
  let last: Task | undefined;
  try {
    const isIt = async () => {
      last = await get(url, id);
      return last.status.phase === phase;
    };
    await waitUntil(isIt, { what: `${id} is ${phase}`, timeoutMs: 60_000 });
  } catch (error) {
    const log = last?.status.log ?? '';
    const tail = existsSync(log) ? readFileSync(log, 'utf8').slice(-4_000) : '(no log)';
    const seen = JSON.stringify(last?.status);
    throw new Error(`${(error as Error).message}; last seen: ${seen}\n${tail}`, { cause: error });
  }
}

/** Processes whose command line holds the text. */
async function processes(text: string): Promise<number> {
  const ps = spawn('ps', ['-eo', 'args='], { stdio: ['ignore', 'pipe', 'inherit'] });
  const chunks: Buffer[] = await ps.stdout.toArray();
  return Buffer.concat(chunks)
    .toString()
    .split('\n')
    .filter((line) => line.includes(text)).length;
}

test('a task is created, shown, paused, resumed and deleted', async () => {
  const { url } = await start();
  expect(await curl(url, 'create', unused('t1'))).toEqual({
    status: 200,
    body: { code: 200, data: { task_id: 't1' } },
  });
  expect((await get(url, 't1')).state).toBe('Running');
  await phaseIs(url, 't1', 'streaming');

  expect((await curl(url, 'pause', { task_id: 't1' })).body).toEqual({ code: 200 });
  expect(await get(url, 't1')).toMatchObject({
    state: 'Paused',
    reason: 'manually pause through http interface',
    status: { phase: 'stopped' },
  });

  expect((await curl(url, 'resume', { task_id: 't1' })).body).toEqual({ code: 200 });
  await phaseIs(url, 't1', 'streaming');
  const { log } = (await get(url, 't1')).status;
  expect(existsSync(log)).toBe(true);

  expect((await curl(url, 'delete', { task_id: 't1' })).body).toEqual({ code: 200 });
  expect((await curl(url, 'get', { task_id: 't1' })).body).toEqual({
    code: 400,
    message: 'fail to handle the get request, error: not found: [t1]',
  });
  expect((await curl(url, 'list')).body).toEqual({ code: 200, data: { tasks: [] } });
});

test('a target that does not listen is refused with a sentence, and nothing is kept', async () => {
  const { url } = await start();
  const request = {
    ...unused('t1'),
    milvus_connect_param: { uri: 'http://127.0.0.1:1', token: 'root:s3cret' },
  };
  expect((await curl(url, 'create', request)).body).toEqual({
    code: 500,
    message:
      'fail to handle the create request, error: fail to connect the milvus: nothing listens at 127.0.0.1:1',
  });
  expect((await curl(url, 'create', unused('t1'))).body.code).toBe(200);
});

test('kill -9 keeps every task, ends the replicators, and after a restart what should run runs', async () => {
  const server = await start();
  const { url } = server;
  await curl(url, 'create', unused('runs'));
  await curl(url, 'create', unused('paused'));
  await curl(url, 'create', { ...unused('manual'), disable_auto_start: true });
  await curl(url, 'pause', { task_id: 'paused' });
  await phaseIs(url, 'runs', 'streaming');
  const before = await curl(url, 'list');

  await server.process.kill('SIGKILL');
  await server.process.start();
  const listed = (await curl(url, 'list')).body.data?.['tasks'] as (Task & { task_id: string })[];
  expect(listed.map(({ task_id: id, state, reason }) => ({ id, state, reason }))).toEqual([
    { id: 'manual', state: 'Paused', reason: 'the task is disabled auto start' },
    { id: 'paused', state: 'Paused', reason: 'manually pause through http interface' },
    { id: 'runs', state: 'Running', reason: undefined },
  ]);
  expect(before.body.data?.['tasks']).toHaveLength(3);
  await phaseIs(url, 'runs', 'streaming');
  await phaseIs(url, 'manual', 'stopped');
});

test('a gentle stop drains the replicators and leaves no process behind; the next start goes on at once', async () => {
  const server = await start();
  const { url } = server;
  await curl(url, 'create', unused('t1'));
  await phaseIs(url, 't1', 'streaming');
  const { pid } = server;
  await server.process.kill('SIGTERM');
  expect(existsSync(`/proc/${pid}`)).toBe(false);
  expect(readFileSync(server.logFile, 'utf8')).toContain('"msg":"stopped"');
  await server.process.start();
  await phaseIs(url, 't1', 'streaming');
});

test('a second control plane on the same data is refused with a sentence', async () => {
  const server = await start();
  const second = spawn(process.execPath, [join(REPOSITORY, 'infra', 'local', 'main.ts')], {
    env: { ...process.env, CDC_DATA_DIR: server.dataDir, CDC_ADDRESS: '127.0.0.1:0' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [output, [code]] = await Promise.all([second.stderr.toArray(), once(second, 'exit')]);
  expect(Buffer.concat(output as Buffer[]).toString()).toBe(
    `another control plane (process ${server.pid}) works on ${server.dataDir}\n`,
  );
  expect(code).toBe(78);
});

test('a port that is taken is told with what to do', async () => {
  const server = await start();
  const { host } = new URL(server.url);
  const second = spawn(process.execPath, [join(REPOSITORY, 'infra', 'local', 'main.ts')], {
    env: { ...process.env, CDC_DATA_DIR: join(server.dataDir, 'other'), CDC_ADDRESS: host },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const [output] = await Promise.all([second.stderr.toArray(), once(second, 'exit')]);
  expect(Buffer.concat(output as Buffer[]).toString()).toBe(
    `${host} is in use by another program; set address in the config file, or CDC_ADDRESS\n`,
  );
});

test('state is readable by its owner only, and no credential is in a log', async () => {
  const server = await start();
  const { url, dataDir } = server;
  const request = { ...unused('t1'), milvus_connect_param: { ...target, token: 'root:S3CRETxyzzy' } };
  expect((await curl(url, 'create', request)).body.code).toBe(200);
  await phaseIs(url, 't1', 'streaming');
  const { log } = (await get(url, 't1')).status;
  for (const path of [dataDir, join(dataDir, 'tasks.sqlite'), log]) {
    expect(statSync(path).mode & 0o077, path).toBe(0);
  }
  for (const file of [server.logFile, log]) expect(readFileSync(file, 'utf8')).not.toContain('S3CRETxyzzy');
  await server.process.kill('SIGTERM');
  expect(await processes(dataDir)).toBe(0);
});

test('a dry run checks both real ends and starts nothing', async () => {
  const { url } = await start();
  const { body } = await curl(url, 'create', { ...unused('t1'), dry_run: true });
  expect(body).toMatchObject({
    code: 200,
    data: {
      dry_run: true,
      task_id: 't1',
      source: { version: expect.stringMatching(/2\.3\.5/) },
      target: { version: expect.stringMatching(/2\.3\.5/) },
      collections: [],
      warnings: expect.arrayContaining([
        'the source holds no default.api_t1_none yet; it is followed as soon as it does',
      ]),
    },
  });
  expect((await curl(url, 'list')).body).toEqual({ code: 200, data: { tasks: [] } });
});

test('set_log_level reaches a replicator that runs', async () => {
  const { url } = await start();
  await curl(url, 'create', unused('t1'));
  await phaseIs(url, 't1', 'streaming');
  const { log } = (await get(url, 't1')).status;
  await curl(url, 'maintenance', { operation: 'set_log_level', params: { log_level: 'debug' } });
  const followed = () =>
    readFileSync(log, 'utf8')
      .split('\n')
      .some((line) => line.includes('"log level changed"') && line.includes('"debug"'));
  await waitUntil(async () => followed(), { what: 'the replicator logs the new level', timeoutMs: 30_000 });
});
