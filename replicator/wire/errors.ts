/** What could be said about bytes that are not what they should be. Never row data. */
export interface MalformedEvidence {
  /** Size of the whole record in bytes. */
  readonly bytes?: number | undefined;
  readonly messageType?: number | undefined;
  readonly collectionId?: bigint | undefined;
  readonly cause?: unknown;
}

/** A record of the log, or a column in it, that this release cannot read: broken bytes, or an encoding it does
 *  not know. Trying again does not help. */
export class MalformedRecordError extends Error {
  override readonly name = 'MalformedRecordError';
  readonly bytes: number | undefined;
  readonly messageType: number | undefined;
  readonly collectionId: bigint | undefined;

  constructor(message: string, evidence: MalformedEvidence = {}) {
    super(message, evidence.cause === undefined ? undefined : { cause: evidence.cause });
    this.bytes = evidence.bytes;
    this.messageType = evidence.messageType;
    this.collectionId = evidence.collectionId;
  }
}

export type MismatchReason = 'missing-column' | 'field-id' | 'type' | 'encoding' | 'dim';

/** Rows that cannot go into one request because a column differs between them. Sent apart they may be fine. */
export class ColumnMismatchError extends Error {
  override readonly name = 'ColumnMismatchError';
  readonly reason: MismatchReason;
  readonly column: string;
  /** Index among the given parts of the first one that differs from part 0. */
  readonly part: number;

  constructor(reason: MismatchReason, column: string, part: number, detail: string) {
    super(`column ${column} of part ${part} does not fit part 0: ${detail}`);
    this.reason = reason;
    this.column = column;
    this.part = part;
  }
}
