import { CdcClient } from '../support/cdc-client.ts';
import { type CdcServer, startCdcServer } from '../support/cdc-server.ts';
import { openSide, type Side } from '../support/compare/side.ts';
import { startStack } from '../support/stack/stack.ts';
import type { StackAddresses } from '../support/stack/stack-addresses.ts';

/** All that the demo starts. */
export interface Setting extends AsyncDisposable {
  readonly addresses: StackAddresses;
  readonly folder: string;
  readonly server: CdcServer;
  readonly cdc: CdcClient;
  readonly source: Side;
  readonly target: Side;
}

export async function startSetting(say: (text: string) => void): Promise<Setting> {
  await using undo = new AsyncDisposableStack();
  say('Starting two Milvus servers and a Kafka (the first time ever, they are downloaded) ...');
  const stack = undo.use(await startStack());
  const { addresses, folder } = stack;
  say('Starting the CDC server ...');
  const server = undo.use(await startCdcServer(addresses));
  const source = undo.use(await openSide(addresses.source.milvusAddress));
  const target = undo.use(await openSide(addresses.target.milvusAddress));
  const cdc = new CdcClient(server.url);
  const keep = undo.move();
  return { addresses, folder, server, cdc, source, target, [Symbol.asyncDispose]: () => keep.disposeAsync() };
}

/** What runs, where its logs are, and what to try meanwhile. */
export function introduction({ addresses, folder, server }: Setting, taskId: string): string {
  const call = (type: string) =>
    `  curl ${server.url} -d '{"request_type":"${type}","request_data":{"task_id":"${taskId}"}}'`;
  return [
    '',
    `Source Milvus   ${addresses.source.milvusAddress}   its log is in Kafka at ${addresses.source.kafkaAddress}`,
    `Target Milvus   ${addresses.target.milvusAddress}   an ordinary one: read and write it as you like`,
    `CDC server      ${server.url}`,
    `Logs            ${server.logFile}`,
    `                ${folder}/*/*.log (Milvus, Kafka)`,
    '',
    'Everything in the source’s default database is replicated. Try, in another terminal:',
    call('get'),
    call('pause'),
    call('resume'),
    '',
  ].join('\n');
}
