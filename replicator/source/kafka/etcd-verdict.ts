import { status } from '@grpc/grpc-js';

/** What a failed call to etcd means for the next step.
 *
 *  - `elsewhere`: this member is away, slow or has no leader; another one, or this one later, may do it.
 *  - `login`: the token is unknown to the server (expired, or the server restarted); log in and call again.
 *  - `compacted`: the revision asked for is gone; read anew.
 *  - `refused`: the same call fails again. */
export type EtcdVerdict = 'elsewhere' | 'login' | 'compacted' | 'refused';

const ELSEWHERE: ReadonlySet<number> = new Set([
  status.UNAVAILABLE,
  status.DEADLINE_EXCEEDED,
  status.RESOURCE_EXHAUSTED,
  status.CANCELLED,
  status.ABORTED,
  status.INTERNAL,
  status.UNKNOWN,
]);

/** Judges a gRPC error of etcd by its code; etcd has one code for several faults, hence the words
 *  (`api/v3rpc/rpctypes/error.go` of etcd 3.4 and 3.5). */
export function etcdVerdict(error: unknown): EtcdVerdict {
  const code = statusCode(error);
  const details = statusDetails(error);
  if (code === status.UNAUTHENTICATED && details.includes('invalid auth token')) return 'login';
  if (details.includes('revision of auth store is old')) return 'login';
  if (code === status.OUT_OF_RANGE && details.includes('compacted')) return 'compacted';
  if (code === undefined || ELSEWHERE.has(code)) return 'elsewhere';
  return 'refused';
}

/** True when the server has no logins switched on, so that none is needed. */
export function authenticationIsOff(error: unknown): boolean {
  return statusDetails(error).includes('authentication is not enabled');
}

/** What the server said, without stack and metadata. */
export function statusDetails(error: unknown): string {
  if (
    typeof error === 'object' &&
    error !== null &&
    'details' in error &&
    typeof error.details === 'string'
  ) {
    return error.details;
  }
  return error instanceof Error ? error.message : String(error);
}

function statusCode(error: unknown): number | undefined {
  if (typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'number') {
    return error.code;
  }
  return undefined;
}
