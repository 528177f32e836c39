import type { Answer } from '../target/target.ts';

/** How a request is being sent: as planned, or, after its outcome became unknown, in the form that may be repeated. */
export type Mode = 'planned' | 'repeat';

/** What to do after an answer. `wait`: nothing was executed, the same request may be sent again after a backoff.
 *  `settle`: the request may still be executed; keep its keys blocked for the settle time, then send it in the form that
 *  may be repeated. `refuse`: it will never succeed. */
export type Next =
  | { readonly kind: 'done' }
  | { readonly kind: 'wait'; readonly message: string }
  | { readonly kind: 'settle'; readonly message: string }
  | { readonly kind: 'refuse'; readonly code: number; readonly message: string };

/** How often one and the same answer is taken for a passing state. */
const PATIENCE = 5;

/** Codes of names that were not found: a target that restarts says so of collections it has. */
const NOT_FOUND: ReadonlySet<number> = new Set([100, 200, 800]);

/** `repeats`: how often this very answer came in a row before. A server that keeps answering the same to the same request
 *  refuses it, whatever it calls that; silence is never taken for a refusal. Pure. See SPEC.md I10. */
export function afterAnswer(answer: Answer, repeats = 0): Next {
  switch (answer.kind) {
    case 'applied':
      return { kind: 'done' };
    case 'ambiguous':
      return answer.code !== undefined && repeats >= PATIENCE
        ? { kind: 'refuse', code: answer.code, message: answer.message }
        : { kind: 'settle', message: answer.message };
    case 'rejected':
      return answer.retryable || (NOT_FOUND.has(answer.code) && repeats < PATIENCE)
        ? { kind: 'wait', message: answer.message }
        : { kind: 'refuse', code: answer.code, message: answer.message };
  }
}
