import { Table } from '../table.ts';
import { type Actor, type ActorContext, makeMove } from './actor.ts';
import { AUTO_KEY, BUCKET, floatVector, hnsw } from './fields.ts';

/** Keys that the source makes up; larger rows, and many. */
export function generatedKeys(context: ActorContext): Actor {
  const { random, prefix } = context;
  const table = new Table(
    {
      database: 'default',
      name: `${prefix}_generated_keys`,
      fields: [AUTO_KEY, BUCKET, floatVector('vector', 128)],
      vectorIndex: hnsw('vector', 16),
      shards: 2,
    },
    context,
  );
  return {
    name: 'generated keys',
    tables: [table],
    prepare: () => table.create(),
    step: () =>
      makeMove(random, [
        [4, () => table.insertNew(random.int(50, 300))],
        [1, () => table.deleteKeys(random.sample(table.rows.keys(), random.int(1, 100)))],
      ]),
    finish: () => table.load(),
  };
}
