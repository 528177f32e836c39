import { TIMING } from '../names.ts';
import { unpackPositions } from './positions.ts';
import type { Run } from './run.ts';
import { tickMillis } from './tick.ts';

/** How far a target is behind. `idle`: nothing that exists on the source is in the task's scope, so there is nothing to be
 *  behind with. `unknown`: nobody knows, and a guess would be worse than saying so. */
export type Lag =
  | { readonly kind: 'known'; readonly ms: number }
  | { readonly kind: 'idle' | 'unknown'; readonly why: string };

/** What a job's account says about its progress. */
export type ProgressAccount = Pick<Run, 'phase' | 'channels' | 'watermark'>;

const NEVER_RAN = { kind: 'unknown', why: 'no replicator has run yet' } as const;
const NO_TICK = { kind: 'unknown', why: 'nothing has been applied up to a known time yet' } as const;
const NOTHING_TO_DO = { kind: 'idle', why: 'the source holds no collection of this task yet' } as const;

/** The lag at the moment of an account: from the oldest thing not yet applied until then. The replicator's metrics and
 *  the API tell the same lag because both are made here, of the same account. Never negative: clocks differ. */
export function lagAt(account: ProgressAccount, at: number): Lag {
  if (account.watermark !== undefined) {
    return { kind: 'known', ms: Math.max(0, at - tickMillis(BigInt(account.watermark))) };
  }
  return isIdle(account) ? NOTHING_TO_DO : NO_TICK;
}

/** The lag as the store tells it. While a job acts, what it was at its last account: an idle one writes every few seconds
 *  only, and that pause is no lag. Without one, counted until now: a stopped task falls behind. */
export function lagOf(run: Run | undefined, now: number): Lag {
  if (run === undefined) return NEVER_RAN;
  const expires = Date.parse(run.leaseExpiresAt);
  const acting = run.released === 'no' && expires > now;
  return lagAt(run, acting ? Math.min(now, expires - TIMING.leaseSeconds * 1_000) : now);
}

/** True when a job has seen the whole catalog and found nothing to follow: it is as far as it can be. */
export function isIdle({ phase, channels }: ProgressAccount): boolean {
  return phase === 'streaming' && unpackPositions(channels).length === 0;
}
