import { create, toBinary } from '@bufbuild/protobuf';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';
import { createLogger } from '#shared/log.ts';
import { SourceUnavailableError, SourceUnsupportedError } from '../../../replicator/source/change-source.ts';
import { kafkaSourceConfig } from '../../../replicator/source/kafka/config.ts';
import { detectSource, refuseOtherQueues } from '../../../replicator/source/kafka/detect-source.ts';
import { EtcdCatalog } from '../../../replicator/source/kafka/etcd-catalog.ts';
import { EtcdClient } from '../../../replicator/source/kafka/etcd-client.ts';
import { KafkaChangeSource } from '../../../replicator/source/kafka/kafka-change-source.ts';
import { CollectionInfoSchema } from '../../../replicator/wire/gen/etcd_meta_pb.ts';
import { FieldSchemaSchema } from '../../../replicator/wire/gen/schema_pb.ts';
import { RunFolder } from '../../support/stack/run-folder.ts';
import { type EtcdCluster, startEtcd } from './etcd-server.ts';

/** Which sources are followed and which are refused, with which sentence. */

const { source: addresses } = inject('stack');
const log = createLogger('silent');
const patience = (): AbortSignal => AbortSignal.timeout(30_000);

function newSource(change: {
  rootPath?: string;
  replicateChannel?: string;
  etcd?: string;
}): KafkaChangeSource {
  return new KafkaChangeSource(
    kafkaSourceConfig.parse({
      etcd: {
        endpoints: [change.etcd ?? addresses.etcdEndpoint],
        rootPath: change.rootPath ?? addresses.rootPath,
      },
      kafka: { bootstrap: [addresses.kafkaAddress] },
      replicateChannel: change.replicateChannel ?? addresses.replicateChannel,
    }),
  );
}

describe('a real Milvus 2.3.5', () => {
  test('is followed, and its version told', async () => {
    const source = newSource({});
    expect(await source.detect(log, patience())).toEqual({ version: '2.3.5' });
    await source.close();
  });

  test('under a wrong root path is refused with the right one', async () => {
    const source = newSource({ rootPath: 'mistyped' });
    const failure = await source.detect(log, patience()).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(SourceUnsupportedError);
    expect(String(failure)).toContain('mistyped/meta');
    expect(String(failure)).toContain(`${addresses.rootPath}/meta`);
    await source.close();
  });

  test('without a topic for the replicate channel is followed: it comes with the first mirrored operation', async () => {
    const source = newSource({ replicateChannel: 'not-yet-replicate-msg' });
    expect(await source.detect(log, patience())).toEqual({ version: '2.3.5' });
    await source.close();
  });
});

describe('what other sources leave in etcd', () => {
  const run = new RunFolder();
  let cluster: EtcdCluster;
  let client: EtcdClient;

  beforeAll(async () => {
    cluster = await startEtcd({ run });
    const endpoints = cluster.members.map(({ address }) => address);
    client = new EtcdClient({ endpoints, rootPath: 'by-dev', metaSubPath: 'meta' });
  });
  afterAll(async () => {
    client.close();
    await run.remove();
  });
  beforeEach(() => cluster.ctl('del', '', '--from-key=true'));

  const put = (key: string, value = 'x'): Promise<string> => cluster.ctl('put', key, value);
  const session = (component: string, version: string): Promise<string> =>
    put(`by-dev/meta/session/${component}`, JSON.stringify({ ServerID: 1, Version: version }));
  const detect = (): Promise<unknown> => detectSource(client, 'by-dev/meta', patience());

  test.each([
    ['2.3.0', '2.3.0'],
    ['2.4.17', '2.4.17'],
    ['2.5.0-beta', '2.5.0-beta'],
    ['v2.5.27', 'v2.5.27'],
    ['', undefined],
    ['master-20240101', 'master-20240101'],
  ])('version %j is followed', async (version, told) => {
    await session('rootcoord', version);
    await put('by-dev/meta/session/id', '3');
    await put('by-dev/meta/root-coord/database/db-info/1');
    expect(await detect()).toEqual({ version: told });
  });

  test.each(['2.2.16', '2.6.0', '2.6.3-dev', '3.0.0', '1.1.1'])('version %s is refused', async (version) => {
    await session('rootcoord', version);
    await put('by-dev/meta/root-coord/database/db-info/1');
    await expect(detect()).rejects.toThrow(SourceUnsupportedError);
    await expect(detect()).rejects.toThrow(version);
  });

  test('one component of 2.6 is enough to refuse: an upgrade is under way', async () => {
    await session('rootcoord', '2.5.9');
    await session('querynode-4', '2.6.0');
    await put('by-dev/meta/root-coord/database/db-info/1');
    await expect(detect()).rejects.toThrow(/querynode is Milvus 2.6.0/);
  });

  test('the streaming service is refused, running or not', async () => {
    await session('rootcoord', '2.5.9');
    await session('streamingnode-7', '2.5.9');
    await put('by-dev/meta/root-coord/database/db-info/1');
    await expect(detect()).rejects.toThrow(/streaming/);
    await cluster.ctl('del', 'by-dev/meta/session/streamingnode-7');
    await put('by-dev/meta/streamingcoord-meta/pchannel/a');
    await expect(detect()).rejects.toThrow(/streaming/);
  });

  test('a Milvus that is stopped is followed: its log can still be drained', async () => {
    await put('by-dev/meta/root-coord/database/db-info/1');
    expect(await detect()).toEqual({ version: undefined });
  });

  test('metadata in TiKV is refused', async () => {
    await session('rootcoord', '2.4.1');
    await expect(detect()).rejects.toThrow(/TiKV/);
  });

  test('an etcd that holds nothing yet may hold it later', async () => {
    await expect(detect()).rejects.toThrow(SourceUnavailableError);
    await put('other/application/key');
    await expect(detect()).rejects.toThrow(SourceUnavailableError);
  });

  test('every root of a shared etcd is named', async () => {
    for (const root of ['prod/milvus/meta', 'staging/meta', 'staging2/metadata']) {
      await put(`${root}/root-coord/database/db-info/1`);
      await put(`${root.replace(/\/[^/]*$/, '')}/kv/gid/timestamp`);
    }
    for (let at = 0; at < 30; at += 1) await put(`/registry/pods/namespace-${at}/pod`);
    const failure = await detect().catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(SourceUnsupportedError);
    expect(String(failure)).toMatch(/under: prod\/milvus\/meta, staging\/meta, staging2\/metadata$/);
  });

  test.each([
    ['Pulsar', Buffer.from('080210051a0020003001', 'hex'), true],
    ['Kafka', Buffer.from('2c01000000000000', 'hex'), false],
  ])('positions of %s decide whether the queue is refused', async (_, data, refused) => {
    const info = create(CollectionInfoSchema, {
      id: 5n,
      schema: { name: 'c' },
      virtualChannelNames: ['dml_0_5v0'],
      physicalChannelNames: ['dml_0'],
      startPositions: [{ key: 'dml_0', data }],
    });
    const field = create(FieldSchemaSchema, { fieldId: 100n, name: 'id', isPrimaryKey: true });
    const at = `by-dev/meta/root-coord`;
    await putBytes(`${at}/database/collection-info/1/5`, toBinary(CollectionInfoSchema, info));
    await putBytes(`${at}/fields/5/100`, toBinary(FieldSchemaSchema, field));
    const catalog = await new EtcdCatalog(client, 'by-dev/meta').read(patience());
    expect(catalog.collections.get(5n)?.state).toBe('created');
    if (refused) expect(() => refuseOtherQueues(catalog)).toThrow(SourceUnsupportedError);
    else refuseOtherQueues(catalog);
  });

  /** etcdctl takes no zero bytes; the gateway takes base64. */
  async function putBytes(key: string, value: Uint8Array): Promise<void> {
    const body = { key: Buffer.from(key).toString('base64'), value: Buffer.from(value).toString('base64') };
    const answer = await fetch(`http://${cluster.members[0]?.address}/v3/kv/put`, {
      method: 'POST',
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(await answer.text());
  }
});
