import type { Key } from '../engine/change.ts';
import { MalformedRecordError } from './errors.ts';
import { LENGTH, type Scanner } from './scan.ts';

/** Field numbers under which a message (schema.ScalarField, schema.IDs) holds a LongArray or a StringArray. */
export interface KeyFields {
  readonly int64: number;
  readonly string: number;
}

const REPLACEMENT = '\uFFFD';

/** Reads the primary keys out of a message that holds them as LongArray or StringArray.
 *  Fails with {@link MalformedRecordError} when it holds anything else. */
export function readKeys(scan: Scanner, fields: KeyFields): Key[] {
  const keys: Key[] = [];
  while (scan.next()) {
    if (scan.field === fields.int64) readInt64s(scan.message(), 1, keys);
    else if (scan.field === fields.string) readStrings(scan.message(), keys);
    else throw new MalformedRecordError('a primary key is neither an int64 nor a string');
  }
  return keys;
}

/** Appends the int64s of one repeated field, packed or not; other fields are passed over. */
export function readInt64s(scan: Scanner, field: number, into: Key[]): void {
  while (scan.next()) {
    if (scan.field !== field) scan.skip();
    else appendInt64s(scan, into);
  }
}

/** Appends the int64s of the current occurrence of a repeated field. */
export function appendInt64s(scan: Scanner, into: Key[]): void {
  if (scan.wireType === LENGTH) {
    const end = scan.open();
    while (scan.position < end) into.push(scan.packedInt64());
    if (scan.position > end) throw new MalformedRecordError('a packed number crosses its end');
  } else {
    into.push(scan.int64());
  }
}

function readStrings(scan: Scanner, into: Key[]): void {
  while (scan.next()) {
    if (scan.field !== 1) {
      scan.skip();
      continue;
    }
    const start = scan.position;
    const text = scan.string();
    // A key that does not survive decoding would be another key at the target.
    if (text.includes(REPLACEMENT) && !isFaithful(text, scan, start)) {
      throw new MalformedRecordError('a primary key is not valid UTF-8');
    }
    into.push(text);
  }
}

function isFaithful(text: string, scan: Scanner, fieldStart: number): boolean {
  const encoded = Buffer.from(text, 'utf8');
  const { buffer, position } = scan;
  return (
    position - fieldStart > encoded.length &&
    buffer.compare(encoded, 0, encoded.length, position - encoded.length, position) === 0
  );
}
