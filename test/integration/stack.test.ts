import { randomUUID } from 'node:crypto';
import { Admin, Consumer, MessagesStreamModes } from '@platformatic/kafka';
import { DataType, MilvusClient } from '@zilliz/milvus2-sdk-node';
import { afterAll, expect, inject, test } from 'vitest';

const { source, target } = inject('stack');
const collection = `stack_${randomUUID().replaceAll('-', '')}`;

const sourceClient = connect(source.milvusAddress);
const targetClient = connect(target.milvusAddress);

afterAll(async () => {
  await sourceClient.dropCollection({ collection_name: collection });
  await Promise.all([sourceClient.closeConnection(), targetClient.closeConnection()]);
});

test('the target is a Milvus that answers', async () => {
  expect((await targetClient.getVersion()).version).toMatch(/^v2\.3\.5/);
});

test('an insert into the source stands in the Kafka topic of its channel', async () => {
  await sourceClient.createCollection({
    collection_name: collection,
    shards_num: 1,
    fields: [
      { name: 'id', data_type: DataType.Int64, is_primary_key: true },
      { name: 'vector', data_type: DataType.FloatVector, dim: 4 },
    ],
  });
  const { physical_channel_names: channels } = await sourceClient.describeCollection({
    collection_name: collection,
  });
  const inserted = await sourceClient.insert({
    collection_name: collection,
    data: [{ id: 1, vector: [1, 2, 3, 4] }],
  });
  expect(inserted.insert_cnt).toBe('1');

  expect(channels).toHaveLength(1);
  const found = await findRecord(
    channels[0] as string,
    (value) => isInsert(value) && value.includes(collection),
  );
  expect(found).toBe(true);
});

test('the source holds its catalog in an etcd of its own', async () => {
  const health = await fetch(`http://${source.etcdEndpoint}/health`);
  expect(await health.json()).toMatchObject({ health: 'true' });
});

test('the broker creates topics with a single partition', async () => {
  const admin = new Admin({ clientId: 'stack-test', bootstrapBrokers: [source.kafkaAddress] });
  const topics = await admin.listTopics();
  const { topics: described } = await admin.metadata({ topics });
  await admin.close();
  for (const topic of described.values()) expect(topic.partitionsCount).toBe(1);
});

/** A record begins with its base (field 1), which begins with the message type (field 1), and Insert is 400. */
function isInsert(value: Buffer): boolean {
  return value.subarray(2, 5).equals(Buffer.from([0x08, 0x90, 0x03]));
}

/** The SDK's own retries would hang on a server that is away. */
function connect(address: string): MilvusClient {
  return new MilvusClient({
    address,
    maxRetries: 0,
    timeout: 20_000,
    telemetry: { enabled: false },
    logLevel: 'error',
  });
}

async function findRecord(topic: string, wanted: (value: Buffer) => boolean): Promise<boolean> {
  const consumer = new Consumer({
    clientId: 'stack-test',
    groupId: randomUUID(),
    bootstrapBrokers: [source.kafkaAddress],
  });
  const stream = await consumer.consume({
    topics: [topic],
    mode: MessagesStreamModes.EARLIEST,
    autocommit: false,
  });
  const end = AbortSignal.timeout(30_000);
  end.addEventListener('abort', () => stream.destroy(new Error(`no such record in ${topic} within 30 s`)));
  try {
    for await (const message of stream) if (wanted(message.value)) return true;
    return false;
  } finally {
    await consumer.close(true);
  }
}
