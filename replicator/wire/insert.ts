import type { Column, Rows } from '../engine/change.ts';
import { ColumnJoin } from './column-join.ts';
import { ColumnMismatchError } from './errors.ts';
import { stringFieldSize, varintFieldSize, Writer } from './writer.ts';

export interface InsertInput {
  readonly database: string;
  readonly collection: string;
  /** Undefined or empty: the server chooses. */
  readonly partition?: string | undefined;
  /** At least one row in all. */
  readonly parts: readonly Rows[];
  /** Names of columns to leave out. */
  readonly omit?: ReadonlySet<string> | undefined;
}

/** Field numbers of milvus.InsertRequest and milvus.UpsertRequest. */
const REQUEST = { database: 2, collection: 3, partition: 4, columns: 5, rowCount: 7 } as const;

/** Encodes a public InsertRequest (or UpsertRequest: the layout is the same) that holds the rows of all parts in
 *  their order, splicing the encoded columns without decoding them: one allocation, one copy of each byte.
 *  Columns are matched by name. Fails with {@link ColumnMismatchError} when the parts do not fit together and with
 *  MalformedRecordError when a column cannot be read. */
export function encodeInsert(input: InsertInput): Buffer {
  const parts = input.parts.filter((part) => part.count > 0);
  const rowCount = parts.reduce((sum, part) => sum + part.count, 0);
  const columns = joinColumns(parts, input.omit);
  const partition = input.partition ?? '';
  let size =
    stringFieldSize(REQUEST.database, input.database) +
    stringFieldSize(REQUEST.collection, input.collection) +
    (partition === '' ? 0 : stringFieldSize(REQUEST.partition, partition)) +
    varintFieldSize(REQUEST.rowCount, rowCount);
  for (const column of columns) size += column.size(REQUEST.columns);

  const writer = new Writer(size);
  writer.stringField(REQUEST.database, input.database);
  writer.stringField(REQUEST.collection, input.collection);
  if (partition !== '') writer.stringField(REQUEST.partition, partition);
  for (const column of columns) column.write(REQUEST.columns, writer);
  writer.varintField(REQUEST.rowCount, rowCount);
  return writer.finish();
}

function joinColumns(parts: readonly Rows[], omit: ReadonlySet<string> | undefined): readonly ColumnJoin[] {
  const [first] = parts;
  if (first === undefined) throw new RangeError('a request needs at least one row');
  const wanted = (rows: Rows): readonly Column[] =>
    omit === undefined || omit.size === 0 ? rows.columns : rows.columns.filter(({ name }) => !omit.has(name));
  const leading = wanted(first);
  const joins = leading.map((column) => new ColumnJoin(column));
  for (const [index, part] of parts.entries()) {
    const columns = wanted(part);
    for (const [place, join] of joins.entries()) {
      join.add(sameColumn(leading[place], { columns, place, part: index }), part.count);
    }
    if (columns.length !== joins.length) refuseSurplus(leading, columns, index);
  }
  return joins;
}

interface Candidates {
  readonly columns: readonly Column[];
  /** Where the column stands in part 0, and usually here. */
  readonly place: number;
  readonly part: number;
}

function sameColumn(wanted: Column | undefined, { columns, place, part }: Candidates): Column {
  const name = wanted?.name ?? '';
  const here = columns[place];
  if (here?.name === name) return here;
  const found = columns.find((column) => column.name === name);
  if (found === undefined) throw new ColumnMismatchError('missing-column', name, part, 'it is missing');
  return found;
}

function refuseSurplus(leading: readonly Column[], columns: readonly Column[], part: number): never {
  const names = new Set(leading.map(({ name }) => name));
  const surplus = columns.find(({ name }) => !names.has(name));
  const [name, detail] =
    surplus === undefined ? ['?', 'a column comes twice'] : [surplus.name, 'part 0 lacks it'];
  throw new ColumnMismatchError('missing-column', name, part, detail);
}
