import { z } from 'zod';
import type { Catalog } from '../../engine/catalog.ts';
import { SourceUnavailableError, SourceUnsupportedError } from '../change-source.ts';
import { UNKNOWN_START_OFFSET } from './catalog-build.ts';
import { type EtcdClient, prefixEnd } from './etcd-client.ts';
import { findMetadataRoots } from './root-paths.ts';

/** What is known of the source's Milvus. */
export interface DetectedSource {
  /** Of the root coordinator; undefined when no Milvus runs at the moment, or it is a build without a version. */
  readonly version: string | undefined;
}

interface Session {
  readonly component: string;
  readonly version: string;
}

/** `<meta root>/session/<component>[-<server id>]` */
const sessionValue = z.object({ Version: z.string().default('') });

/** Finds out which Milvus keeps its metadata under `metaRoot` and refuses those that this adapter cannot follow.
 *
 *  A Milvus that is stopped is no reason to refuse: its log can still be drained. Fails with
 *  {@link SourceUnsupportedError} for another generation (2.6, streaming, before 2.3), another metadata store or a wrong
 *  path, with {@link SourceUnavailableError} when etcd is away or still empty. */
export async function detectSource(
  client: EtcdClient,
  metaRoot: string,
  signal: AbortSignal,
): Promise<DetectedSource> {
  const sessions = await readSessions(client, metaRoot, signal);
  refuseVersions(sessions);
  if (await hasKeys(client, `${metaRoot}/streamingcoord-meta/`, signal)) refuseStreaming();
  if (!(await hasKeys(client, `${metaRoot}/root-coord/`, signal))) {
    if (sessions.length > 0) {
      throw new SourceUnsupportedError(
        `the Milvus under ${metaRoot} keeps its metadata elsewhere (TiKV); only etcd can be followed`,
      );
    }
    throw await wrongPath(client, metaRoot, signal);
  }
  const coordinator =
    sessions.find(({ component }) => /^(rootcoord|mixcoord)$/.test(component)) ?? sessions[0];
  return {
    version: coordinator === undefined || coordinator.version === '' ? undefined : coordinator.version,
  };
}

/** Refuses a source whose log is not Kafka's: every collection then starts at a position of another kind. */
export function refuseOtherQueues(catalog: Catalog): void {
  const shards = [...catalog.collections.values()]
    .filter(({ state }) => state === 'created')
    .flatMap((collection) => collection.shards);
  if (shards.length === 0 || shards.some(({ startOffset }) => startOffset !== UNKNOWN_START_OFFSET)) return;
  throw new SourceUnsupportedError(
    "the source's message queue is not Kafka (Pulsar or another): its positions are not Kafka offsets",
  );
}

async function readSessions(
  client: EtcdClient,
  metaRoot: string,
  signal: AbortSignal,
): Promise<readonly Session[]> {
  const prefix = `${metaRoot}/session/`;
  const { kvs } = await client.list(prefix, prefixEnd(prefix), {}, signal);
  return kvs.flatMap(({ key, value }) => {
    const component = Buffer.from(key).toString('latin1').slice(prefix.length).replace(/-\d+$/, '');
    // `session/id` is a counter.
    if (component === 'id') return [];
    return [{ component, version: versionOf(value) }];
  });
}

function versionOf(value: Uint8Array): string {
  try {
    return sessionValue.parse(JSON.parse(Buffer.from(value).toString('utf8'))).Version;
  } catch {
    return '';
  }
}

function refuseVersions(sessions: readonly Session[]): void {
  if (sessions.some(({ component }) => component.startsWith('streaming'))) refuseStreaming();
  for (const { component, version } of sessions) {
    const [, major, minor] = /^v?(\d+)\.(\d+)/.exec(version) ?? [];
    if (major === undefined || minor === undefined) continue;
    const number = Number(major) * 1_000 + Number(minor);
    if (number >= 2_003 && number < 2_006) continue;
    throw new SourceUnsupportedError(
      `the source's ${component} is Milvus ${version}; etcd and Kafka can be followed for 2.3, 2.4 and 2.5`,
    );
  }
}

function refuseStreaming(): never {
  throw new SourceUnsupportedError(
    'the source runs the streaming service (Milvus 2.6, or switched on in 2.5), whose log has another format',
  );
}

async function wrongPath(client: EtcdClient, metaRoot: string, signal: AbortSignal): Promise<Error> {
  const roots = await findMetadataRoots(client, signal);
  if (roots.length === 0)
    return new SourceUnavailableError(`etcd holds no Milvus, neither under ${metaRoot} nor elsewhere`);
  return new SourceUnsupportedError(
    `etcd holds no Milvus under ${metaRoot} (root path and meta sub path); it holds some under: ${roots.join(', ')}`,
  );
}

async function hasKeys(client: EtcdClient, prefix: string, signal: AbortSignal): Promise<boolean> {
  const { kvs } = await client.list(prefix, prefixEnd(prefix), { keysOnly: true, limit: 1 }, signal);
  return kvs.length > 0;
}
