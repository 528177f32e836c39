import {
  type BatchWriteItemCommand,
  type DynamoDBClient,
  type QueryCommand,
  TransactionCanceledException,
  TransactionConflictException,
  TransactWriteItemsCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { describe, expect, test, vi } from 'vitest';
import { DynamoTable } from '#shared/store/dynamodb/dynamo-table.ts';
import { key } from '#shared/store/dynamodb/keys.ts';
import { ConflictError, StoreUnavailableError } from '#shared/store/task-store.ts';

/** A client that answers as the script says; what a local server cannot be brought to do. */
function scripted(...answers: (object | Error)[]) {
  const send = vi.fn(async (_command: unknown) => {
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    if (answer instanceof Error) throw answer;
    return answer;
  });
  const client = { send, destroy: () => {} };
  return { table: new DynamoTable(client as unknown as DynamoDBClient, 't'), send };
}

const conflict = () => new TransactionConflictException({ message: 'm', $metadata: {} });
const canceled = (Code: string) =>
  new TransactionCanceledException({ message: 'm', $metadata: {}, CancellationReasons: [{ Code }] });
const expression = { update: 'SET #a = :a', names: { a: 'a' }, values: { a: 1 } };
const tooSlow = { timeout: 20_000 };

describe('a write with others in the way', () => {
  test('is repeated until it gets through', async () => {
    const { table, send } = scripted(conflict(), conflict(), { Attributes: { a: { N: '1' } } });
    expect(await table.update(key.run('t'), expression)).toEqual({ a: 1 });
    expect(send.mock.calls.every(([c]) => c instanceof UpdateItemCommand)).toBe(true);
    expect(send).toHaveBeenCalledTimes(3);
  });

  test('is repeated as a transaction under another token each time', async () => {
    const { table, send } = scripted(canceled('TransactionConflict'), {});
    expect(await table.transact([{ delete: key.run('t') }])).toBeUndefined();
    expect(send.mock.calls.every(([c]) => c instanceof TransactWriteItemsCommand)).toBe(true);
    expect(send).toHaveBeenCalledTimes(2);
  });

  test('fails after a bounded time', tooSlow, async () => {
    const { table } = scripted(canceled('TransactionConflict'));
    await expect(table.transact([{ delete: key.run('t') }])).rejects.toBeInstanceOf(ConflictError);
  });

  test('is not repeated when a condition failed', async () => {
    const { table, send } = scripted(canceled('ConditionalCheckFailed'));
    expect(await table.transact([{ delete: key.run('t') }])).toEqual([
      { failed: true, item: undefined, old: undefined },
    ]);
    expect(send).toHaveBeenCalledTimes(1);
  });
});

describe('many keys', () => {
  const keys = Array.from({ length: 60 }, (_, i) => key.object('t', 'i', `${i}`));

  test('are deleted in batches of 25', async () => {
    const { table, send } = scripted({});
    await table.deleteAll(keys);
    const sizes = send.mock.calls.map(
      ([c]) => (c as BatchWriteItemCommand).input.RequestItems?.['t']?.length,
    );
    expect(sizes).toEqual([25, 25, 10]);
  });

  test('that were left undone are deleted again', async () => {
    const left = {
      UnprocessedItems: { t: [{ DeleteRequest: { Key: { pk: { S: 'p' }, sk: { S: 's' } } } }] },
    };
    const { table, send } = scripted(left, {});
    await table.deleteAll(keys.slice(0, 3));
    const second = send.mock.calls[1]?.[0] as BatchWriteItemCommand;
    expect(second.input.RequestItems?.['t']).toEqual(left.UnprocessedItems.t);
  });

  test('that are left undone for ever fail after a bounded number of rounds', tooSlow, async () => {
    const left = {
      UnprocessedItems: { t: [{ DeleteRequest: { Key: { pk: { S: 'p' }, sk: { S: 's' } } } }] },
    };
    const { table, send } = scripted(left);
    await expect(table.deleteAll(keys.slice(0, 3))).rejects.toBeInstanceOf(StoreUnavailableError);
    expect(send.mock.calls.length).toBeLessThan(10);
  });
});

test('a query goes on from page to page, consistently', async () => {
  const last = { pk: { S: 'p' }, sk: { S: '1' } };
  const { table, send } = scripted(
    { Items: [{ n: { N: '1' } }], LastEvaluatedKey: last },
    { Items: [], LastEvaluatedKey: last },
    { Items: [{ n: { N: '2' } }] },
  );
  expect(await table.query('p', 'prefix')).toEqual([{ n: 1 }, { n: 2 }]);
  const inputs = send.mock.calls.map(([c]) => (c as QueryCommand).input);
  expect(inputs.map((i) => i.ExclusiveStartKey)).toEqual([undefined, last, last]);
  expect(inputs.every((i) => i.ConsistentRead)).toBe(true);
});
