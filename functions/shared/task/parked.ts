import { CODES } from '../errors.ts';
import type { Reason } from './run.ts';
import type { Task } from './task.ts';

/** Why a task was given up: whoever parks it for a fault writes `<code>: <sentence>`. Undefined for one that runs, and for
 *  one that somebody paused because they wanted to; what the API writes as a reason has no code. */
export function parkedFor({ desired, reason }: Pick<Task, 'desired' | 'reason'>): Reason | undefined {
  if (desired !== 'Paused') return undefined;
  const [, code = '', message = ''] = /^(\w+): (.*)$/s.exec(reason) ?? [];
  return Object.hasOwn(CODES, code) ? { code, message } : undefined;
}
