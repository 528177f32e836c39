import { CorruptItemError, StoreUnavailableError } from '../task-store.ts';

/** Primary result codes of SQLite (https://www.sqlite.org/rescode.html); the low byte of an extended one. */
const BUSY = 5;
const LOCKED = 6;
/** The file, or the disk below it: no permission, read-only, I/O error, full, cannot open. */
const AWAY = new Set([3, 8, 10, 13, 14]);
/** Malformed, not a database. */
const RUINED = new Set([11, 26]);

export function isBusy(error: unknown): boolean {
  const code = resultCode(error);
  return code === BUSY || code === LOCKED;
}

/** The port's error for one of SQLite or of the file system; every other one as it is. */
export function toStoreError(error: unknown): unknown {
  const code = resultCode(error);
  if (code !== undefined && (AWAY.has(code) || code === BUSY || code === LOCKED)) {
    return new StoreUnavailableError(`the store cannot be used: ${text(error)}`, { cause: error });
  }
  if (code !== undefined && RUINED.has(code)) {
    return new CorruptItemError(`the store's file is damaged: ${text(error)}`, { cause: error });
  }
  const system = systemCode(error);
  if (system === 'ERR_INVALID_STATE')
    return new StoreUnavailableError('the store is closed', { cause: error });
  if (system?.startsWith('E') && !system.startsWith('ERR_')) {
    return new StoreUnavailableError(`the store cannot be opened: ${text(error)}`, { cause: error });
  }
  return error;
}

function resultCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number')
    return undefined;
  return error.errcode & 0xff;
}

function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return undefined;
  return error.code;
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
