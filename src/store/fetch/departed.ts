import { LRUCache } from 'lru-cache';
import type { EntryRow } from '../catalog/entries.ts';
import type { AccountContext } from '../database/context.ts';

/** Messages of an account that are remembered: sessions hear of what has left within moments. */
const REMEMBERED = 10_000;

const departed = new WeakMap<AccountContext, LRUCache<number, EntryRow>>();

/**
 * A conserved message leaves the intake, and sessions that have it open show it until they may be told (RFC 3501
 * section 7.4.1). Its octets are still there, so for them its entry is kept in memory, as long as they can live.
 */
export function rememberDeparted(context: AccountContext, entry: EntryRow): void {
  let entries = departed.get(context);
  if (!entries) {
    entries = new LRUCache({ max: REMEMBERED });
    departed.set(context, entries);
  }
  entries.set(entry.uid, entry);
}

/** Entries that have left the intake among `uids`, ascending as these are. */
export function departedEntries(context: AccountContext, uids: readonly number[]): EntryRow[] {
  const entries = departed.get(context);
  if (!entries) return [];
  return uids.map(uid => entries.get(uid)).filter(entry => entry !== undefined);
}
