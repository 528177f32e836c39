import { ANY } from '#shared/task/scope.ts';
import type { CdcSettings } from './deps.ts';
import { clientError } from './errors.ts';
import { goList } from './go-text.ts';
import { checkNames } from './name-rules.ts';
import type { CollectionInfo, CreateRequest, MilvusConnectParam } from './requests.ts';

/** Checks a create for itself: no store, no network. Fails with an `ApiError` that carries the first rule broken, in
 *  milvus-cdc's order and words; the rules it does not have come last. */
export function validateCreate(request: CreateRequest, settings: CdcSettings): void {
  checkTarget(request);
  checkBuffer(request);
  checkCollections(request, settings);
  const channel = request.rpc_channel_info.name;
  if (channel !== '' && channel !== settings.replicateChannel) {
    throw clientError('the rpc channel is invalid, the channel name should be the same as the source config');
  }
  checkNames(request);
  if (request.kafka_connect_param.address !== '') {
    throw clientError(
      'a kafka target is not offered here, set milvus_connect_param to replicate into a Milvus',
    );
  }
}

function checkTarget(request: CreateRequest): void {
  const { milvus_connect_param: milvus, kafka_connect_param: kafka } = request;
  const noMilvus = milvus.uri === '' && milvus.host === '' && milvus.port <= 0;
  if (noMilvus && kafka.address === '') throw clientError('the downstream address is empty');
  if (!noMilvus && kafka.address !== '') {
    throw clientError("don't support milvus and kafka at the same time now");
  }
  if (!noMilvus) checkMilvus(milvus);
  if (kafka.address !== '' && kafka.topic === '') throw clientError('the kafka topic is empty');
}

function checkMilvus(milvus: MilvusConnectParam): void {
  if (milvus.uri === '' && milvus.host === '') throw clientError('the milvus host is empty');
  if (milvus.uri === '' && milvus.port <= 0) throw clientError('the milvus port is less or equal zero');
  if ((milvus.username === '') !== (milvus.password === '')) {
    throw clientError('cannot set only one of the milvus username and password');
  }
  if (milvus.connect_timeout < 0) throw clientError('the milvus connect timeout is less zero');
}

function checkBuffer({ buffer_config: buffer }: CreateRequest): void {
  if (buffer.period < 0) throw clientError('the cache period is less zero');
  if (buffer.size < 0) throw clientError('the cache size is less zero');
}

function checkCollections(request: CreateRequest, settings: CdcSettings): void {
  const plain = request.collection_infos ?? [];
  const databases = Object.entries(request.db_collections ?? {});
  if (plain.length === 0 && databases.length === 0) throw clientError('the collection info is empty');
  if (settings.oneCollectionPerTask && (plain.length > 1 || databases.length > 1)) {
    throw clientError('the collection info should be only one');
  }
  if (plain.length > 0 && databases.length > 0) {
    throw clientError('the collection info and db collection info should be only one');
  }
  if (plain.length > 0) checkInfos(plain, settings);
  for (const [database, infos] of databases) {
    if (byteLength(database) > settings.maxNameLength) {
      throw clientError(`the db name length exceeds ${settings.maxNameLength} characters, ${database}`);
    }
    checkInfos(infos ?? [], settings);
  }
}

function checkInfos(infos: readonly CollectionInfo[], settings: CdcSettings): void {
  if (infos.length === 0) throw clientError('empty collection info');
  // The full stop tells this rule from the one about databases; clients match on it.
  if (settings.oneCollectionPerTask && infos.length > 1) {
    throw clientError('the collection info should be only one.');
  }
  for (const info of infos) checkInfo(info, infos);

  let message = '';
  if (infos.some((info) => info.name === '')) message += 'there is a collection name that is empty. ';
  const long = infos.map((info) => info.name).filter((name) => byteLength(name) > settings.maxNameLength);
  if (long.length > 0) {
    message += `there are some collection names whose length exceeds ${settings.maxNameLength} characters, ${goList(long)}`;
  }
  if (message !== '') throw clientError(message);
}

function checkInfo(info: CollectionInfo, all: readonly CollectionInfo[]): void {
  if (info.name === ANY && all.length > 1) {
    const names = goList(all.map(({ name }) => name));
    throw clientError(
      `make sure the only one collection if you want to use the '*' collection param, current param: ${names}`,
    );
  }
  const channels = Object.keys(info.positions ?? {});
  if (info.name === ANY && channels.length > 0) {
    throw clientError('the collection name is `*`, the positions should be empty');
  }
  const physical = channels.find((channel) => !isVirtualChannel(channel));
  if (physical !== undefined) {
    throw clientError(`the position channel name is not virtual channel, ${physical}`);
  }
}

/** Only what milvus-cdc looks at here: a `v` behind the last underscore. The exact shape is checked with the position. */
function isVirtualChannel(channel: string): boolean {
  const underscore = channel.lastIndexOf('_');
  return underscore >= 0 && channel.slice(underscore + 1).includes('v');
}

function byteLength(name: string): number {
  return Buffer.byteLength(name);
}
