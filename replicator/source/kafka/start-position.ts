/** Length of a Kafka position in Milvus's metadata (`kafka_id.go`); other message queues use other lengths, except
 *  rocksmq, which never serves a cluster. */
export const KAFKA_POSITION_BYTES = 8;

/** A Kafka position as Milvus stores it: the offset in partition 0, 8 bytes, little-endian. `undefined` when the bytes
 *  are of another message queue. */
export function decodeKafkaPosition(data: Uint8Array): bigint | undefined {
  if (data.length !== KAFKA_POSITION_BYTES) return undefined;
  return new DataView(data.buffer, data.byteOffset, data.byteLength).getBigInt64(0, true);
}
