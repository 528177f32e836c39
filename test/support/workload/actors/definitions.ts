import { DataType } from '@zilliz/milvus2-sdk-node';
import { Table } from '../table.ts';
import type { Field } from '../values.ts';
import { type Actor, type ActorContext, makeMove } from './actor.ts';
import { BUCKET, flat, floatVector, hnsw, INT64_KEY } from './fields.ts';

const NUMBER: Field = { name: 'number', data_type: DataType.Int64 };
const SCALAR_INDEX = { field_name: 'number', index_name: 'number_sorted', index_type: 'STL_SORT' };

/** Few rows, whose indexes are made, dropped and made otherwise, and which are loaded and released. */
export function definitions(context: ActorContext): Actor {
  const { random, prefix } = context;
  const vectorIndexes = [flat('vector'), hnsw('vector', 8), hnsw('vector', 32)];
  const table = new Table(
    {
      database: 'default',
      name: `${prefix}_definitions`,
      fields: [INT64_KEY, BUCKET, NUMBER, floatVector('vector', 8)],
      vectorIndex: flat('vector'),
    },
    context,
  );
  let vectorIndex = flat('vector');
  let hasScalarIndex = false;

  const toggleScalarIndex = async () => {
    if (hasScalarIndex) {
      await table.release();
      await table.dropIndex('number', SCALAR_INDEX.index_name);
      await table.load();
    } else await table.createIndex(SCALAR_INDEX);
    hasScalarIndex = !hasScalarIndex;
    return 0;
  };
  const changeVectorIndex = async () => {
    await table.release();
    await table.dropIndex('vector', String(vectorIndex['index_name']));
    vectorIndex = random.pick(vectorIndexes);
    await table.createIndex(vectorIndex);
    await table.load();
    return 0;
  };
  const reload = async () => {
    await table.release();
    const touched = await table.insertNew(5);
    await table.load();
    return touched;
  };

  return {
    name: 'definitions',
    tables: [table],
    prepare: () => table.create(),
    step: () =>
      makeMove(random, [
        [6, () => table.insertNew(random.int(1, 20))],
        [2, () => table.deleteKeys(random.sample(table.rows.keys(), random.int(1, 5)))],
        [1, toggleScalarIndex],
        [1, changeVectorIndex],
        [1, reload],
      ]),
    finish: () => table.load(),
  };
}
