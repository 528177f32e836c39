import { expect, inject, test } from 'vitest';
import { readRows } from '../support/compare/read-rows.ts';
import { openSide } from '../support/compare/side.ts';
import { ok } from '../support/milvus/connect.ts';
import { Workload } from '../support/workload/workload.ts';

// What the other tests compare with is the source. This one makes sure that the source is what the load says it is.
test('a source under the mixed load holds what was written, each row once', async () => {
  const address = inject('stack').source.milvusAddress;
  const prefix = `e2e_load_${Date.now().toString(36)}`;
  const { tables, total } = await new Workload({ address, prefix, seed: 4_711, seconds: 20 }).run();
  await using source = await openSide(address);
  for (const { spec, rows } of tables) {
    const { database, name, fields } = spec;
    const keys = new Set<string>();
    const keyField = fields[0]?.name ?? '';
    for await (const row of readRows(source, { database, name, keyField })) keys.add(String(row.key));
    expect(keys, `${database}.${name}`).toEqual(new Set(rows.keys()));
    expect(await source.raw.count({ database, collection: name }), `${database}.${name}`).toBe(rows.size);
    await ok('drop', source.sdk.dropCollection({ db_name: database, collection_name: name }));
  }
  await ok('drop', source.sdk.dropDatabase({ db_name: `${prefix}_db` }));
  expect(total.inserted).toBeGreaterThan(0);
});
