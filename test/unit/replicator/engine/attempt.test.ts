import { expect, test } from 'vitest';
import { afterAnswer, type Next } from '../../../../replicator/engine/attempt.ts';
import type { Answer } from '../../../../replicator/target/target.ts';

const rejected = (retryable: boolean, code = 8): Answer => ({
  kind: 'rejected',
  retryable,
  code,
  message: 'no',
});
const SILENCE: Answer = { kind: 'ambiguous', message: 'deadline exceeded' };
const SENTENCE: Answer = { kind: 'ambiguous', code: 65_535, message: 'out of memory' };

const DONE: Next = { kind: 'done' };
const WAIT: Next = { kind: 'wait', message: 'no' };
const settle = (message: string): Next => ({ kind: 'settle', message });
const refuse = (code: number, message: string): Next => ({ kind: 'refuse', code, message });

test.each<{ name: string; answer: Answer; repeats?: number; next: Next }>([
  { name: 'an applied request is done', answer: { kind: 'applied' }, next: DONE },
  {
    name: 'a request that was not executed and may succeed later is sent again as it is',
    answer: rejected(true),
    next: WAIT,
  },
  { name: 'it is so however often it is answered', answer: rejected(true), repeats: 1_000, next: WAIT },
  {
    name: 'a request that never will succeed is refused with the code of the target',
    answer: rejected(false),
    next: refuse(8, 'no'),
  },
  { name: 'a collection not found may be a target that restarts', answer: rejected(false, 100), next: WAIT },
  { name: 'so may a partition', answer: rejected(false, 200), repeats: 4, next: WAIT },
  { name: 'so may a database', answer: rejected(false, 800), next: WAIT },
  {
    name: 'a name that is not found six times is not there',
    answer: rejected(false, 100),
    repeats: 5,
    next: refuse(100, 'no'),
  },
  {
    name: 'a request that may still be executed settles first',
    answer: SILENCE,
    next: settle('deadline exceeded'),
  },
  {
    name: 'silence is never taken for a refusal',
    answer: SILENCE,
    repeats: 1_000,
    next: settle('deadline exceeded'),
  },
  { name: 'one sentence may pass', answer: SENTENCE, repeats: 4, next: settle('out of memory') },
  {
    name: 'the same sentence six times is a refusal',
    answer: SENTENCE,
    repeats: 5,
    next: refuse(65_535, 'out of memory'),
  },
])('$name', ({ answer, repeats, next }) => {
  expect(afterAnswer(answer, repeats)).toEqual(next);
});
