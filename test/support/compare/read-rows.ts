import { type Cell, cellsOf, compareKeys } from './cells.ts';
import { type Place, placeText, type Side } from './side.ts';

export interface Row {
  readonly key: Cell;
  /** All fields by name, the key and `$meta` included. */
  readonly cells: ReadonlyMap<string, Cell>;
}

export interface ReadOptions extends Place {
  readonly keyField: string;
  /** Rows per query. @default 1000 */
  readonly pageSize?: number | undefined;
}

/** Every row in the order of the key, by pages of "greater than the last", strongly consistent.
 *  **Invariant:** the keys ascend; a server that answers otherwise would make rows disappear, so that is an error.
 *  Rows with the same key come once: `count(*)` shows the rest. */
export async function* readRows(side: Side, options: ReadOptions): AsyncGenerator<Row> {
  const { database, name, keyField, pageSize = 1_000 } = options;
  let last: Cell;
  for (;;) {
    const columns = await side.raw.query({
      database,
      collection: name,
      expression: last === undefined ? '' : `${keyField} > ${literal(last)}`,
      outputFields: ['*'],
      limit: pageSize,
    });
    const byName = new Map(columns.map((column) => [column.fieldName, cellsOf(column)]));
    const keys = byName.get(keyField) ?? [];
    if (keys.length === 0) return;
    for (const [field, cells] of byName) {
      if (cells.length === keys.length) continue;
      throw new Error(`${placeText(options)}: ${cells.length} values of ${field} for ${keys.length} keys`);
    }
    for (const [index, key] of keys.entries()) {
      if (last !== undefined && compareKeys(last, key) >= 0) {
        throw new Error(
          `${placeText(options)}: the server answered key ${String(key)} after ${String(last)}`,
        );
      }
      last = key;
      yield { key, cells: new Map([...byName].map(([field, cells]) => [field, cells[index]])) };
    }
  }
}

function literal(key: Cell): string {
  return typeof key === 'string' ? JSON.stringify(key) : String(key);
}
