import { type EtcdClient, prefixEnd } from './etcd-client.ts';

const MAX_DEPTH = 4;
const MAX_CHILDREN = 20;
const MAX_READS = 120;
/** What every metadata root holds, whatever Milvus's version. */
const MARK = 'root-coord';

/** The metadata roots (`<root path>/<meta sub path>`) that an etcd holds, for a message to whoever mistyped one. Walks the
 *  keys like a directory tree, one key per step, and gives up after a bounded number of steps. */
export async function findMetadataRoots(client: EtcdClient, signal: AbortSignal): Promise<readonly string[]> {
  const found: string[] = [];
  let reads = 0;

  const firstKey = async (from: string, end: string): Promise<string | undefined> => {
    reads += 1;
    const { kvs } = await client.list(from, end, { keysOnly: true, limit: 1 }, signal);
    return kvs[0] === undefined ? undefined : Buffer.from(kvs[0].key).toString('latin1');
  };

  const visit = async (folder: string, depth: number): Promise<void> => {
    const end = folder === '' ? '\0' : prefixEnd(folder);
    let from = folder === '' ? '\0' : folder;
    for (let children = 0; children < MAX_CHILDREN && reads < MAX_READS; children += 1) {
      const key = await firstKey(from, end);
      if (key === undefined) return;
      const slash = key.indexOf('/', folder.length);
      const name = slash < 0 ? key.slice(folder.length) : key.slice(folder.length, slash);
      if (name === MARK) {
        found.push(folder.replace(/\/$/, ''));
        return;
      }
      if (slash >= 0 && depth < MAX_DEPTH) await visit(`${folder}${name}/`, depth + 1);
      from = slash < 0 ? `${key}\0` : prefixEnd(`${folder}${name}/`);
    }
  };

  await visit('', 1);
  return found;
}
