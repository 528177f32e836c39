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

/** Pure. See SPEC.md I10. */
export function afterAnswer(answer: Answer): Next {
  switch (answer.kind) {
    case 'applied':
      return { kind: 'done' };
    case 'ambiguous':
      return { kind: 'settle', message: answer.message };
    case 'rejected':
      return answer.retryable
        ? { kind: 'wait', message: answer.message }
        : { kind: 'refuse', code: answer.code, message: answer.message };
  }
}
