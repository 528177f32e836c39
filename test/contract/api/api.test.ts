import { describeChecks } from './checks.kit.ts';
import { describeCreate } from './create.kit.ts';
import { describeLifecycle } from './lifecycle.kit.ts';
import { describePosition } from './position.kit.ts';
import { describeScope } from './scope.kit.ts';
import { memoryStores, sqliteStores } from './stores.ts';
import { describeTransport } from './transport.kit.ts';
import type { MakeStores } from './world.ts';

/** What clients of milvus-cdc rely on, statement by statement, through the real handler. The numbers in the tests' names
 *  are those of the list in functions/cdc/API.md and stay what they are. 80–85 are in test/e2e: data needs two real
 *  servers. */
const STORES: readonly (readonly [name: string, makeStores: MakeStores])[] = [
  ['memory', memoryStores],
  ['SQLite', sqliteStores],
];

for (const [name, makeStores] of STORES) {
  describeTransport(name, makeStores);
  describeCreate(name, makeStores);
  describeChecks(name, makeStores);
  describeScope(name, makeStores);
  describeLifecycle(name, makeStores);
  describePosition(name, makeStores);
}
