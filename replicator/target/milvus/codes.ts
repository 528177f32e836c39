/** Milvus's error codes that make a difference here (merr, 2.3 and later). */
export const MILVUS_CODE = {
  ok: 0,
  requestLimitExceeded: 4,
  rateLimit: 8,
  quotaExceeded: 9,
  collectionNotFound: 100,
  collectionNotLoaded: 101,
  collectionNotFullyLoaded: 103,
  partitionNotFound: 200,
  indexNotFound: 700,
  databaseNotFound: 800,
  parameterInvalid: 1100,
  parameterMissing: 1101,
  parameterTooLarge: 1102,
  denyProduce: 1303,
  aliasNameConflict: 1601,
  unexpected: 65_535,
} as const;

/** gRPC's own status codes that make a difference here. */
export const GRPC_STATUS = {
  permissionDenied: 7,
  resourceExhausted: 8,
  unimplemented: 12,
  unavailable: 14,
  unauthenticated: 16,
} as const;

/** Where a code of Milvus is expected but gRPC spoke: gRPC's status, negative. */
export function grpcCode(status: number): number {
  return -status;
}

/** The fields of common.Status. */
export interface MilvusStatus {
  /** The older code; a server of 2.2 fills only this one. */
  readonly errorCode: number;
  readonly code: number;
  readonly retriable: boolean;
  readonly reason: string;
}

/** The old enumeration, as far as it says the same as one of today's codes. */
const LEGACY: Readonly<Record<number, number>> = {
  4: MILVUS_CODE.collectionNotFound,
  25: MILVUS_CODE.indexNotFound,
};

/** 0 for success. A server that fills only the old field says less: mostly `unexpected`. */
export function codeOf(status: MilvusStatus | undefined): number {
  if (status === undefined) return MILVUS_CODE.ok;
  if (status.code !== 0 || status.errorCode === 0) return status.code;
  return LEGACY[status.errorCode] ?? MILVUS_CODE.unexpected;
}
