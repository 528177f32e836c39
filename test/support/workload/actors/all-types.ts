import { DEFAULT_PARTITION, type Key, MAX_BUCKET, Table } from '../table.ts';
import { type Actor, type ActorContext, makeMove } from './actor.ts';
import { ALL_SCALARS, BUCKET, floatVector, hnsw, INT64_KEY } from './fields.ts';

const MAX_PARTITIONS = 4;
const BATCH = 60;

/** Every scalar type, JSON, arrays and a dynamic field, in two shards and in partitions that come and go. */
export function allTypes(context: ActorContext): Actor {
  const { random, prefix } = context;
  const fields = [INT64_KEY, BUCKET, ...ALL_SCALARS, floatVector('vector', 16)];
  const table = new Table(
    {
      database: 'default',
      name: `${prefix}_all_types`,
      fields,
      vectorIndex: hnsw('vector'),
      dynamic: true,
      shards: 2,
      properties: { 'collection.ttl.seconds': '864000' },
    },
    context,
  );
  const partitions = [DEFAULT_PARTITION];
  let made = 0;

  const createPartition = async () => {
    if (partitions.length > MAX_PARTITIONS) return dropPartition();
    made += 1;
    await table.createPartition(`part_${made}`);
    partitions.push(`part_${made}`);
    return table.insertNew(BATCH, `part_${made}`);
  };
  const dropPartition = async () => {
    const name = partitions.length > 1 ? random.pick(partitions.slice(1)) : undefined;
    if (name === undefined) return 0;
    partitions.splice(partitions.indexOf(name), 1);
    await table.dropPartition(name);
    return 0;
  };
  const upsert = () => {
    const partition = random.pick(partitions);
    return table.upsert(random.sample(keysIn(table, partition), BATCH), partition);
  };

  return {
    name: 'all types',
    tables: [table],
    prepare: () => table.create(),
    step: () =>
      makeMove(random, [
        [10, () => table.insertNew(random.int(1, 2 * BATCH), random.pick(partitions))],
        [5, upsert],
        [3, () => table.deleteKeys(random.sample(table.rows.keys(), random.int(1, BATCH)))],
        [1, () => table.deleteBucket(random.int(0, MAX_BUCKET))],
        [1.2, createPartition],
        [0.8, dropPartition],
      ]),
    finish: () => table.load(),
  };
}

function keysIn(table: Table, partition: string): readonly Key[] {
  return [...table.rows].filter(([, row]) => row.partition === partition).map(([key]) => key);
}
