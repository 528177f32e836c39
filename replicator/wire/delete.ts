import type { Key } from '../engine/change.ts';
import { stringFieldSize, Writer } from './writer.ts';

export interface DeleteInput {
  readonly database: string;
  readonly collection: string;
  /** Undefined or empty: all partitions. */
  readonly partition?: string | undefined;
  readonly keyField: string;
  readonly keys: readonly Key[];
}

/** Field numbers of milvus.DeleteRequest. */
const REQUEST = { database: 2, collection: 3, partition: 4, expr: 5 } as const;

/** Encodes a public DeleteRequest for rows by primary key: the form the server takes without a loaded collection. */
export function encodeDelete(input: DeleteInput): Buffer {
  const expr = keysExpression(input.keyField, input.keys);
  const partition = input.partition ?? '';
  const writer = new Writer(
    stringFieldSize(REQUEST.database, input.database) +
      stringFieldSize(REQUEST.collection, input.collection) +
      (partition === '' ? 0 : stringFieldSize(REQUEST.partition, partition)) +
      stringFieldSize(REQUEST.expr, expr),
  );
  writer.stringField(REQUEST.database, input.database);
  writer.stringField(REQUEST.collection, input.collection);
  if (partition !== '') writer.stringField(REQUEST.partition, partition);
  writer.stringField(REQUEST.expr, expr);
  return writer.finish();
}

/** `<field> in [<keys>]` in Milvus's expression language. */
export function keysExpression(keyField: string, keys: readonly Key[]): string {
  if (keys.length === 0) throw new RangeError('a delete needs at least one key');
  return `${keyField} in [${keys.map(keyLiteral).join(',')}]`;
}

const SMALLEST = -(2n ** 63n);

function keyLiteral(key: Key): string {
  if (typeof key === 'string') return stringLiteral(key);
  // The parser reads the digits first and the sign then, and the smallest int64 has no positive counterpart.
  return key === SMALLEST ? `${SMALLEST + 1n}-1` : key.toString();
}

// Milvus's lexer takes a quoted string without raw quotes, backslashes and line ends, and reads escapes as Go does.
const NEEDS_ESCAPE = /["\\\n\r]/g;
const ESCAPES: Readonly<Record<string, string>> = { '"': '\\"', '\\': '\\\\', '\n': '\\n', '\r': '\\r' };

function stringLiteral(text: string): string {
  return `"${text.replaceAll(NEEDS_ESCAPE, (char) => ESCAPES[char] ?? char)}"`;
}
