import { createHash } from 'node:crypto';

/** Where the main cursor of one channel stands: the durable claim that everything at or before `tick` is applied,
 *  and the durable promise that nothing after `horizon` was sent. */
export interface ChannelPosition {
  readonly channel: string;
  /** {@link logTag} of the log the offset belongs to. */
  readonly logTag: string;
  readonly offset: bigint;
  readonly tick: bigint;
  readonly horizon: bigint;
}

/** 64 bits of a log's identity, as 16 hex digits: enough to notice that a topic was made anew, small enough to store. */
export function logTag(logId: string): string {
  return createHash('sha256').update(logId).digest('hex').slice(0, 16);
}

const FORMAT = 1;

/** Packs positions into one attribute: about 30 bytes a channel after the shared start of the names, because a
 *  DynamoDB write is paid by the size of the whole item. */
export function packPositions(positions: readonly ChannelPosition[]): Uint8Array {
  const sorted = positions.toSorted((a, b) => (a.channel < b.channel ? -1 : 1));
  const prefix = sharedPrefix(sorted.map((p) => p.channel));
  const out: number[] = [FORMAT];
  putText(out, prefix);
  putNumber(out, BigInt(sorted.length));
  for (const p of sorted) {
    putText(out, p.channel.slice(prefix.length));
    for (const byte of Buffer.from(p.logTag, 'hex')) out.push(byte);
    putNumber(out, p.offset);
    putNumber(out, p.tick);
    putNumber(out, p.horizon);
  }
  return Uint8Array.from(out);
}

/** Fails on bytes that {@link packPositions} did not write. */
export function unpackPositions(packed: Uint8Array): ChannelPosition[] {
  if (packed.length === 0) return [];
  const reader = new Reader(packed);
  if (reader.byte() !== FORMAT) throw new Error('unknown format of stored positions');
  const prefix = reader.text();
  const count = Number(reader.number());
  const positions: ChannelPosition[] = [];
  for (let i = 0; i < count; i++) {
    positions.push({
      channel: prefix + reader.text(),
      logTag: reader.bytes(8).toString('hex'),
      offset: reader.number(),
      tick: reader.number(),
      horizon: reader.number(),
    });
  }
  return positions;
}

function sharedPrefix(names: readonly string[]): string {
  const [first = '', ...rest] = names;
  let length = first.length;
  for (const name of rest) {
    while (!name.startsWith(first.slice(0, length))) length--;
  }
  return first.slice(0, length);
}

function putText(out: number[], text: string): void {
  const bytes = Buffer.from(text);
  putNumber(out, BigInt(bytes.length));
  for (const byte of bytes) out.push(byte);
}

function putNumber(out: number[], value: bigint): void {
  if (value < 0n) throw new RangeError(`a position holds no negative number: ${value}`);
  let rest = value;
  while (rest > 127n) {
    out.push(Number(rest & 127n) | 128);
    rest >>= 7n;
  }
  out.push(Number(rest));
}

class Reader {
  readonly #buffer: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  byte(): number {
    const byte = this.#buffer[this.#at++];
    if (byte === undefined) throw new Error('stored positions end too early');
    return byte;
  }

  bytes(length: number): Buffer {
    if (this.#at + length > this.#buffer.length) throw new Error('stored positions end too early');
    this.#at += length;
    return this.#buffer.subarray(this.#at - length, this.#at);
  }

  number(): bigint {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = this.byte();
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
  }

  text(): string {
    return this.bytes(Number(this.number())).toString();
  }
}
