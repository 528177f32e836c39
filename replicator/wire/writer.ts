import { asBuffer, type FIXED32, type FIXED64, LENGTH, VARINT } from './scan.ts';

/** Bytes a varint takes; `value` is a safe, non-negative integer. */
export function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) size++;
  return size;
}

export function tagSize(field: number): number {
  return varintSize(field * 8);
}

/** Size of a length-delimited field with its tag. */
export function lengthFieldSize(field: number, length: number): number {
  return tagSize(field) + varintSize(length) + length;
}

export function varintFieldSize(field: number, value: number): number {
  return tagSize(field) + varintSize(value);
}

export function stringFieldSize(field: number, text: string): number {
  return lengthFieldSize(field, Buffer.byteLength(text));
}

/** Writes protobuf's wire format into one buffer of exactly the right size, computed beforehand. */
export class Writer {
  readonly buffer: Buffer;
  position = 0;

  constructor(size: number) {
    this.buffer = Buffer.allocUnsafe(size);
  }

  /** The finished bytes. Fails when the size was computed wrongly: sending such a buffer would be worse. */
  finish(): Buffer {
    if (this.position !== this.buffer.length) {
      throw new RangeError(`wrote ${this.position} bytes where ${this.buffer.length} were computed`);
    }
    return this.buffer;
  }

  varint(value: number): void {
    let rest = value;
    while (rest >= 0x80) {
      this.buffer[this.position++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.buffer[this.position++] = rest;
  }

  tag(field: number, wireType: typeof VARINT | typeof FIXED64 | typeof LENGTH | typeof FIXED32): void {
    this.varint(field * 8 + wireType);
  }

  varintField(field: number, value: number): void {
    this.tag(field, VARINT);
    this.varint(value);
  }

  /** Tag and length; the content follows. */
  lengthField(field: number, length: number): void {
    this.tag(field, LENGTH);
    this.varint(length);
  }

  stringField(field: number, text: string): void {
    this.lengthField(field, Buffer.byteLength(text));
    this.position += this.buffer.write(text, this.position, 'utf8');
  }

  raw(source: Uint8Array, start: number, end: number): void {
    this.position += asBuffer(source).copy(this.buffer, this.position, start, end);
  }

  fill(value: number, count: number): void {
    this.buffer.fill(value, this.position, this.position + count);
    this.position += count;
  }
}
