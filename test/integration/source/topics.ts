import { randomUUID } from 'node:crypto';
import { Admin, type CompressionAlgorithmValue, Producer } from '@platformatic/kafka';
import { DataType } from '../../../replicator/wire/gen/schema_pb.ts';
import { KEY_FIELD_ID, type LogEntry } from '../../contract/kits/change-source.ts';
import {
  createCollectionRecord,
  deleteRecord,
  dropCollectionRecord,
  dropPartitionRecord,
  insertRecord,
  otherRecord,
  tickRecord,
} from '../../support/records.ts';

/** Topics of a test in a real Kafka, written as Milvus writes them. */
export class Topics {
  readonly #admin: Admin;
  readonly #producer: Producer<Buffer, Buffer, Buffer, Buffer>;
  readonly #made: string[] = [];

  constructor(address: string) {
    const options = { clientId: 'topics-of-a-test', bootstrapBrokers: [address] };
    this.#admin = new Admin(options);
    this.#producer = new Producer(options);
  }

  async make(entries: readonly LogEntry[], name = `topic-${randomUUID()}`): Promise<string> {
    await this.#admin.createTopics({ topics: [name], partitions: 1, replicas: 1 });
    this.#made.push(name);
    await this.append(name, entries);
    return name;
  }

  append(topic: string, entries: readonly LogEntry[]): Promise<void> {
    return this.produce(topic, entries.map(encodeEntry));
  }

  /** One batch. */
  async produce(
    topic: string,
    values: readonly Uint8Array[],
    compression: CompressionAlgorithmValue = 'zstd',
  ): Promise<void> {
    if (values.length === 0) return;
    const messages = values.map((value) => ({ topic, partition: 0, value: Buffer.from(value) }));
    await this.#producer.send({ messages, compression, acks: -1 });
  }

  async truncate(topic: string, offset: bigint): Promise<void> {
    await this.#admin.deleteRecords({ topics: [{ name: topic, partitions: [{ partition: 0, offset }] }] });
  }

  async remove(topic: string): Promise<void> {
    await this.#admin.deleteTopics({ topics: [topic] });
  }

  async close(): Promise<void> {
    await this.#admin.deleteTopics({ topics: this.#made }).catch(() => undefined);
    await Promise.all([this.#admin.close(), this.#producer.close(true)]);
  }
}

const PADDING_BYTES = 8;

function encodeEntry(entry: LogEntry): Uint8Array {
  switch (entry.kind) {
    case 'tick':
      return tickRecord(entry.timestamp);
    case 'insert': {
      const fields = [{ id: KEY_FIELD_ID, name: 'id', type: DataType.INT64, primary: true }];
      const padding = { id: KEY_FIELD_ID + 1, name: 'padding', type: DataType.VAR_CHAR };
      // Text that does not shrink much when it is compressed.
      const text = (): string =>
        Array.from({ length: (entry.padding ?? 0) / PADDING_BYTES }, () =>
          Math.random()
            .toString(36)
            .slice(2, 2 + PADDING_BYTES)
            .padEnd(PADDING_BYTES, 'x'),
        ).join('');
      return insertRecord({
        ...entry,
        fields: [...fields, padding],
        rows: entry.keys.map((id) => ({ id, padding: text() })),
      });
    }
    case 'delete':
      return deleteRecord(entry);
    case 'create-collection':
      return createCollectionRecord(entry);
    case 'drop-collection':
      return dropCollectionRecord(entry);
    case 'drop-partition':
      return dropPartitionRecord(entry);
    case 'unknown':
      return otherRecord(entry.messageType, entry.timestamp);
  }
}
