import { DataType } from '@zilliz/milvus2-sdk-node';
import { Table, type TableSpec } from '../table.ts';
import { type Actor, type ActorContext, makeMove } from './actor.ts';
import { BUCKET, binaryFlat, binaryVector, floatVector, hnsw, INT64_KEY, VARCHAR_KEY } from './fields.ts';

/** One collection that is dropped and made again under the same name, at once, now and then with another schema. */
export function phoenix(context: ActorContext): Actor {
  const { random, prefix } = context;
  const at = { database: 'default', name: `${prefix}_phoenix` };
  const first: TableSpec = {
    ...at,
    fields: [INT64_KEY, BUCKET, floatVector('vector', 8)],
    vectorIndex: hnsw('vector'),
  };
  const other: TableSpec = {
    ...at,
    fields: [
      VARCHAR_KEY,
      BUCKET,
      { name: 'note', data_type: DataType.VarChar, max_length: 100 },
      binaryVector('bits', 32),
    ],
    vectorIndex: binaryFlat('bits'),
    dynamic: true,
    shards: 2,
  };
  let table = new Table(first, context);

  const rise = async () => {
    await table.drop();
    table = new Table(random.chance(0.6) ? other : first, context);
    await table.create();
    return table.insertNew(random.int(1, 50));
  };

  return {
    name: 'phoenix',
    get tables() {
      return [table];
    },
    prepare: () => table.create(),
    step: () =>
      makeMove(random, [
        [8, () => table.insertNew(random.int(1, 50))],
        [3, () => table.deleteKeys(random.sample(table.rows.keys(), random.int(1, 20)))],
        [1, rise],
      ]),
    finish: () => table.load(),
  };
}
