import { DataType } from '@zilliz/milvus2-sdk-node';
import { Table } from '../table.ts';
import type { Field } from '../values.ts';
import { type Actor, type ActorContext, makeMove } from './actor.ts';
import { BUCKET, flat, floatVector, INT64_KEY } from './fields.ts';

const TENANT: Field = { name: 'tenant', data_type: DataType.VarChar, max_length: 40, is_partition_key: true };

/** A collection with a partition key, whose rows find their partition by themselves. */
export function tenants(context: ActorContext): Actor {
  const { random, prefix } = context;
  const table = new Table(
    {
      database: 'default',
      name: `${prefix}_tenants`,
      fields: [INT64_KEY, BUCKET, TENANT, floatVector('vector', 8)],
      vectorIndex: flat('vector'),
      dynamic: true,
      partitionKeyPartitions: 8,
    },
    context,
  );
  return {
    name: 'tenants',
    tables: [table],
    prepare: () => table.create(),
    step: () =>
      makeMove(random, [
        [4, () => table.insertNew(random.int(1, 100))],
        [2, () => table.upsert(random.sample(table.rows.keys(), random.int(1, 50)))],
        [1, () => table.deleteKeys(random.sample(table.rows.keys(), random.int(1, 50)))],
      ]),
    finish: () => table.load(),
  };
}
