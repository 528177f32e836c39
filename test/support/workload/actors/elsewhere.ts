import { ok } from '../../milvus/connect.ts';
import { countDefinition } from '../counts.ts';
import { MAX_BUCKET, Table } from '../table.ts';
import { type Actor, type ActorContext, makeMove } from './actor.ts';
import { BUCKET, flat, floatVector, INT64_KEY } from './fields.ts';

/** A database of its own, with a collection whose name the default database has, too. */
export function elsewhere(context: ActorContext): Actor {
  const { random, prefix, client, counts } = context;
  const database = `${prefix}_db`;
  const table = new Table(
    {
      database,
      name: `${prefix}_churn`,
      fields: [INT64_KEY, BUCKET, floatVector('vector', 8)],
      vectorIndex: flat('vector'),
    },
    context,
  );
  return {
    name: 'elsewhere',
    tables: [table],
    prepare: async () => {
      await ok('create database', client.createDatabase({ db_name: database }));
      countDefinition(counts, 'createDatabase');
      await table.create();
    },
    step: () =>
      makeMove(random, [
        [6, () => table.insertNew(random.int(1, 100))],
        [2, () => table.deleteKeys(random.sample(table.rows.keys(), random.int(1, 50)))],
        [1, () => table.deleteBucket(random.int(0, MAX_BUCKET))],
      ]),
    finish: () => table.load(),
  };
}
