import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { Server } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from 'aws-lambda';
import { LogFiles } from '#shared/fleet/process/log-files.ts';
import { ProcessFleet } from '#shared/fleet/process/process-fleet.ts';
import type { Logger } from '#shared/log.ts';
import { REPLICATOR_ENV } from '#shared/names.ts';
import { SqliteSecretStore } from '#shared/secrets/sqlite-secret-store.ts';
import { SqliteTaskStore } from '#shared/store/sqlite/sqlite-task-store.ts';
import type { CdcDeps } from '../../functions/cdc/deps.ts';
import { createHandler } from '../../functions/cdc/handler.ts';
import { MilvusTargetProbe } from '../../functions/probe/milvus-target-probe.ts';
import { KafkaSourceProbe } from '../kafka-source-probe.ts';
import { isPublic, type ListenAddress } from './config/listen-address.ts';
import type { LocalConfig } from './config.ts';
import { ControlPlaneLock } from './control-plane-lock.ts';
import { prepareDataFolder } from './data-folder.ts';
import { forgetOrphans } from './forget-orphans.ts';
import { listen } from './listen.ts';
import { parkTasks } from './park-tasks.ts';
import { readPemFile } from './read-pem.ts';
import { ReconcileLoop } from './reconcile-loop.ts';
import { createHttpServer } from './server.ts';

export interface LocalOptions {
  readonly config: LocalConfig;
  readonly log: Logger;
  /** Program and arguments of a replicator. Asked once, when the data directory is this system's: nobody else uses what
   *  it puts there. */
  readonly replicator: () => Promise<readonly [string, ...string[]]>;
  /** What a replicator's environment is made of, beside what it is told here. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

export interface LocalSystem {
  /** `http://host:port/cdc`, with the port that the system chose when it was asked for port 0. */
  readonly url: string;
  /** Answers no new requests, drains the replicators (bounded) and lets go of the data directory. Tasks stay as they
   *  are wanted: the next start runs them again. */
  close(): Promise<void>;
}

/** After the replicators are gone nothing makes a request wait long. */
const LAST_ANSWERS_MS = 2_000;

/** Starts the whole system on this machine: API, reconciler and, as child processes, the replicators of all tasks that
 *  should run. Fails with `LockedError`, `ListenError`, or as the stores do; then nothing is left running. */
export async function startLocal(options: LocalOptions): Promise<LocalSystem> {
  const { config, log } = options;
  await using stack = new AsyncDisposableStack();
  const folder = prepareDataFolder(config.dataDir);
  if (folder.openToOthers) log.warn({ dataDir: config.dataDir }, 'others may list the data directory');
  const lock = new ControlPlaneLock(config.dataDir);
  stack.defer(() => lock.release());
  const tasks = new SqliteTaskStore({ file: folder.database });
  stack.defer(() => tasks.close());
  const secrets = new SqliteSecretStore({ file: folder.database });
  stack.defer(() => secrets.close());
  const logs = new LogFiles({ folder: folder.logs });
  const fleet = new ProcessFleet({
    command: await options.replicator(),
    env: replicatorEnv(options, folder.database),
    output: (order) => logs.open(order.taskId),
    logger: log,
  });
  // What was set while the last one ran ends with it: now the configured level holds.
  await tasks.setLogLevel(undefined);
  await forgetOrphans({ tasks, secrets, log });
  await parkTasks(tasks, log);

  const loop = new ReconcileLoop({ tasks, fleet, secrets, log, now: Date.now });
  const handler = createHandler({
    tasks,
    secrets,
    secretReferences: undefined,
    probe: new MilvusTargetProbe(),
    sourceProbe: new KafkaSourceProbe({ config: config.source, log }),
    clock: { now: Date.now, monotonic: () => performance.now(), sleep: (ms) => sleep(ms) },
    log,
    settings: settingsOf(config),
    reconcile: (taskId) => loop.reconcile(taskId),
    readPem: readPemFile,
    randomId: () => randomUUID().replaceAll('-', ''),
    setLogLevel: (level) => {
      log.level = level;
    },
    logsOf: (taskId) => logs.pathOf(taskId),
  } satisfies CdcDeps);
  const server = createHttpServer({
    // No Lambda, no context: the handler uses none.
    handler: (event) => handler(event, {} as Context),
    checkHealth: async () => {
      await tasks.listTaskIds();
    },
    log,
  });
  stack.defer(() => closeServer(server));
  stack.defer(() => fleet.close());
  stack.defer(() => loop.stop());
  stack.defer(() => void server.close());
  await listen(server, config.listen, 'set address in the config file, or CDC_ADDRESS');
  if (isPublic(config.listen)) log.warn('the API asks for no login and other machines can reach it');
  loop.start();
  const resources = stack.move();
  return { url: urlOf(server, config.listen), close: () => resources.disposeAsync() };
}

function settingsOf(config: LocalConfig): CdcDeps['settings'] {
  return {
    maxTasks: config.maxTasks,
    maxNameLength: config.maxNameLength,
    replicateChannel: config.source.replicateChannel,
    oneCollectionPerTask: config.oneCollectionPerTask,
    showStatus: config.showStatus,
    allowedTargets: [],
  };
}

/** What this process was told stays with it, but for what a replicator is told in its turn. */
function replicatorEnv(
  { config, log, env }: LocalOptions,
  database: string,
): Record<string, string | undefined> {
  const inherited = Object.entries(env).filter(
    ([name]) => !name.startsWith('CDC_') || name === REPLICATOR_ENV.settings,
  );
  return {
    ...Object.fromEntries(inherited),
    [REPLICATOR_ENV.database]: database,
    [REPLICATOR_ENV.source]: JSON.stringify(config.source),
    [REPLICATOR_ENV.logLevel]: log.level,
  };
}

function urlOf(server: Server, { host = 'localhost' }: ListenAddress): string {
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}/cdc`;
}

/** Lets requests under way be answered, but not for ever. */
async function closeServer(server: Server): Promise<void> {
  server.close();
  server.closeIdleConnections();
  const timer = setTimeout(() => server.closeAllConnections(), LAST_ANSWERS_MS);
  if (server.listening || (await connections(server)) > 0) await once(server, 'close');
  clearTimeout(timer);
}

function connections(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.getConnections((_, count) => resolve(count));
  });
}
