import { expect, test } from 'vitest';
import { afterAnswer, type Next } from '../../../../replicator/engine/attempt.ts';
import type { Answer } from '../../../../replicator/target/target.ts';

const rejected = (retryable: boolean): Answer => ({
  kind: 'rejected',
  retryable,
  code: 8,
  message: 'rate limit',
});

test.each<{ name: string; answer: Answer; next: Next }>([
  { name: 'an applied request is done', answer: { kind: 'applied' }, next: { kind: 'done' } },
  {
    name: 'a request that was not executed and may succeed later is sent again as it is',
    answer: rejected(true),
    next: { kind: 'wait', message: 'rate limit' },
  },
  {
    name: 'a request that never will succeed is refused with the code of the target',
    answer: rejected(false),
    next: { kind: 'refuse', code: 8, message: 'rate limit' },
  },
  {
    name: 'a request that may still be executed settles first',
    answer: { kind: 'ambiguous', message: 'deadline exceeded' },
    next: { kind: 'settle', message: 'deadline exceeded' },
  },
])('$name', ({ answer, next }) => {
  expect(afterAnswer(answer)).toEqual(next);
});
