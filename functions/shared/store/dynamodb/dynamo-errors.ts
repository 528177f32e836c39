import {
  ConditionalCheckFailedException,
  DynamoDBServiceException,
  TransactionCanceledException,
} from '@aws-sdk/client-dynamodb';
import { StoreUnavailableError } from '../task-store.ts';

/** Answers that say "not now, because of another write to the same item": nothing was written, try again. Besides a
 *  transaction against a transaction, DynamoDB answers so to a single write during a transaction, even when that only
 *  checks the item. */
const CONFLICTS = new Set([
  'TransactionConflictException',
  'TransactionInProgressException',
  'ReplicatedWriteConflictException',
]);

/** A fault of this program; the store is not away. */
const OUR_FAULT = new Set(['ValidationException', 'IdempotentParameterMismatchException']);

export function isConditionFailure(error: unknown): error is ConditionalCheckFailedException {
  return error instanceof ConditionalCheckFailedException;
}

/** True when the same write may succeed a moment later and surely was not executed. A transaction of which one condition
 *  failed is not tried again, whatever else stood in its way. */
export function isConflict(error: unknown): boolean {
  if (error instanceof TransactionCanceledException) {
    const codes = (error.CancellationReasons ?? []).map((r) => r.Code);
    return !codes.includes('ConditionalCheckFailed') && codes.includes('TransactionConflict');
  }
  return error instanceof DynamoDBServiceException && CONFLICTS.has(error.name);
}

/** Which statements of a transaction failed their conditions, with the items as they were; undefined for another error. */
export function failedConditions(error: unknown): readonly FailedCondition[] | undefined {
  if (!(error instanceof TransactionCanceledException)) return undefined;
  const reasons = (error.CancellationReasons ?? []).map((r) => ({
    failed: r.Code === 'ConditionalCheckFailed',
    item: r.Item,
  }));
  return reasons.some((r) => r.failed) ? reasons : undefined;
}

export interface FailedCondition {
  readonly failed: boolean;
  /** The stored item, where the statement asked for it (`ALL_OLD`) and there is one. */
  readonly item: NonNullable<TransactionCanceledException['CancellationReasons']>[number]['Item'];
}

/** The port's error for everything that means "away": no connection, no answer in time, throttled, refused, broken, or a
 *  table or a permission that is not there. What this program did wrong stays as it is. */
export function toStoreError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  if (error instanceof DynamoDBServiceException) {
    const ours = OUR_FAULT.has(error.name) || isValidation(error);
    return ours ? error : unavailable(error);
  }
  // The SDK's own errors (no credentials, no region) and the network's have a code or a known name.
  const away = 'code' in error || '$metadata' in error || SDK_NAMES.has(error.name);
  return away ? unavailable(error) : error;
}

const SDK_NAMES = new Set(['TimeoutError', 'AbortError', 'CredentialsProviderError', 'NetworkingError']);

/** A canceled transaction hides a bad statement (an item that is too large, for one) behind one of its codes. */
function isValidation(error: DynamoDBServiceException): boolean {
  return (
    error instanceof TransactionCanceledException &&
    (error.CancellationReasons ?? []).some((r) => r.Code === 'ValidationError')
  );
}

function unavailable(error: Error): StoreUnavailableError {
  return new StoreUnavailableError(`the store cannot be used: ${error.name}: ${error.message}`, {
    cause: error,
  });
}
