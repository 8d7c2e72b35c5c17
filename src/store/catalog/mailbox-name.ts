import { MAX_MAILBOX_NAME } from '../limits.ts';
import { StoreError } from '../types.ts';

/** A local mailbox's name in its one spelling: NFC, `INBOX` in capitals wherever it is the first level. */
export function mailboxName(name: string): string {
  const levels = name.normalize('NFC').split('/');
  if (levels[0]?.toUpperCase() === 'INBOX') levels[0] = 'INBOX';
  return levels.join('/');
}

/** Rejects names that no mailbox may have. */
export function newMailboxName(name: string): string {
  const canonical = mailboxName(name);
  if (canonical.length > MAX_MAILBOX_NAME) throw new StoreError('LIMIT', 'Il nome della cartella è troppo lungo');
  if (
    !canonical.isWellFormed() ||
    /[\u0000-\u001f\u007f]/.test(canonical) ||
    canonical.split('/').some(level => level === '')
  ) {
    throw new StoreError('CANNOT', 'Il nome della cartella non è valido');
  }
  return canonical;
}
