import { join } from 'node:path';
import { dynamodbLocalJars } from './download/maven.ts';
import { requireTool } from './download/tools.ts';
import { freePort } from './ports.ts';
import type { RunFolder } from './run-folder.ts';
import { type ServerHandle, ServerProcess, serverFolder } from './server-process.ts';

export interface DynamodbLocal extends ServerHandle {
  /** `http://127.0.0.1:<port>` */
  readonly endpoint: string;
  readonly region: string;
  /** Any will do; a client does not send a request without. */
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

const READY_TIMEOUT_MS = 60_000;

/** Starts DynamoDB Local 2.6.1, in memory: {@link ServerHandle.restart} empties it. It listens on all interfaces (it has no
 *  setting for that). */
export async function startDynamodbLocal(run: RunFolder, name = 'dynamodb'): Promise<DynamodbLocal> {
  requireTool('java');
  const jars = await dynamodbLocalJars();
  const port = await freePort();
  const endpoint = `http://127.0.0.1:${port}`;
  serverFolder({ run, name });
  const main = 'com.amazonaws.services.dynamodbv2.local.main.ServerRunner';
  const server = new ServerProcess({
    name,
    run,
    command: 'java',
    args: [
      ...['-Xmx256m', `-Djava.library.path=${jars}`, '-cp', join(jars, '*'), main],
      // One database, whatever region and key a client names.
      ...['-inMemory', '-sharedDb', '-disableTelemetry', '-port', String(port)],
    ],
    ready: () => answers(endpoint),
    readyTimeoutMs: READY_TIMEOUT_MS,
  });
  await server.start();
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
  return Object.assign(server, { endpoint, region: 'us-east-1', credentials });
}

/** A request without a signature is refused, by DynamoDB Local and by nobody else. */
async function answers(endpoint: string): Promise<boolean> {
  const response = await fetch(endpoint, { signal: AbortSignal.timeout(2_000) });
  return (await response.text()).includes('MissingAuthenticationToken');
}
