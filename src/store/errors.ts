import { StoreError, type StoreErrorCode } from './types.ts';

/** A failure as it crosses a thread boundary, where an Error would lose its code. */
export interface Failure {
  readonly code: StoreErrorCode;
  readonly message: string;
  /** Stack of a failure that nobody foresaw, for the log. */
  readonly stack?: string;
}

const SYSTEM: Record<string, StoreErrorCode> = {
  ENOSPC: 'OVERQUOTA',
  EDQUOT: 'OVERQUOTA',
  SQLITE_FULL: 'OVERQUOTA',
  SQLITE_CORRUPT: 'CORRUPTION',
  SQLITE_NOTADB: 'CORRUPTION',
  SQLITE_BUSY: 'UNAVAILABLE',
  SQLITE_LOCKED: 'UNAVAILABLE',
  SQLITE_CANTOPEN: 'UNAVAILABLE',
  EIO: 'UNAVAILABLE',
  EROFS: 'UNAVAILABLE',
  EMFILE: 'UNAVAILABLE',
  ENFILE: 'UNAVAILABLE',
  EACCES: 'UNAVAILABLE',
};

const TEXTS: Partial<Record<StoreErrorCode, string>> = {
  OVERQUOTA: 'Spazio su disco esaurito',
  CORRUPTION: 'Archivio danneggiato',
  UNAVAILABLE: 'Archivio momentaneamente non disponibile',
};

/** Any thrown value as a coded failure; unknown ones are SERVERBUG. */
export function toFailure(error: unknown): Failure {
  if (error instanceof StoreError) return { code: error.code, message: error.message };
  const system = error instanceof Error && 'code' in error ? String(error.code) : '';
  // SQLite's extended codes begin with the primary one: SQLITE_IOERR_WRITE, SQLITE_BUSY_RECOVERY.
  const primary = system.startsWith('SQLITE_') ? system.split('_').slice(0, 2).join('_') : system;
  const code = SYSTEM[primary] ?? (primary === 'SQLITE_IOERR' ? 'UNAVAILABLE' : 'SERVERBUG');
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { code, message: TEXTS[code] ?? "Errore interno dell'archivio", stack };
}

export function fromFailure(failure: Failure): StoreError {
  const error = new StoreError(failure.code, failure.message);
  if (failure.stack !== undefined) error.cause = failure.stack;
  return error;
}
