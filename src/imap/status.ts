import type { View, ViewStatus } from '../store/types.ts';
import { SyntaxFailure } from './errors.ts';
import type { Session } from './session.ts';
import type { Parser } from './wire/parser.ts';

/** Items of STATUS (RFC 3501 section 6.3.10, RFC 7162, RFC 8438, RFC 9051). */
const ITEMS: Record<string, (status: ViewStatus) => number> = {
  MESSAGES: status => status.messages,
  RECENT: status => status.recent,
  UIDNEXT: status => status.uidNext,
  UIDVALIDITY: status => status.uidValidity,
  UNSEEN: status => status.unseen,
  DELETED: status => status.deleted,
  SIZE: status => status.size,
  HIGHESTMODSEQ: status => Math.max(1, status.highestModseq),
};

/** `(MESSAGES UNSEEN)`: each item once, in the order asked. */
export function parseStatusItems(parser: Parser): string[] {
  const items = new Set<string>();
  for (const item of parser.list(() => parser.keyword())) {
    if (!Object.hasOwn(ITEMS, item)) throw new SyntaxFailure('Unknown status item');
    items.add(item);
  }
  if (items.size === 0) throw new SyntaxFailure('No status item');
  return [...items];
}

/** `* STATUS "name" (MESSAGES 3 UNSEEN 1)` */
export function statusLine(session: Session, name: string, status: ViewStatus, items: readonly string[]): string {
  const values = items.map(item => `${item} ${ITEMS[item]?.(status) ?? 0}`);
  return `* STATUS ${session.encodeMailbox(name)} (${values.join(' ')})`;
}

/** Whether a view is there by what is in it. */
export function isEmptyTransient(view: View, status: ViewStatus): boolean {
  return 'year' in view && view.year !== undefined && status.messages === 0;
}
