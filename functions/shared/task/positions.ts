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

/** Low bits of a hybrid timestamp that count within its millisecond. */
const LOGICAL_BITS = 18n;
const LOGICAL_MASK = (1n << LOGICAL_BITS) - 1n;

/** Packs positions into one attribute: about 20 bytes a channel, because a DynamoDB write is paid by the size of the
 *  whole item. The channels' ticks and horizons are near each other in time, so each is stored as its distance from
 *  the one before; names lose their shared start. Lossless for every value, small for the usual ones. */
export function packPositions(positions: readonly ChannelPosition[]): Uint8Array<ArrayBuffer> {
  const sorted = positions.toSorted((a, b) => (a.channel < b.channel ? -1 : 1));
  const prefix = sharedPrefix(sorted.map((p) => p.channel));
  const out: number[] = [FORMAT];
  putText(out, prefix);
  putNumber(out, BigInt(sorted.length));
  let before = { tick: 0n, horizon: 0n };
  for (const p of sorted) {
    putText(out, p.channel.slice(prefix.length));
    putTag(out, p.logTag);
    putNumber(out, p.offset);
    putTime(out, p.tick, before.tick);
    putTime(out, p.horizon, before.horizon);
    before = p;
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
  let before = { tick: 0n, horizon: 0n };
  for (let i = 0; i < count; i++) {
    const position = {
      channel: prefix + reader.text(),
      logTag: reader.bytes(8).toString('hex'),
      offset: reader.number(),
      tick: reader.time(before.tick),
      horizon: reader.time(before.horizon),
    };
    positions.push(position);
    before = position;
  }
  if (!reader.atEnd) throw new Error('stored positions do not end where they should');
  return positions;
}

function sharedPrefix(names: readonly string[]): string {
  const [first = '', ...rest] = names;
  let prefix = first;
  for (const name of rest) {
    while (!name.startsWith(prefix)) prefix = prefix.slice(0, -1);
  }
  // Never half a surrogate pair: UTF-8 has no bytes for one half.
  return prefix.isWellFormed() ? prefix : prefix.slice(0, -1);
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

function putTag(out: number[], tag: string): void {
  if (!/^[0-9a-f]{16}$/.test(tag)) throw new RangeError(`not the tag of a log: ${tag}`);
  for (const byte of Buffer.from(tag, 'hex')) out.push(byte);
}

/** A hybrid timestamp as its milliseconds' distance from another one (sign in the lowest bit) and its logical part. */
function putTime(out: number[], value: bigint, before: bigint): void {
  if (value < 0n) throw new RangeError(`a position holds no negative number: ${value}`);
  const distance = (value >> LOGICAL_BITS) - (before >> LOGICAL_BITS);
  putNumber(out, distance < 0n ? -2n * distance - 1n : 2n * distance);
  putNumber(out, value & LOGICAL_MASK);
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

  time(before: bigint): bigint {
    const folded = this.number();
    const distance = folded & 1n ? -((folded + 1n) / 2n) : folded / 2n;
    const value = (((before >> LOGICAL_BITS) + distance) << LOGICAL_BITS) | this.number();
    if (value < 0n) throw new Error('stored positions hold a negative number');
    return value;
  }

  get atEnd(): boolean {
    return this.#at === this.#buffer.length;
  }

  text(): string {
    return this.bytes(Number(this.number())).toString();
  }
}
