import type { View, ViewStatus } from '../store/types.ts';
import { SyntaxFailure } from './errors.ts';
import type { Session } from './session.ts';
import { storeOf } from './state.ts';
import type { Parser } from './wire/parser.ts';

/** What no counter knows is worked out only where it is asked for. */
interface ToldStatus extends ViewStatus {
  /** Octets of the messages that an EXPUNGE would remove. */
  readonly deletedSize?: number;
}

/** Items of STATUS (RFC 3501 section 6.3.10, RFC 7162, RFC 7889, RFC 8438, RFC 8474, RFC 9051, RFC 9208). */
const ITEMS: Record<string, (status: ToldStatus, session: Session) => number | string> = {
  MESSAGES: status => status.messages,
  RECENT: status => status.recent,
  UIDNEXT: status => status.uidNext,
  UIDVALIDITY: status => status.uidValidity,
  UNSEEN: status => status.unseen,
  DELETED: status => status.deleted,
  SIZE: status => status.size,
  MAILBOXID: status => `(${status.mailboxId})`,
  'DELETED-STORAGE': status => Math.ceil((status.deletedSize ?? 0) / 1024),
  APPENDLIMIT: (_status, session) => session.services.config.limits.messageBytes,
  HIGHESTMODSEQ: status => Math.max(1, status.highestModseq),
};

/** Messages whose size is asked for at a time. */
const ROWS = 1_000;

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
export function statusLine(session: Session, name: string, status: ToldStatus, items: readonly string[]): string {
  const values = items.map(item => `${item} ${ITEMS[item]?.(status, session) ?? 0}`);
  return `* STATUS ${session.encodeMailbox(name)} (${values.join(' ')})`;
}

/** Adds what the items need and no counter knows. */
export async function completeStatus(
  session: Session,
  view: View,
  status: ViewStatus,
  items: readonly string[],
): Promise<ToldStatus> {
  if (!items.includes('DELETED-STORAGE') || status.deleted === 0) return status;
  const store = storeOf(session);
  const uids = [...(await store.search(view, { op: 'flag', flag: '\\Deleted' }))];
  let deletedSize = 0;
  for (let at = 0; at < uids.length; at += ROWS) {
    const request = { columns: ['size'], sections: [], markSeen: false } as const;
    for (const row of await store.fetch(view, uids.slice(at, at + ROWS), request)) deletedSize += row.size;
  }
  return { ...status, deletedSize };
}

/** Whether a view is there by what is in it. */
export function isEmptyTransient(view: View, status: ViewStatus): boolean {
  return 'year' in view && view.year !== undefined && status.messages === 0;
}
