import type { Timestamp } from '../engine/change.ts';
import { type MalformedEvidence, MalformedRecordError } from './errors.ts';
import { LENGTH, type Scanner } from './scan.ts';

export interface RowTimes {
  readonly timestamp: Timestamp;
  readonly mixedTimestamps: boolean;
}

/** Reads the time of an insert or delete: its field 10 has one timestamp per row, all equal, so they are compared as
 *  bytes and only one is decoded. Without any, the base's time counts (an upsert's insert has no base time). */
export function readTimestamps(baseTimestamp: Timestamp): TimestampReader {
  return new TimestampReader(baseTimestamp);
}

export class TimestampReader {
  readonly #base: Timestamp;
  #count = 0;
  #smallest: Timestamp = 0n;
  #mixed = false;

  constructor(baseTimestamp: Timestamp) {
    this.#base = baseTimestamp;
  }

  /** Takes the current occurrence of the repeated field, packed or not. */
  read(scan: Scanner): void {
    if (scan.wireType !== LENGTH) {
      this.#take(scan.uint64(), 1);
      return;
    }
    const end = scan.open();
    const start = scan.position;
    if (start === end) return;
    const first = scan.packedUint64();
    const width = scan.position - start;
    if (repeats(scan.buffer, { start, end, width })) {
      this.#take(first, (end - start) / width);
      scan.seek(end);
      return;
    }
    this.#take(first, 1);
    while (scan.position < end) this.#take(scan.packedUint64(), 1);
  }

  /** Fails when there is no time at all, or not one per row. */
  result(rows: number, evidence: MalformedEvidence): RowTimes {
    if (this.#count === 0) {
      if (this.#base === 0n) throw new MalformedRecordError('the rows have no timestamp', evidence);
      return { timestamp: this.#base, mixedTimestamps: false };
    }
    if (this.#count !== rows) {
      throw new MalformedRecordError(`${rows} rows have ${this.#count} timestamps`, evidence);
    }
    return { timestamp: this.#smallest, mixedTimestamps: this.#mixed };
  }

  #take(timestamp: Timestamp, count: number): void {
    if (this.#count > 0 && timestamp !== this.#smallest) this.#mixed = true;
    if (this.#count === 0 || timestamp < this.#smallest) this.#smallest = timestamp;
    this.#count += count;
  }
}

interface Repetition {
  readonly start: number;
  readonly end: number;
  readonly width: number;
}

/** Whether the bytes are the first `width` ones over and over: then each equals the one `width` before it. */
function repeats(buffer: Buffer, { start, end, width }: Repetition): boolean {
  if ((end - start) % width !== 0) return false;
  return buffer.compare(buffer, start, end - width, start + width, end) === 0;
}
