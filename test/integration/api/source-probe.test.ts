import { DataType } from '@zilliz/milvus2-sdk-node';
import { pino } from 'pino';
import { expect, inject, onTestFinished, test } from 'vitest';
import { type KafkaSourceConfig, kafkaSourceConfig } from '#shared/task/source.ts';
import type { SourceFacts } from '../../../functions/probe/source-probe.ts';
import { KafkaSourceProbe, type KafkaSourceProbeOptions } from '../../../infra/kafka-source-probe.ts';
import { connectMilvus, ok } from '../../support/milvus/connect.ts';

const { source } = inject('stack');
const NOWHERE = '127.0.0.1:1';
const NAME = 'source_probe';

interface Change {
  readonly etcd?: string | undefined;
  readonly rootPath?: string | undefined;
  readonly kafka?: string | undefined;
  readonly replicateChannel?: string | undefined;
  readonly retention?: KafkaSourceProbeOptions['readRetention'];
}

const LOG = pino({ level: 'silent' });

function configOf(change: Change): KafkaSourceConfig {
  return kafkaSourceConfig.parse({
    etcd: { endpoints: [change.etcd ?? source.etcdEndpoint], rootPath: change.rootPath ?? source.rootPath },
    kafka: { bootstrap: [change.kafka ?? source.kafkaAddress] },
    replicateChannel: change.replicateChannel ?? source.replicateChannel,
  });
}

function check(change: Change, budgetMs = 20_000): Promise<SourceFacts> {
  const patterns = [{ database: 'default', collection: NAME }];
  const options = { config: configOf(change), log: LOG, readRetention: change.retention };
  return new KafkaSourceProbe(options).check(patterns, budgetMs);
}

async function makeCollection(): Promise<void> {
  const milvus = await connectMilvus(source.milvusAddress);
  onTestFinished(async () => {
    await milvus.dropCollection({ collection_name: NAME });
    await milvus.closeConnection();
  });
  await ok(
    'create',
    milvus.createCollection({
      collection_name: NAME,
      fields: [
        { name: 'id', data_type: DataType.Int64, is_primary_key: true },
        { name: 'vector', data_type: DataType.FloatVector, dim: 4 },
      ],
    }),
  );
}

test('a source that can be followed tells its version and its collections, and whether their history is whole', async () => {
  await makeCollection();
  const { version, collections, retention } = await check({});
  expect(version).toMatch(/^v?2\.3\.5/);
  expect(collections).toContainEqual({ database: 'default', name: NAME, historyComplete: true });
  // The stack's broker keeps its log for ever.
  expect(retention).toEqual({ ms: null, bytes: null });
});

test('a log that is kept for too short, or that does not tell, is a warning and no failure', async () => {
  await makeCollection();
  const short = await check({ retention: async () => ({ ms: 3_600_000, bytes: null }) });
  expect(short.retention).toEqual({ ms: 3_600_000, bytes: null });
  expect(short.warnings).toContainEqual(expect.stringMatching(/for 1 h only: .*retention\.ms/));
  const silent = await check({ retention: () => Promise.reject(new Error('no right to ask')) });
  expect(silent.retention).toBeUndefined();
  expect(silent.warnings).toContainEqual(expect.stringMatching(/^no right to ask; /));
});

test('the retention that cannot be had is told in one sentence, in time', async () => {
  const probe = new KafkaSourceProbe({ config: configOf({ kafka: NOWHERE }), log: LOG });
  const failure = await probe.retention(['any'], 8_000).catch((error: unknown) => error);
  expect(failure).toMatchObject({
    name: 'SourceProbeError',
    message: expect.stringMatching(/^Kafka at 127\.0\.0\.1:1 does not tell/),
  });
});

test('a replicate topic that is not there is a warning that names the setting', async () => {
  const { warnings } = await check({ replicateChannel: 'elsewhere-replicate-msg' });
  expect(warnings).toEqual([expect.stringMatching(/has no topic elsewhere-replicate-msg: .*replicateChan/)]);
});

test.each<[string, Change, RegExp]>([
  ['no etcd', { etcd: NOWHERE }, /etcd.*127\.0\.0\.1:1/],
  ['another root path', { rootPath: 'elsewhere' }, /no Milvus under elsewhere\/meta.*by-dev\/meta/],
  ['no Kafka', { kafka: NOWHERE }, /^Kafka at 127\.0\.0\.1:1 /],
])('%s is told in one sentence, in time', async (_, change, sentence) => {
  const started = performance.now();
  const failure = await check(change, 8_000).catch((error: unknown) => error);
  expect(failure).toMatchObject({ name: 'SourceProbeError', message: expect.stringMatching(sentence) });
  expect((failure as Error).message).not.toContain('\n');
  expect(performance.now() - started).toBeLessThan(12_000);
});
