import { type TargetDatabase, TargetRefusedError } from '../target.ts';
import { type MilvusApi, orThere, unless } from './api.ts';
import { MILVUS_CODE } from './codes.ts';
import { METHODS } from './methods.ts';

/** 2.3.5 tells the time of creation in nanoseconds. What older servers leave out, or leave at 0, is not known. */
export async function listDatabases(api: MilvusApi): Promise<readonly TargetDatabase[]> {
  const { dbNames, createdTimestamp } = await api.call(METHODS.listDatabases, {});
  const told = createdTimestamp.length === dbNames.length;
  return dbNames.map((name, at) => {
    const createdAt = told ? createdTimestamp[at] : undefined;
    return { name, createdAt: createdAt === 0n ? undefined : createdAt };
  });
}

export function createDatabase(api: MilvusApi, name: string): Promise<void> {
  const call = api.call(METHODS.createDatabase, { dbName: name });
  return orThere(call, async () => (await listDatabases(api)).some((found) => found.name === name));
}

/** Milvus itself refuses to drop a database that holds a collection, without a code of its own. It is asked first all the
 *  same: what a server of another make does is not known. */
export async function dropDatabase(api: MilvusApi, name: string): Promise<boolean> {
  if (await holdsCollections(api, name)) return false;
  try {
    await unless([MILVUS_CODE.databaseNotFound], api.call(METHODS.dropDatabase, { dbName: name }));
    return true;
  } catch (error) {
    if (error instanceof TargetRefusedError && (await holdsCollections(api, name))) return false;
    throw error;
  }
}

async function holdsCollections(api: MilvusApi, name: string): Promise<boolean> {
  const shown = await unless(
    [MILVUS_CODE.databaseNotFound],
    api.call(METHODS.showCollections, { dbName: name }),
  );
  return (shown?.collectionNames.length ?? 0) > 0;
}
