import { DataType } from '@zilliz/milvus2-sdk-node';
import { inject } from 'vitest';
import { kafkaSourceConfig } from '../../../replicator/source/kafka/config.ts';
import { KafkaChangeSource } from '../../../replicator/source/kafka/kafka-change-source.ts';
import { describeChangeSource } from '../../contract/kits/change-source.ts';
import { connectMilvus, ok } from '../../support/milvus/connect.ts';
import { Topics } from './topics.ts';

const { source: addresses } = inject('stack');

describeChangeSource('KafkaChangeSource', async () => {
  const milvus = await connectMilvus(addresses.milvusAddress);
  const topics = new Topics(addresses.kafkaAddress);
  const source = new KafkaChangeSource(
    kafkaSourceConfig.parse({
      etcd: { endpoints: [addresses.etcdEndpoint], rootPath: addresses.rootPath },
      kafka: { bootstrap: [addresses.kafkaAddress] },
      replicateChannel: addresses.replicateChannel,
    }),
  );
  const made = new Set<string>();

  return {
    source,
    makeChannel: (entries) => topics.make(entries),
    append: (channel, entries) => topics.append(channel, entries),
    truncate: (channel, offset) => topics.truncate(channel, offset),
    remake: async (channel, entries) => {
      await topics.remove(channel);
      await topics.make(entries, channel);
    },
    createCollection: async (name) => {
      made.add(name);
      await ok(
        'create',
        milvus.createCollection({
          collection_name: name,
          shards_num: 1,
          fields: [
            { name: 'id', data_type: DataType.Int64, is_primary_key: true },
            { name: 'vector', data_type: DataType.FloatVector, dim: 4 },
          ],
        }),
      );
    },
    createPartition: async (collection, partition) => {
      const request = { collection_name: collection, partition_name: partition };
      await ok('create partition', milvus.createPartition(request));
    },
    insert: async (collection, keys) => {
      const data = keys.map((id) => ({ id: String(id), vector: [1, 2, 3, 4] }));
      await ok('insert', milvus.insert({ collection_name: collection, data }));
    },
    dropCollection: async (name) => {
      made.delete(name);
      await ok('drop', milvus.dropCollection({ collection_name: name }));
    },
    close: async () => {
      for (const name of made) await milvus.dropCollection({ collection_name: name });
      await Promise.all([source.close(), topics.close(), milvus.closeConnection()]);
    },
  };
});
