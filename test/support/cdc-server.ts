import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { freePort } from './stack/ports.ts';
import { RunFolder } from './stack/run-folder.ts';
import { type ServerHandle, ServerProcess } from './stack/server-process.ts';
import type { StackAddresses } from './stack/stack-addresses.ts';

/** Our own control plane as a process, with its data in a temporary folder. */
export interface CdcServer extends AsyncDisposable {
  /** `http://127.0.0.1:<port>/cdc` */
  readonly url: string;
  /** Of the process that runs now: it changes with a restart. Fails when none runs. */
  readonly pid: number;
  readonly logFile: string;
  readonly dataDir: string;
  readonly process: ServerHandle;
}

export interface CdcServerOptions {
  /** Tell it the source's own API, too, which milvus-cdc's configuration has no word for. @default false */
  readonly sourceMilvus?: boolean | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
}

const REPOSITORY = join(import.meta.dirname, '..', '..');
const READY_TIMEOUT_MS = 60_000;

/** Starts `infra/local/main.ts` with a configuration in milvus-cdc's own form, and answers when it serves. It ends, with
 *  all its replicators, when disposed or when this process ends, however that ends. */
export async function startCdcServer(
  addresses: StackAddresses,
  options: CdcServerOptions = {},
): Promise<CdcServer> {
  const run = new RunFolder();
  const address = `127.0.0.1:${await freePort()}`;
  const folder = join(run.path, 'cdc');
  const dataDir = join(folder, 'data');
  const config = join(folder, 'cdc.yaml');
  mkdirSync(folder, { recursive: true });
  writeFileSync(config, stringify(cdcYaml(addresses, address)));
  const server = new ServerProcess({
    name: 'cdc',
    run,
    command: process.execPath,
    args: [join(REPOSITORY, 'infra', 'local', 'main.ts'), '--config', config],
    env: {
      CDC_DATA_DIR: dataDir,
      ...(options.sourceMilvus === true && {
        CDC_SOURCE_MILVUS_URI: `http://${addresses.source.milvusAddress}`,
      }),
      ...options.env,
    },
    ready: async () => (await fetch(`http://${address}/healthz`, { signal: AbortSignal.timeout(2_000) })).ok,
    readyTimeoutMs: READY_TIMEOUT_MS,
  });
  try {
    await server.start();
  } catch (error) {
    await run.remove();
    throw error;
  }
  return {
    url: `http://${address}/cdc`,
    get pid() {
      if (server.pid === undefined) throw new Error('the control plane does not run');
      return server.pid;
    },
    logFile: server.logFile,
    dataDir,
    process: server,
    [Symbol.asyncDispose]: async () => {
      await server.kill('SIGTERM');
      keepForLater(folder);
      await run.remove();
    },
  };
}

/** For whoever looks into a failed test: with `MILVUS_CDC_KEEP=/some/folder` the logs and the database stay there. */
function keepForLater(folder: string): void {
  const keep = process.env['MILVUS_CDC_KEEP'];
  if (keep === undefined) return;
  cpSync(folder, join(keep, new Date().toISOString().replaceAll(':', '-')), { recursive: true });
}

function cdcYaml({ source }: StackAddresses, address: string): Readonly<Record<string, unknown>> {
  return {
    address,
    sourceConfig: {
      etcd: { address: [`http://${source.etcdEndpoint}`], rootPath: source.rootPath, metaSubPath: 'meta' },
      replicateChan: source.replicateChannel,
      kafka: { address: source.kafkaAddress },
    },
    logLevel: 'info',
  };
}
