import type { Timestamp } from '../../engine/change.ts';
import { composeTimestamp } from '../../wire/hybrid-timestamp.ts';
import { SourceUnsupportedError } from '../change-source.ts';
import { type EtcdClient, keyEnd } from './etcd-client.ts';

/** Milvus's `etcd.kvSubPath` is `kv` unless someone changed it, which nobody is known to do. */
const TSO_KEY = 'kv/gid/timestamp';
const TSO_BYTES = 8;
const NANOSECONDS = 1_000_000n;

/** An upper bound of every timestamp given out so far: Milvus saves, before it gives out any, how far it may go, about
 *  three seconds ahead (`internal/tso/tso.go`). Linearizable.
 *  Fails with {@link SourceUnsupportedError} when the key is not there or not 8 bytes. */
export async function readSourceClock(
  client: EtcdClient,
  rootPath: string,
  signal: AbortSignal,
): Promise<Timestamp> {
  const key = `${rootPath}/${TSO_KEY}`;
  const { kvs } = await client.list(key, keyEnd(key), {}, signal);
  const value = kvs[0]?.value;
  if (value === undefined || value.length !== TSO_BYTES) {
    throw new SourceUnsupportedError(`etcd has no clock of Milvus under ${key}`);
  }
  return decodeSourceClock(value);
}

/** Unix nanoseconds, 8 bytes, big-endian; rounded up to a whole millisecond. */
export function decodeSourceClock(value: Uint8Array): Timestamp {
  const nanoseconds = new DataView(value.buffer, value.byteOffset, value.byteLength).getBigUint64(0, false);
  return composeTimestamp(Number((nanoseconds + NANOSECONDS - 1n) / NANOSECONDS));
}
