import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { compressionsAlgorithms } from '@platformatic/kafka';

const MIN_CHUNK_BYTES = 4 * 1024;
const MAX_CHUNK_BYTES = 8 * 1024 * 1024;
/** Kafka's own limit for a batch is a few MiB; this only keeps damaged bytes from filling the memory. */
const MAX_OUTPUT_BYTES = 256 * 1024 * 1024;
/** How much of a ratio that turned out too high is given up with each batch. */
const DECAY = 0.95;

/** Unpacks the records of batches. Milvus's producer writes zstd; operators may choose another codec.
 *
 *  For zstd the size of the output must be guessed (librdkafka's frames do not state it), and the guess matters more than
 *  the codec's speed: Node joins chunks that are too small by copying, and a chunk that is too large stays in memory as
 *  long as a record in it. Batches of one topic are alike, so the ratio of the ones before is the guess. */
export class Decompressor {
  #ratio = 2;

  decompress(codec: number, data: Buffer): Buffer {
    switch (codec) {
      case 0:
        return data;
      case 1:
        return gunzipSync(data, { maxOutputLength: MAX_OUTPUT_BYTES });
      case 2:
        return compressionsAlgorithms.snappy.decompressSync(data);
      case 3:
        return compressionsAlgorithms.lz4.decompressSync(data);
      case 4:
        return this.#zstd(data);
      default:
        throw new Error(`compression codec ${codec} is not known`);
    }
  }

  #zstd(data: Buffer): Buffer {
    const guess = Math.ceil(data.length * this.#ratio * 1.02) + 256;
    const chunkSize = Math.min(MAX_CHUNK_BYTES, Math.max(MIN_CHUNK_BYTES, guess));
    const output = zstdDecompressSync(data, { chunkSize, maxOutputLength: MAX_OUTPUT_BYTES });
    this.#ratio = Math.max(output.length / data.length, this.#ratio * DECAY);
    return output;
  }
}
