import { type API, createAPI, fetchV11, fetchV12, fetchV13, type Reader } from '@platformatic/kafka';

/** A fetch of partition 0 of one topic. */
export interface FetchRequest {
  readonly topic: string;
  /** From version 13 on the broker refuses when the topic is not this one any more; before, it goes by the name. */
  readonly topicId: string;
  readonly leaderEpoch: number;
  readonly offset: bigint;
  /** The broker returns at least one whole batch, however large. */
  readonly maxBytes: number;
  /** How long the broker waits for the first byte. */
  readonly maxWaitMs: number;
}

export interface FetchResponse {
  /** Kafka's error code; 0 is success. */
  readonly errorCode: number;
  /** Record batches, the last one possibly cut off. */
  readonly records: Buffer;
}

/** One version of Kafka's Fetch, with our own reading of the answer: the library's unpacks every batch at once, with chunks
 *  that do not fit, and does not check sums. */
export interface FetchApi {
  readonly version: number;
  readonly send: API<unknown[], FetchResponse>['async'];
  readonly arguments: (request: FetchRequest) => unknown[];
}

const FETCH_KEY = 1;
const READ_UNCOMMITTED = 0;
const NO_SESSION = { id: 0, epoch: -1 } as const;

/** The newest of versions 11 (Kafka 2.3), 12 (2.7) and 13 (3.1, topics by id) that a broker speaks; `undefined` when it
 *  speaks none. */
export function chooseFetchApi(minVersion: number, maxVersion: number): FetchApi | undefined {
  const version = [13, 12, 11].find((candidate) => candidate >= minVersion && candidate <= maxVersion);
  if (version === undefined) return undefined;
  const module = version === 13 ? fetchV13 : version === 12 ? fetchV12 : fetchV11;
  const flexible = version >= 12;
  const api = createAPI<unknown[], FetchResponse>(
    FETCH_KEY,
    version,
    module.createRequest as (...args: unknown[]) => ReturnType<typeof module.createRequest>,
    (_correlationId, _key, _version, reader) => parseResponse(reader, version),
    flexible,
    flexible,
  );
  return { version, send: api.async, arguments: (request) => fetchArguments(request, version) };
}

function fetchArguments(request: FetchRequest, version: number): unknown[] {
  const partition = {
    partition: 0,
    currentLeaderEpoch: request.leaderEpoch,
    fetchOffset: request.offset,
    lastFetchedEpoch: -1,
    partitionMaxBytes: request.maxBytes,
  };
  const topic = { topicId: version >= 13 ? request.topicId : request.topic, partitions: [partition] };
  return [
    request.maxWaitMs,
    1,
    request.maxBytes,
    READ_UNCOMMITTED,
    NO_SESSION.id,
    NO_SESSION.epoch,
    [topic],
    [],
    '',
  ];
}

/** Reads as far as the one partition's records, which come last but for what nobody asks for. */
function parseResponse(reader: Reader, version: number): FetchResponse {
  const flexible = version >= 12;
  const arrayLength = (): number => (flexible ? reader.readUnsignedVarInt() - 1 : reader.readInt32());
  reader.readInt32(); // throttle time
  const errorCode = reader.readInt16();
  reader.readInt32(); // session
  if (errorCode !== 0 || arrayLength() < 1) return { errorCode, records: Buffer.alloc(0) };
  if (version >= 13) reader.skip(16);
  else reader.readString(flexible);
  if (arrayLength() < 1) return { errorCode, records: Buffer.alloc(0) };
  reader.readInt32(); // partition
  const partitionError = reader.readInt16();
  reader.skip(3 * 8); // high watermark, last stable offset, log start
  for (let aborted = arrayLength(); aborted > 0; aborted -= 1) {
    reader.skip(2 * 8);
    if (flexible) reader.readTaggedFields();
  }
  reader.readInt32(); // preferred replica
  const length = arrayLength();
  const records =
    length > 0 ? reader.buffer.slice(reader.position, reader.position + length) : Buffer.alloc(0);
  return { errorCode: partitionError, records };
}
