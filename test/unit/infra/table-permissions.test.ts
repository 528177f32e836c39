import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { expect, test } from 'vitest';
import { DynamoTaskStore } from '#shared/store/dynamodb/dynamo-task-store.ts';
import type { Fence, TaskStore } from '#shared/store/task-store.ts';
import {
  sampleClaim,
  sampleDatabase,
  sampleObject,
  sampleTask,
  sampleUpdate,
} from '../../support/fakes/task-samples.ts';
import { type Statement, statementsOf } from './policies.ts';
import { synth } from './synth.ts';

/** What the store asks of DynamoDB, held against the policy of whoever uses it. */

interface Access {
  readonly action: string;
  /** The partition. */
  readonly leadingKey: string;
}

interface Input {
  readonly Key?: { readonly pk: { readonly S: string } };
  readonly Item?: { readonly pk: { readonly S: string } };
  readonly ExpressionAttributeValues?: { readonly ':pk'?: { readonly S: string } };
  readonly TransactItems?: readonly Readonly<Record<string, Input>>[];
}

/** The rights that a request needs; a transaction needs those of its parts. */
function accessesOf(command: {
  readonly constructor: { readonly name: string };
  readonly input: Input;
}): readonly Access[] {
  const name = command.constructor.name.replace(/Command$/, '');
  const parts = command.input.TransactItems?.flatMap((item) => Object.entries(item)) ?? [
    [name, command.input],
  ];
  return (parts as readonly (readonly [string, Input])[]).map(([verb, input]) => ({
    action: `dynamodb:${verb === 'Query' ? verb : `${verb.replace(/Item$/, '')}Item`}`,
    leadingKey: (input.Key ?? input.Item)?.pk.S ?? input.ExpressionAttributeValues?.[':pk']?.S ?? '',
  }));
}

function isAllowed(statements: readonly Statement[], { action, leadingKey }: Access): boolean {
  return statements.some(({ actions, condition }) => {
    const patterns = (condition as Record<string, Record<string, string[]>> | undefined)?.[
      'ForAllValues:StringLike'
    ];
    const keys = patterns?.['dynamodb:LeadingKeys'];
    const matches =
      keys?.some((key) => new RegExp(`^${key.replaceAll('*', '.*')}$`).test(leadingKey)) ?? true;
    return actions.includes(action) && matches;
  });
}

/** Everything that the calls ask for; what they answer is of no interest. */
async function recorded(
  calls: (store: TaskStore) => readonly Promise<unknown>[],
): Promise<readonly Access[]> {
  const accesses: Access[] = [];
  const client = {
    send: async (command: Parameters<typeof accessesOf>[0]) => {
      accesses.push(...accessesOf(command));
      return {};
    },
    destroy: () => undefined,
  } as unknown as DynamoDBClient;
  await Promise.allSettled(calls(new DynamoTaskStore({ client, table: 'table' })));
  return accesses;
}

const task = sampleTask();
const fence: Fence = { taskId: task.id, incarnation: task.incarnation, owner: 'owner', epoch: 1 };

/** Everything that a replicator asks of the store; see replicator/runtime. */
function asReplicator(store: TaskStore): readonly Promise<unknown>[] {
  return [
    store.getTask(task.id),
    store.getScope(task.targetIdentity),
    store.listTombstones(),
    store.getLaunch(task.id),
    store.getRun(task.id),
    store.acquireLease(sampleClaim(task), undefined),
    store.renewLease(fence, sampleUpdate()),
    store.releaseLease(fence, sampleUpdate(), 'drained'),
    store.listObjects(task),
    store.putObject(fence, sampleObject(task)),
    store.deleteObject(fence, '1'),
    store.listDatabases(task),
    store.putDatabase(fence, sampleDatabase(task)),
    store.deleteDatabase(fence, 'name'),
    store.getLogLevel(),
  ];
}

const replicator = statementsOf(synth(), 'FleetBaseTaskRole');

test('a replicator may do all that it does to the table', async () => {
  const accesses = await recorded(asReplicator);
  expect(new Set(accesses.map(({ action }) => action)).size).toBeGreaterThan(5);
  expect(accesses.filter((access) => !isAllowed(replicator, access))).toEqual([]);
});

test('a replicator may change no task, no scope and no setting', async () => {
  const accesses = await recorded((store) => [
    store.createTask(task, { maxTasks: 1, seen: 0 }),
    store.setDesired(task, 'Paused', ''),
    store.setLogLevel('debug'),
  ]);
  const writes = accesses.filter(({ action }) => /Put|Update|Delete/.test(action));
  expect(writes.length).toBeGreaterThan(3);
  expect(writes.filter((access) => isAllowed(replicator, access))).toEqual([]);
});
