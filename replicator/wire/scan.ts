import { MalformedRecordError } from './errors.ts';

export const VARINT = 0;
export const FIXED64 = 1;
export const LENGTH = 2;
export const FIXED32 = 5;

// One pair of 32-bit words seen as a 64-bit integer: makes a bigint without bigint arithmetic.
// Every platform Node runs on is little-endian.
const words = new Uint32Array(2);
const asSigned = new BigInt64Array(words.buffer);
const asUnsigned = new BigUint64Array(words.buffer);

/** Reads protobuf's wire format in place: fields one after another, nothing copied, nothing decoded that is not
 *  asked for. After {@link next} exactly one of the reading methods, or {@link skip}, is to be called.
 *  Fails with {@link MalformedRecordError} when the bytes end early or hold no valid field. */
export class Scanner {
  readonly buffer: Buffer;
  /** Number and wire type of the current field. */
  field = 0;
  wireType = 0;
  /** Where the current field's tag begins, and where reading goes on. */
  tagStart: number;
  position: number;
  readonly end: number;

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.buffer = asBuffer(bytes);
    this.tagStart = start;
    this.position = start;
    this.end = end;
  }

  /** Moves to the next field; false at the end. */
  next(): boolean {
    if (this.position >= this.end) return false;
    this.tagStart = this.position;
    const tag = this.#number();
    this.field = Math.floor(tag / 8);
    this.wireType = tag % 8;
    if (this.field === 0 || tag > 0xffffffff) throw new MalformedRecordError('a field has no valid number');
    return true;
  }

  /** A varint that fits a double exactly: lengths, counts, enums. Larger ones fail. */
  number(): number {
    this.expect(VARINT);
    return this.#number();
  }

  int64(): bigint {
    this.expect(VARINT);
    return this.packedInt64();
  }

  uint64(): bigint {
    this.expect(VARINT);
    return this.packedUint64();
  }

  /** A varint that stands without a tag, in a packed field. */
  packedInt64(): bigint {
    this.#varint();
    return asSigned[0] ?? 0n;
  }

  packedUint64(): bigint {
    this.#varint();
    return asUnsigned[0] ?? 0n;
  }

  /** Enters a length-delimited field: its content is [position, returned end). The caller moves on by itself,
   *  with {@link seek} or by reading. */
  open(): number {
    this.expect(LENGTH);
    const length = this.#number();
    const end = this.position + length;
    if (end > this.end) throw new MalformedRecordError('a field is longer than what holds it');
    return end;
  }

  /** A scanner over the content of the current length-delimited field. */
  message(): Scanner {
    const end = this.open();
    const inner = new Scanner(this.buffer, this.position, end);
    this.position = end;
    return inner;
  }

  /** The content of a length-delimited field, without a copy. */
  bytes(): Buffer {
    const end = this.open();
    const slice = this.buffer.subarray(this.position, end);
    this.position = end;
    return slice;
  }

  string(): string {
    const end = this.open();
    const text = this.buffer.toString('utf8', this.position, end);
    this.position = end;
    return text;
  }

  seek(position: number): void {
    if (position > this.end) throw new MalformedRecordError('the bytes end within a field');
    this.position = position;
  }

  /** Passes over the value of the current field. */
  skip(): void {
    switch (this.wireType) {
      case VARINT:
        this.#varint();
        return;
      case FIXED64:
        this.seek(this.position + 8);
        return;
      case LENGTH:
        this.position = this.open();
        return;
      case FIXED32:
        this.seek(this.position + 4);
        return;
      default:
        throw new MalformedRecordError(`wire type ${this.wireType} is not in use`);
    }
  }

  expect(wireType: number): void {
    if (this.wireType !== wireType) {
      throw new MalformedRecordError(
        `field ${this.field} has wire type ${this.wireType} where ${wireType} belongs`,
      );
    }
  }

  #number(): number {
    this.#varint();
    const high = words[1] ?? 0;
    if (high > 0x1fffff) throw new MalformedRecordError('a length or count is out of range');
    return high * 0x1_0000_0000 + (words[0] ?? 0);
  }

  /** Leaves the value in `words`: low, high. */
  #varint(): void {
    const { buffer, end } = this;
    let at = this.position;
    let low = 0;
    let high = 0;
    for (let shift = 0; ; shift += 7) {
      if (at >= end) throw new MalformedRecordError('the bytes end within a number');
      const byte = buffer[at++] ?? 0;
      const bits = byte & 0x7f;
      if (shift < 28) {
        low |= bits << shift;
      } else if (shift === 28) {
        low |= bits << 28;
        high = bits >>> 4;
      } else {
        high |= bits << (shift - 32);
      }
      if (byte < 0x80) break;
      if (shift >= 63) throw new MalformedRecordError('a number has more than ten bytes');
    }
    this.position = at;
    words[0] = low;
    words[1] = high;
  }
}

export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
