import { type Key, Table } from '../table.ts';
import { type Actor, type ActorContext, makeMove } from './actor.ts';
import { BUCKET, binaryFlat, binaryVector, VARCHAR_KEY } from './fields.ts';

/** So few that each key is written again and again. */
const KEYS: readonly Key[] = Array.from({ length: 300 }, (_, index) => `code-${index}`);

/** Text keys, binary vectors, and the same keys inserted, upserted, deleted and inserted again, often in one breath: what
 *  is left depends on the order. */
export function churn(context: ActorContext): Actor {
  const { random, prefix } = context;
  const table = new Table(
    {
      database: 'default',
      name: `${prefix}_churn`,
      fields: [VARCHAR_KEY, BUCKET, binaryVector('bits', 64)],
      vectorIndex: binaryFlat('bits'),
    },
    context,
  );
  const some = (keys: Iterable<Key>) => random.sample(keys, random.int(1, 40));
  const absent = () => KEYS.filter((key) => !table.rows.has(key));

  const replace = async () => {
    const keys = some(table.rows.keys());
    return (await table.deleteKeys(keys)) + (await table.insert(keys));
  };
  const overwrite = async () => {
    const keys = some(KEYS);
    let touched = 0;
    for (let times = random.int(2, 4); times > 0; times -= 1) touched += await table.upsert(keys);
    return touched;
  };

  return {
    name: 'churn',
    tables: [table],
    prepare: () => table.create(),
    step: () =>
      makeMove(random, [
        [4, () => table.insert(some(absent()))],
        [4, () => table.deleteKeys(some(table.rows.keys()))],
        [4, replace],
        [4, overwrite],
      ]),
    finish: () => table.load(),
  };
}
