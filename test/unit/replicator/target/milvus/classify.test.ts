import { expect, test } from 'vitest';
import { classify } from '../../../../../replicator/target/milvus/classify.ts';
import { codeOf } from '../../../../../replicator/target/milvus/codes.ts';
import type { Answer } from '../../../../../replicator/target/target.ts';

type Kind = 'applied' | 'rejected for now' | 'rejected for good' | 'ambiguous';

test.each<[number, Kind, string]>([
  [0, 'applied', 'success'],
  [1, 'ambiguous', 'the service is not ready'],
  [2, 'ambiguous', 'the service is unavailable'],
  [3, 'ambiguous', 'out of memory'],
  [4, 'rejected for now', 'the queue is full'],
  [5, 'ambiguous', 'internal'],
  [8, 'rejected for now', 'rate limit'],
  [9, 'rejected for now', 'quota exceeded, writes denied'],
  [11, 'ambiguous', 'the tick is late'],
  [12, 'ambiguous', 'not enough resources'],
  [100, 'rejected for good', 'no such collection'],
  [108, 'ambiguous', 'a collection in replicate mode'],
  [200, 'rejected for good', 'no such partition'],
  [500, 'ambiguous', 'channel not found'],
  [800, 'rejected for good', 'no such database'],
  [1100, 'rejected for good', 'a wrong parameter'],
  [1101, 'rejected for good', 'a missing parameter'],
  [1102, 'rejected for good', 'too large a parameter'],
  [1303, 'rejected for now', 'a standby cluster'],
  [65535, 'ambiguous', 'anything'],
])("Milvus's code %i is %s: %s", (code, kind) => {
  const status = { code, errorCode: code === 0 ? 0 : 1, retriable: false, reason: 'why' };
  expect(kindOf(classify({ kind: 'answered', status }))).toBe(kind);
});

test('an answer without a status is success: protobuf leaves out what is zero', () => {
  expect(classify({ kind: 'answered', status: undefined })).toEqual({ kind: 'applied' });
});

test('a server that fills only the old code did not succeed', () => {
  const status = { code: 0, errorCode: 1, retriable: false, reason: 'legacy' };
  expect(kindOf(classify({ kind: 'answered', status }))).toBe('ambiguous');
  expect(codeOf({ ...status, errorCode: 4 })).toBe(100);
  expect(codeOf({ ...status, errorCode: 25 })).toBe(700);
});

test.each<[number, Kind, string]>([
  [1, 'ambiguous', 'cancelled'],
  [2, 'ambiguous', 'unknown'],
  [3, 'ambiguous', 'invalid argument'],
  [4, 'ambiguous', 'deadline exceeded'],
  [7, 'rejected for good', 'permission denied'],
  [8, 'ambiguous', 'resource exhausted'],
  [10, 'ambiguous', 'aborted'],
  [12, 'rejected for good', 'unimplemented'],
  [13, 'ambiguous', 'internal'],
  [14, 'ambiguous', 'unavailable, after it was sent'],
  [16, 'rejected for good', 'unauthenticated'],
])("gRPC's status %i is %s: %s", (status, kind) => {
  expect(kindOf(classify({ kind: 'transport', status, message: 'why' }))).toBe(kind);
});

test('what was never sent is rejected, and may be sent again', () => {
  expect(classify({ kind: 'not-sent', retryable: true, code: -14, message: 'no connection' })).toEqual({
    kind: 'rejected',
    retryable: true,
    code: -14,
    message: 'no connection',
  });
});

test('a message shows no keys and does not grow with them', () => {
  const reason = 'failed to create expr plan, expr = id in ["a secret key"]';
  const answer = classify({
    kind: 'answered',
    status: { code: 65535, errorCode: 1, retriable: false, reason },
  });
  expect(answer).toEqual({ kind: 'ambiguous', code: 65535, message: 'code 65535: failed to create expr …' });
  const long = classify({ kind: 'transport', status: 2, message: 'x'.repeat(10_000) });
  expect(JSON.stringify(long).length).toBeLessThan(600);
});

function kindOf(answer: Answer): Kind {
  if (answer.kind !== 'rejected') return answer.kind;
  return answer.retryable ? 'rejected for now' : 'rejected for good';
}
