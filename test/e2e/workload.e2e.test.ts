import { expect, inject, test } from 'vitest';
import { readRows } from '../support/compare/read-rows.ts';
import { openSide } from '../support/compare/side.ts';
import { Workload } from '../support/workload/workload.ts';
import { dropAll } from './harness.ts';

// What the other tests compare with is the source. This one makes sure that the source is what the load says it is.
test('a source under the mixed load holds what was written, each row once', async () => {
  const address = inject('stack').source.milvusAddress;
  const prefix = `e2e_load_${Date.now().toString(36)}`;
  await using undo = new AsyncDisposableStack();
  const source = undo.use(await openSide(address));
  undo.defer(() => dropAll(source, prefix));
  const { tables, total } = await new Workload({ address, prefix, seed: 4_711, seconds: 20 }).run();
  for (const { spec, rows } of tables) {
    const { database, name, fields } = spec;
    const keys = new Set<string>();
    const keyField = fields[0]?.name ?? '';
    for await (const row of readRows(source, { database, name, keyField })) keys.add(String(row.key));
    expect(keys, `${database}.${name}`).toEqual(new Set(rows.keys()));
    expect(await source.raw.count({ database, collection: name }), `${database}.${name}`).toBe(rows.size);
  }
  expect(total.inserted).toBeGreaterThan(0);
});
