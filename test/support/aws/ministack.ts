import { mkdirSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { ministackPackages } from '../stack/download/ministack.ts';
import { requireTool } from '../stack/download/tools.ts';
import { freePort } from '../stack/ports.ts';
import { RunFolder } from '../stack/run-folder.ts';
import { type ServerHandle, ServerProcess, serverFolder } from '../stack/server-process.ts';

export interface MinistackOptions {
  /** Checks every call against IAM policies. @default false: whoever calls may do everything */
  readonly enforceIam?: boolean | undefined;
  /** Added to its environment, which its Lambdas inherit: `{ AWS_ENDPOINT_URL_ECS: double.endpoint }` sends their ECS
   *  calls elsewhere, whatever the functions' own variables are. */
  readonly env?: Readonly<Record<string, string>> | undefined;
}

/** What an SDK client needs, as it stands: `new ECSClient(ministack.clientConfig)`. */
export interface AwsClientConfig {
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

/** An AWS account of our own on this machine, empty at the start. {@link ServerHandle.restart} empties it. */
export interface Ministack extends AsyncDisposable {
  /** `http://127.0.0.1:<port>`; HTTP APIs answer at `<endpoint>/_aws/execute-api/<api id>/<path>`. */
  readonly endpoint: string;
  readonly accountId: string;
  readonly region: string;
  readonly clientConfig: AwsClientConfig;
  /** For programs that are configured by their environment, the CDK's command line for one. */
  readonly env: Readonly<Record<string, string>>;
  readonly server: ServerHandle;
  stop(): Promise<void>;
}

const ACCOUNT = '123456789012';
const REGION = 'eu-central-1';
const READY_TIMEOUT_MS = 60_000;

/** Starts ministack, an emulation of AWS, on a free loopback port; it ends with this process at the latest.
 *  Lambdas really run, with the Node that runs this. ECS tasks are records only: see `ecs-double.ts`. */
export async function startMinistack(options: MinistackOptions = {}): Promise<Ministack> {
  requireTool('python3');
  const packages = await ministackPackages();
  const run = new RunFolder();
  try {
    const port = await freePort();
    const endpoint = `http://127.0.0.1:${port}`;
    const server = new ServerProcess({
      name: 'ministack',
      run,
      command: 'python3',
      args: ['-m', 'ministack'],
      env: {
        ...environment(run, packages, port),
        ...(options.enforceIam ? { AUTH: 'true' } : {}),
        ...options.env,
      },
      ready: () => answers(endpoint),
      readyTimeoutMs: READY_TIMEOUT_MS,
    });
    await server.start();
    return handle({ endpoint, server, stop: () => run.remove() });
  } catch (error) {
    await run.remove();
    throw error;
  }
}

function environment(run: RunFolder, packages: string, port: number): Record<string, string> {
  const folder = serverFolder({ run, name: 'ministack' });
  const temporary = join(folder, 'tmp');
  mkdirSync(temporary, { recursive: true });
  return {
    PYTHONPATH: packages,
    PYTHONDONTWRITEBYTECODE: '1',
    BIND_HOST: '127.0.0.1',
    GATEWAY_PORT: String(port),
    MINISTACK_ACCOUNT_ID: ACCOUNT,
    MINISTACK_REGION: REGION,
    // Whoever runs the tests may have set it for another purpose; Lambdas would inherit it.
    AWS_ENDPOINT_URL: `http://127.0.0.1:${port}`,
    PERSIST_STATE: '0',
    STATE_DIR: join(folder, 'state'),
    TMPDIR: temporary,
    // Lambdas run `node` of the path.
    PATH: [dirname(process.execPath), process.env['PATH']].join(delimiter),
  };
}

async function answers(endpoint: string): Promise<boolean> {
  const response = await fetch(`${endpoint}/_ministack/ready`, { signal: AbortSignal.timeout(2_000) });
  await response.arrayBuffer();
  return response.ok;
}

function handle(parts: Pick<Ministack, 'endpoint' | 'server' | 'stop'>): Ministack {
  // A key of twelve digits is the account that it belongs to.
  const credentials = { accessKeyId: ACCOUNT, secretAccessKey: 'test' };
  return {
    ...parts,
    accountId: ACCOUNT,
    region: REGION,
    clientConfig: { endpoint: parts.endpoint, region: REGION, credentials },
    env: {
      AWS_ENDPOINT_URL: parts.endpoint,
      AWS_REGION: REGION,
      AWS_DEFAULT_REGION: REGION,
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      AWS_EC2_METADATA_DISABLED: 'true',
    },
    [Symbol.asyncDispose]: parts.stop,
  };
}
