import { LoadState } from '../../wire/gen/common_pb.ts';
import { type CollectionName, type TargetLoadState, TargetRefusedError } from '../target.ts';
import { type MilvusApi, unless } from './api.ts';
import { MILVUS_CODE } from './codes.ts';
import { names } from './collections.ts';
import { METHODS } from './methods.ts';

/** milvus.ShowType: all, or those in memory. */
const SHOW = { all: 0, loaded: 1 } as const;

export async function listPartitions(api: MilvusApi, name: CollectionName): Promise<readonly string[]> {
  return (await api.call(METHODS.showPartitions, { ...names(name), type: SHOW.all })).partitionNames;
}

/** A loaded partition is refused; then it is released, and dropped. */
export async function dropPartition(
  api: MilvusApi,
  name: CollectionName,
  partitionName: string,
): Promise<void> {
  const request = { ...names(name), partitionName };
  try {
    await api.call(METHODS.dropPartition, request);
  } catch (error) {
    if (!(error instanceof TargetRefusedError)) throw error;
    if (isGone(error)) return;
    if (!(await isLoaded(api, name, partitionName))) throw error;
    await api.call(METHODS.releasePartitions, { ...names(name), partitionNames: [partitionName] });
    await api.call(METHODS.dropPartition, request);
  }
}

function isGone({ code }: TargetRefusedError): boolean {
  return (
    code === MILVUS_CODE.partitionNotFound ||
    code === MILVUS_CODE.collectionNotFound ||
    code === MILVUS_CODE.databaseNotFound
  );
}

async function isLoaded(api: MilvusApi, name: CollectionName, partition: string): Promise<boolean> {
  const { state } = await api.call(METHODS.getLoadState, { ...names(name), partitionNames: [partition] });
  return state === LoadState.LOADING || state === LoadState.LOADED;
}

/** A collection all of whose partitions are loaded counts as loaded as a whole: the API shows no difference. */
export async function loadState(api: MilvusApi, name: CollectionName): Promise<TargetLoadState> {
  const { state } = await api.call(METHODS.getLoadState, names(name));
  if (state === LoadState.LOADING) return { kind: 'loading' };
  if (state !== LoadState.LOADED) return { kind: 'released' };
  const loaded = await api.call(METHODS.showPartitions, { ...names(name), type: SHOW.loaded });
  const inMemory = new Set(loaded.partitionNames);
  const all = await listPartitions(api, name);
  return all.every((partition) => inMemory.has(partition))
    ? { kind: 'collection' }
    : { kind: 'partitions', names: all.filter((partition) => inMemory.has(partition)) };
}

export async function releaseCollection(api: MilvusApi, name: CollectionName): Promise<void> {
  const gone = [MILVUS_CODE.collectionNotFound, MILVUS_CODE.databaseNotFound];
  await unless(gone, api.call(METHODS.releaseCollection, names(name)));
}

/** One partition that is gone makes the server refuse all; then those that are there are released. */
export async function releasePartitions(
  api: MilvusApi,
  name: CollectionName,
  partitions: readonly string[],
): Promise<void> {
  if (partitions.length === 0) return;
  const request = (partitionNames: readonly string[]): object => ({ ...names(name), partitionNames });
  try {
    await api.call(METHODS.releasePartitions, request(partitions));
  } catch (error) {
    if (!(error instanceof TargetRefusedError) || !isGone(error)) throw error;
    if (error.code !== MILVUS_CODE.partitionNotFound) return;
    const there = new Set(await listPartitions(api, name));
    const left = partitions.filter((partition) => there.has(partition));
    if (left.length > 0) await api.call(METHODS.releasePartitions, request(left));
  }
}
