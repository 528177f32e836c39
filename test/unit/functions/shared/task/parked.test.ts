import { expect, test } from 'vitest';
import { parkedFor } from '#shared/task/parked.ts';

test('a task that was given up tells the code and the sentence', () => {
  expect(parkedFor({ desired: 'Paused', reason: 'history_lost: gone: really\ngone' })).toEqual({
    code: 'history_lost',
    message: 'gone: really\ngone',
  });
});

test.each([
  ['runs', { desired: 'Running', reason: 'history_lost: gone' }],
  ['was paused by its user', { desired: 'Paused', reason: 'manually pause through http interface' }],
  ['was paused with words that look like a code', { desired: 'Paused', reason: 'manually: for a test' }],
  [
    'was parked by a restart of the control plane',
    { desired: 'Paused', reason: 'the task is disabled auto start' },
  ],
] as const)('a task that %s was not given up', (_, task) => {
  expect(parkedFor(task)).toBeUndefined();
});
