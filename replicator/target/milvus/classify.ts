import type { Answer } from '../target.ts';
import { codeOf, GRPC_STATUS, grpcCode, MILVUS_CODE, type MilvusStatus } from './codes.ts';

/** How a write ended on the wire. */
export type WriteOutcome =
  /** Not one byte of it was given to a connection. */
  | {
      readonly kind: 'not-sent';
      readonly retryable: boolean;
      readonly code: number;
      readonly message: string;
    }
  /** gRPC ended it with a status that is not OK, or our own deadline did. */
  | { readonly kind: 'transport'; readonly status: number; readonly message: string }
  /** The server answered. */
  | { readonly kind: 'answered'; readonly status: MilvusStatus | undefined };

/** Codes with which Milvus rejects a write before anything of it is executed; the value says whether the same
 *  request may succeed later. 4: the proxy's queue is full · 8, 9: its rate limiter, ahead of the handler · 1100 to
 *  1102: parameters, checked before a task is queued · 100, 200, 800: names, resolved before a message is produced ·
 *  1303: a cluster in standby refuses to produce at all. */
const REJECTED: ReadonlyMap<number, boolean> = new Map([
  [MILVUS_CODE.requestLimitExceeded, true],
  [MILVUS_CODE.rateLimit, true],
  [MILVUS_CODE.quotaExceeded, true],
  [MILVUS_CODE.denyProduce, true],
  [MILVUS_CODE.parameterInvalid, false],
  [MILVUS_CODE.parameterMissing, false],
  [MILVUS_CODE.parameterTooLarge, false],
  [MILVUS_CODE.collectionNotFound, false],
  [MILVUS_CODE.partitionNotFound, false],
  [MILVUS_CODE.databaseNotFound, false],
]);

/** The same for gRPC's statuses: login, rights and an unknown method are checked before the handler runs. A message
 *  beyond the server's limit is `resourceExhausted`; but so is much else, so that one stays ambiguous. */
const REJECTED_BY_GRPC: ReadonlySet<number> = new Set([
  GRPC_STATUS.unauthenticated,
  GRPC_STATUS.permissionDenied,
  GRPC_STATUS.unimplemented,
]);

/** Says what is known after a write. **Whatever is not known to be definite is ambiguous:** a proxy finishes a
 *  request whose client has gone, so an error, a deadline or a broken connection proves nothing. Pure. */
export function classify(outcome: WriteOutcome): Answer {
  switch (outcome.kind) {
    case 'not-sent':
      return {
        kind: 'rejected',
        retryable: outcome.retryable,
        code: outcome.code,
        message: readable(outcome.message),
      };
    case 'transport':
      return classifyTransport(outcome.status, readable(outcome.message));
    case 'answered':
      return classifyStatus(codeOf(outcome.status), readable(outcome.status?.reason ?? ''));
  }
}

function classifyTransport(status: number, message: string): Answer {
  return REJECTED_BY_GRPC.has(status)
    ? { kind: 'rejected', retryable: false, code: grpcCode(status), message }
    : { kind: 'ambiguous', message: `gRPC status ${status}: ${message}` };
}

function classifyStatus(code: number, message: string): Answer {
  if (code === MILVUS_CODE.ok) return { kind: 'applied' };
  const retryable = REJECTED.get(code);
  return retryable === undefined
    ? { kind: 'ambiguous', code, message: `code ${code}: ${message}` }
    : { kind: 'rejected', retryable, code, message };
}

const MAX_MESSAGE = 500;

/** A server's sentence as it may be shown and logged: without a delete's expression, which holds users' keys. */
function readable(message: string): string {
  const text = message.replace(/\bexpr(?:ession)?\b.*$/s, 'expr …');
  return text.length > MAX_MESSAGE ? `${text.slice(0, MAX_MESSAGE)}…` : text;
}
