import type { Column, Key, Rows } from '../engine/change.ts';
import { MalformedRecordError } from './errors.ts';
import { readKeys } from './keys.ts';
import { LENGTH, Scanner, VARINT } from './scan.ts';

/** Field numbers of schema.FieldData. */
export const FIELD_DATA = {
  type: 1,
  name: 2,
  scalars: 3,
  vectors: 4,
  fieldId: 5,
  isDynamic: 6,
  validData: 7,
} as const;

export interface EncodedRowsOptions {
  readonly count: number;
  /** What keeping these rows costs, in bytes: usually the size of the record that holds them. */
  readonly bytes: number;
  /** One encoded schema.FieldData each; not copied. */
  readonly columns: readonly Uint8Array[];
}

/** Rows as a log insert (or a query's answer) carries them: encoded columns, of which only the names are read,
 *  and the primary keys when asked. Holds slices of the buffer the rows came in. */
export class EncodedRows implements Rows {
  readonly count: number;
  readonly bytes: number;
  readonly #encoded: readonly Uint8Array[];
  #columns: readonly Column[] | undefined;
  #keys: { readonly fieldId: number; readonly keys: readonly Key[] } | undefined;

  constructor(options: EncodedRowsOptions) {
    this.count = options.count;
    this.bytes = options.bytes;
    this.#encoded = options.columns;
  }

  get columns(): readonly Column[] {
    this.#columns ??= this.#encoded.map(readColumn);
    return this.#columns;
  }

  /** Fails with {@link MalformedRecordError} when there is no such column, when it holds no keys, or not `count`. */
  keys(fieldId: number): readonly Key[] {
    if (this.#keys?.fieldId === fieldId) return this.#keys.keys;
    const column = this.columns.find((candidate) => candidate.fieldId === fieldId);
    if (column === undefined)
      throw new MalformedRecordError(`the rows have no column with field id ${fieldId}`);
    const keys = readColumnKeys(column);
    if (keys.length !== this.count) {
      throw new MalformedRecordError(`${this.count} rows have ${keys.length} primary keys`);
    }
    this.#keys = { fieldId, keys };
    return keys;
  }
}

/** Reads name and field id of an encoded schema.FieldData. */
export function readColumn(data: Uint8Array): Column {
  let fieldId = 0;
  let name = '';
  const scan = new Scanner(data);
  while (scan.next()) {
    if (scan.field === FIELD_DATA.fieldId && scan.wireType === VARINT) fieldId = scan.number();
    else if (scan.field === FIELD_DATA.name && scan.wireType === LENGTH) name = scan.string();
    else scan.skip();
  }
  return { fieldId, name, data };
}

function readColumnKeys(column: Column): readonly Key[] {
  const scan = new Scanner(column.data);
  while (scan.next()) {
    if (scan.field === FIELD_DATA.scalars) return readKeys(scan.message(), { int64: 3, string: 6 });
    scan.skip();
  }
  throw new MalformedRecordError(`column ${column.name} is not of a primary key's type`);
}
