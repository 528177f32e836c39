import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import type { Task } from '#shared/task/task.ts';
import { clientError, sentenceOf, serverError } from './errors.ts';
import type { CreateRequest } from './requests.ts';
import { choicesOf } from './scope-of.ts';

/** What a position says, whoever wrote it: a base64 `msg.MsgPosition`. */
export interface GivenPosition {
  /** Message id as the source's queue has it; for Kafka the offset as 8 bytes, little-endian. May be empty. */
  readonly messageId: Uint8Array;
  /** Hybrid timestamp; 0 when absent. */
  readonly timestamp: bigint;
}

export interface VirtualChannel {
  readonly physical: string;
  readonly collectionId: bigint;
}

type StartPosition = Task['startPositions'][number];

const KAFKA_ID_BYTES = 8;

/** Checks and decodes the positions of a create. A position without a message id names a channel and nothing else: it
 *  is shown by `position`, and the collection starts where it would have started anyway. */
export function startPositionsOf(request: CreateRequest): Task['startPositions'] {
  const starts = new Map<string, StartPosition>();
  const take = (vchannel: string, encoded: string): bigint => {
    const { collectionId, messageId, timestamp } = decodeStart(vchannel, encoded);
    if (messageId.length > 0) {
      starts.set(vchannel, { vchannel, offset: kafkaOffset(messageId), timestamp: timestamp.toString() });
    }
    return collectionId;
  };
  for (const [vchannel, encoded] of Object.entries(request.start_positions ?? {})) take(vchannel, encoded);
  for (const { info } of choicesOf(request)) {
    const ids = new Set<bigint>();
    for (const [vchannel, encoded] of Object.entries(info.positions ?? {})) {
      ids.add(take(vchannel, encoded));
      if (ids.size > 1) throw clientError('the channel position info should be in the same collection');
    }
  }
  checkRpcPosition(request.rpc_channel_info.position);
  return [...starts.values()];
}

function decodeStart(
  vchannel: string,
  encoded: string,
): GivenPosition & Pick<VirtualChannel, 'collectionId'> {
  const channel = parseVirtualChannel(vchannel);
  if (channel === undefined) {
    throw clientError(
      `the vchannel is invalid, ${vchannel}, err: virtual channel name(${vchannel}) is not valid: invalid parameter`,
    );
  }
  const { collectionId } = channel;
  return { collectionId, ...decodeOr('fail to decode the position data', encoded) };
}

function checkRpcPosition(encoded: string): void {
  if (encoded !== '') decodeOr('fail to decode the rpc position data', encoded);
}

/** `<pchannel>_<collection id>v<shard>`; undefined when it is not. */
export function parseVirtualChannel(name: string): VirtualChannel | undefined {
  const match = /^(.*)_(\d+)v\d+$/.exec(name);
  if (match === null) return undefined;
  const [, physical = '', id = ''] = match;
  return { physical, collectionId: BigInt(id) };
}

/** Fails when the text is not base64 of a MsgPosition. */
export function decodePosition(encoded: string): GivenPosition {
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(encoded)) {
    throw new Error('illegal base64 data');
  }
  const reader = new BinaryReader(Buffer.from(encoded, 'base64'));
  let messageId = new Uint8Array();
  let timestamp = 0n;
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (field === 2 && type === WireType.LengthDelimited) messageId = Uint8Array.from(reader.bytes());
    else if (field === 4 && type === WireType.Varint) timestamp = BigInt(reader.uint64());
    else reader.skip(type, field);
  }
  if (reader.pos > reader.len) throw new Error('the position ends too early');
  return { messageId, timestamp };
}

function decodeOr(prefix: string, encoded: string): GivenPosition {
  try {
    return decodePosition(encoded);
  } catch (error) {
    throw serverError(`${prefix}: ${sentenceOf(error)}`, error);
  }
}

/** An offset as a message id. */
export function kafkaMessageId(offset: bigint): Uint8Array {
  const bytes = Buffer.alloc(KAFKA_ID_BYTES);
  bytes.writeBigInt64LE(offset);
  return bytes;
}

function kafkaOffset(messageId: Uint8Array): string {
  const bytes = Buffer.from(messageId);
  const offset = bytes.length === KAFKA_ID_BYTES ? bytes.readBigInt64LE() : -1n;
  if (offset < 0n) {
    throw serverError('fail to decode the position data: its message id is not a Kafka offset');
  }
  return offset.toString();
}
