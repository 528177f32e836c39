import { setTimeout as sleep } from 'node:timers/promises';
import {
  type AttributeValue,
  BatchWriteItemCommand,
  type DynamoDBClient,
  GetItemCommand,
  QueryCommand,
  TransactWriteItemsCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb';
import { ConflictError, StoreUnavailableError } from '../task-store.ts';
import {
  type FailedCondition,
  failedConditions,
  isConditionFailure,
  isConflict,
  toStoreError,
} from './dynamo-errors.ts';
import type { Key } from './keys.ts';
import { type Expression, type Item, type Statement, texts, transactItem } from './statements.ts';
import { TABLE_KEYS } from './table.ts';

/** One request with the SDK's own retries ends by then. */
const REQUEST_MS = 5_000;
/** How long a write is tried again while other writes stand in its way. */
const CONFLICT_MS = 3_000;
const BATCH_SIZE = 25;
const BATCH_ROUNDS = 8;

/** The few verbs that the store needs of DynamoDB, each bounded in time; failures that mean "away" are
 *  {@link StoreUnavailableError}, writes that others stand in the way of are repeated and then a {@link ConflictError}.
 *  Reads are consistent. */
export class DynamoTable {
  readonly #client: DynamoDBClient;
  readonly #table: string;
  #closed = false;

  constructor(client: DynamoDBClient, table: string) {
    this.#client = client;
    this.#table = table;
  }

  async get(key: Key): Promise<Item | undefined> {
    const answer = await this.#send((options) =>
      this.#client.send(
        new GetItemCommand({ TableName: this.#table, Key: marshall(key), ConsistentRead: true }),
        options,
      ),
    );
    return answer.Item && unmarshall(answer.Item);
  }

  /** All items of a partition whose sort key begins with `prefix`, in its order, page after page. */
  async query(partition: string, prefix = '', only?: readonly string[]): Promise<Item[]> {
    const items: Item[] = [];
    let from: Record<string, AttributeValue> | undefined;
    do {
      const answer = await this.#send((options) =>
        this.#client.send(
          new QueryCommand({
            TableName: this.#table,
            ConsistentRead: true,
            KeyConditionExpression: prefix === '' ? '#pk = :pk' : '#pk = :pk AND begins_with(#sk, :sk)',
            ...(only && { ProjectionExpression: only.map((_, i) => `#only${i}`).join(', ') }),
            ...texts({
              names: {
                pk: TABLE_KEYS.partitionKey,
                ...(prefix !== '' && { sk: TABLE_KEYS.sortKey }),
                ...Object.fromEntries((only ?? []).map((name, i) => [`only${i}`, name])),
              },
              values: { pk: partition, ...(prefix !== '' && { sk: prefix }) },
            }),
            ExclusiveStartKey: from,
          }),
          options,
        ),
      );
      for (const item of answer.Items ?? []) items.push(unmarshall(item));
      from = answer.LastEvaluatedKey;
    } while (from !== undefined);
    return items;
  }

  /** Answers the item as the update left it, or undefined when its condition failed. */
  async update(key: Key, by: Expression): Promise<Item | undefined> {
    try {
      const answer = await this.#write((options) =>
        this.#client.send(
          new UpdateItemCommand({
            TableName: this.#table,
            Key: marshall(key),
            UpdateExpression: by.update,
            ConditionExpression: by.condition,
            ...texts(by),
            ReturnValues: 'ALL_NEW',
          }),
          options,
        ),
      );
      return unmarshall(answer.Attributes ?? {});
    } catch (error) {
      if (isConditionFailure(error)) return undefined;
      throw toStoreError(error);
    }
  }

  /** All statements or none. Answers undefined when written, else for each statement whether its condition failed, with
   *  the item as it was. The SDK repeats a request whose answer was lost under the same token, so it is executed once. */
  async transact(
    statements: readonly Statement[],
  ): Promise<readonly (FailedCondition & { old: Item | undefined })[] | undefined> {
    try {
      await this.#write((options) =>
        this.#client.send(
          new TransactWriteItemsCommand({
            TransactItems: statements.map((s) => transactItem(this.#table, s)),
          }),
          options,
        ),
      );
      return undefined;
    } catch (error) {
      const failed = failedConditions(error);
      if (failed === undefined) throw toStoreError(error);
      return failed.map((f) => ({ ...f, old: f.item && unmarshall(f.item) }));
    }
  }

  /** Deletes without conditions, a bounded number of times what DynamoDB leaves undone. */
  async deleteAll(keys: readonly Key[]): Promise<void> {
    for (let at = 0; at < keys.length; at += BATCH_SIZE)
      await this.#deleteBatch(keys.slice(at, at + BATCH_SIZE));
  }

  close(): void {
    this.#closed = true;
    this.#client.destroy();
  }

  async #deleteBatch(keys: readonly Key[]): Promise<void> {
    let left = keys.map((key) => ({ DeleteRequest: { Key: marshall(key) } }));
    for (let round = 0; left.length > 0; round++) {
      if (round === BATCH_ROUNDS) throw new StoreUnavailableError('the store deletes too slowly');
      if (round > 0) await sleep(backoff(round));
      const answer = await this.#send((options) =>
        this.#client.send(new BatchWriteItemCommand({ RequestItems: { [this.#table]: left } }), options),
      );
      left = (answer.UnprocessedItems?.[this.#table] ?? []) as typeof left;
    }
  }

  /** Like {@link #send}, and again while other writes are in the way. Other errors pass as the SDK made them. */
  async #write<T>(request: (options: RequestOptions) => Promise<T>): Promise<T> {
    const giveUpAt = performance.now() + CONFLICT_MS;
    for (let round = 1; ; round++) {
      this.#open();
      try {
        return await request({ abortSignal: AbortSignal.timeout(REQUEST_MS) });
      } catch (error) {
        if (!isConflict(error)) throw error;
        if (performance.now() > giveUpAt) {
          throw new ConflictError('other writes were in the way for too long', { cause: error });
        }
      }
      await sleep(backoff(round));
    }
  }

  async #send<T>(request: (options: RequestOptions) => Promise<T>): Promise<T> {
    this.#open();
    try {
      return await request({ abortSignal: AbortSignal.timeout(REQUEST_MS) });
    } catch (error) {
      throw toStoreError(error);
    }
  }

  #open(): void {
    if (this.#closed) throw new StoreUnavailableError('the store is closed');
  }
}

interface RequestOptions {
  readonly abortSignal: AbortSignal;
}

/** Milliseconds: 10, 20, 40 … up to 400, of which a random part, so that two writers part. */
function backoff(round: number): number {
  return Math.random() * Math.min(400, 10 * 2 ** round);
}
