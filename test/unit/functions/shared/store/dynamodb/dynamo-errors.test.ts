import {
  ConditionalCheckFailedException,
  DynamoDBServiceException,
  TransactionCanceledException,
} from '@aws-sdk/client-dynamodb';
import { describe, expect, test } from 'vitest';
import { failedConditions, isConflict, toStoreError } from '#shared/store/dynamodb/dynamo-errors.ts';
import { StoreUnavailableError } from '#shared/store/task-store.ts';

const canceled = (...codes: string[]) =>
  new TransactionCanceledException({
    message: 'm',
    $metadata: {},
    CancellationReasons: codes.map((Code) => ({ Code })),
  });
const service = (name: string) =>
  new DynamoDBServiceException({ name, message: 'm', $metadata: {}, $fault: 'client' });
const system = (code: string) => Object.assign(new Error('m'), { code });
const named = (name: string) => Object.assign(new Error('m'), { name });

describe('writes of others in the way', () => {
  test.each([
    canceled('None', 'TransactionConflict'),
    service('TransactionConflictException'),
    service('TransactionInProgressException'),
  ])('are tried again after: %s', (error) => {
    expect(isConflict(error)).toBe(true);
  });

  test.each([
    canceled('ConditionalCheckFailed', 'TransactionConflict'),
    canceled('ConditionalCheckFailed'),
    canceled('ThrottlingError'),
    new ConditionalCheckFailedException({ message: 'm', $metadata: {} }),
    service('ThrottlingException'),
    new Error('m'),
  ])('are not what this is: %s', (error) => {
    expect(isConflict(error)).toBe(false);
  });
});

describe('failed conditions', () => {
  test('are told by statement, with the items as they were', () => {
    const error = new TransactionCanceledException({
      message: 'm',
      $metadata: {},
      CancellationReasons: [
        { Code: 'None' },
        { Code: 'ConditionalCheckFailed', Item: { pk: { S: 'x' } } },
        { Code: 'TransactionConflict' },
      ],
    });
    expect(failedConditions(error)).toEqual([
      { failed: false, item: undefined },
      { failed: true, item: { pk: { S: 'x' } } },
      { failed: false, item: undefined },
    ]);
  });

  test.each([
    canceled('TransactionConflict'),
    canceled('ThrottlingError'),
    service('x'),
    new Error('m'),
    'text',
  ])('are none in %s', (error) => {
    expect(failedConditions(error)).toBeUndefined();
  });
});

describe('a store that is away', () => {
  test.each([
    service('ThrottlingException'),
    service('ProvisionedThroughputExceededException'),
    service('RequestLimitExceeded'),
    service('InternalServerError'),
    service('ResourceNotFoundException'),
    service('AccessDeniedException'),
    service('ExpiredTokenException'),
    canceled('ThrottlingError'),
    canceled('ProvisionedThroughputExceeded', 'None'),
    named('TimeoutError'),
    named('AbortError'),
    named('CredentialsProviderError'),
    system('ECONNREFUSED'),
    system('ENOTFOUND'),
  ])('is what %s means', (error) => {
    const mapped = toStoreError(error);
    expect(mapped).toBeInstanceOf(StoreUnavailableError);
    expect((mapped as Error).cause).toBe(error);
  });

  test.each([
    service('ValidationException'),
    canceled('ValidationError', 'None'),
    new TypeError('m'),
    'text',
  ])('is not what %s means', (error) => {
    expect(toStoreError(error)).toBe(error);
  });
});
