import type { AccountContext } from '../database/context.ts';
import { type FlagChange, type StoredFlags, StoreError, type View } from '../types.ts';
import { type EntryRow, entriesOf, updateFlags } from './entries.ts';
import { DELETED, isReserved, Keywords, splitFlags } from './flags.ts';
import { unremovable } from './placing.ts';
import { checkServed } from './service.ts';
import { resolve } from './views.ts';

/** STORE (RFC 3501 section 6.4.6, RFC 7162 section 3.1.3). */
export function storeFlags(
  context: AccountContext,
  view: View,
  uids: readonly number[],
  change: FlagChange,
): { stored: StoredFlags[]; modified: number[] } {
  const { bits, keywords: names } = splitFlags(change.flags);
  if (view.tree === 'conservation' && change.action !== 'remove' && (bits & DELETED) !== 0) {
    throw new StoreError('CANNOT', 'Un messaggio in Conservazione non si può eliminare');
  }
  if (view.tree === 'watch' && change.action !== 'remove' && (bits & DELETED) !== 0) throw unremovable();
  checkServed(context, view);
  return context.write(marks => {
    const resolved = resolve(context, view);
    const keywords = new Keywords(context, resolved.tree);
    const asked = names.filter(name => !isReserved(name));
    const stored: StoredFlags[] = [];
    const modified: number[] = [];
    for (const entry of entriesOf(context, resolved, uids)) {
      if (change.unchangedSince !== undefined && entry.modseq > change.unchangedSince) {
        modified.push(entry.uid);
        continue;
      }
      const next = apply(entry, keywords.decode(entry.keywords), change.action, bits, asked);
      const column = keywords.encode(next.keywords);
      const same = next.bits === entry.flags && column === entry.keywords;
      const modseq = same
        ? entry.modseq
        : updateFlags(context, marks, resolved.tree, { uid: entry.uid, bits: next.bits, keywords: column });
      stored.push({
        uid: entry.uid,
        flags: keywords.flags(next.bits, column),
        modseq,
        previousModseq: entry.modseq,
      });
    }
    return { stored, modified };
  });
}

function apply(
  entry: EntryRow,
  present: readonly string[],
  action: FlagChange['action'],
  bits: number,
  names: readonly string[],
): { bits: number; keywords: string[] } {
  const asked = new Set(names.map(name => name.toLowerCase()));
  const others = present.filter(name => !asked.has(name.toLowerCase()));
  if (action === 'add') return { bits: entry.flags | bits, keywords: [...others, ...names] };
  if (action === 'remove') return { bits: entry.flags & ~bits, keywords: others };
  return { bits, keywords: [...present.filter(isReserved), ...names] };
}
