import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  cpSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { CdcClient, type CreateRequest } from '../support/cdc-client.ts';
import { type Options, readOptions, USAGE } from './options.ts';
import { readResults } from './results.ts';

/** Runs milvus-cdc's public test suite against a server that is up already, ours or milvus-cdc itself. See README.md. */

interface Part {
  readonly name: string;
  readonly files: readonly string[];
  /** What the suite expects somebody to have created before; undefined: its tests create their own tasks. */
  readonly task: Pick<CreateRequest, 'db_collections' | 'extra_info'> | undefined;
}

const ALL = [{ name: '*' }];

/** In this order: the tests of databases expect a target that holds nothing. */
const PARTS: readonly Part[] = [
  { name: 'database', files: ['test_cdc_database.py'], task: { db_collections: { foo: ALL } } },
  {
    name: 'tasks',
    files: ['create', 'delete', 'e2e', 'get', 'list', 'pause', 'resume'].map((name) => `test_cdc_${name}.py`),
    task: undefined,
  },
  {
    name: 'requests',
    files: ['test_cdc_sync_requests.py'],
    task: { db_collections: { '*': ALL }, extra_info: { enable_user_role: true } },
  },
];

const TEST_TIMEOUT_SECONDS = 420;

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  if (options === undefined) {
    process.stderr.write(USAGE);
    process.exitCode = 2;
    return;
  }
  copySuite(options);
  const client = new CdcClient(`${options.url}/cdc`);
  for (const part of PARTS) {
    if (options.only !== undefined && options.only !== part.name) continue;
    await deleteTasks(client);
    if (part.task !== undefined) {
      const { host, port } = options.target;
      await client.create({
        milvus_connect_param: { uri: `http://${host}:${port}`, token: 'root:Milvus', connect_timeout: 10 },
        ...part.task,
      });
    }
    await runPart(options, part);
  }
  await deleteTasks(client);
}

/** The suite has its server's address written into it; that, and nothing else, is replaced in the copy. */
function copySuite({ checkout, out, url }: Options): void {
  rmSync(join(out, 'tests'), { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  cpSync(join(checkout, 'tests'), join(out, 'tests'), { recursive: true });
  const folder = join(out, 'tests', 'testcases');
  for (const name of readdirSync(folder)) {
    if (!name.endsWith('.py')) continue;
    const file = join(folder, name);
    writeFileSync(file, readFileSync(file, 'utf8').replaceAll('http://localhost:8444', url));
  }
}

async function deleteTasks(client: CdcClient): Promise<void> {
  for (const { task_id: id } of await client.list()) await client.delete(id);
}

async function runPart(options: Options, { name, files }: Part): Promise<void> {
  const { out, python, source, target } = options;
  const report = join(out, `${name}.xml`);
  const log = openSync(join(out, `${name}.log`), 'w');
  const child = spawn(
    python,
    [
      '-m',
      'pytest',
      '-p',
      'leave_out_json_index',
      '-o',
      'addopts=',
      `--timeout=${TEST_TIMEOUT_SECONDS}`,
      `--junitxml=${report}`,
      `--upstream_host=${source.host}`,
      `--upstream_port=${source.port}`,
      `--downstream_host=${target.host}`,
      `--downstream_port=${target.port}`,
      ...files.map((file) => join('testcases', file)),
    ],
    {
      cwd: join(out, 'tests'),
      env: { ...process.env, PYTHONPATH: import.meta.dirname, PYTHONDONTWRITEBYTECODE: '1' },
      stdio: ['ignore', log, log],
    },
  );
  await once(child, 'exit');
  for (const { name: test, outcome, seconds, why } of readResults(readFileSync(report, 'utf8'))) {
    const line = `${outcome}\t${name}\t${test}\t${seconds} s\t${why}\n`;
    appendFileSync(join(out, 'results.tsv'), line);
    process.stdout.write(line);
  }
}

await main();
