import { type FlagChange, StoreError } from '../../store/types.ts';
import { condstoreEnabled, enableCondstore } from '../condstore.ts';
import { Refusal, SyntaxFailure } from '../errors.ts';
import { parseStoreFlags } from '../flags.ts';
import type { SelectedView } from '../selected.ts';
import type { Session } from '../session.ts';
import { formatSet } from '../sets.ts';
import { selectedOf, storeOf } from '../state.ts';
import type { Parser, SequenceSet } from '../wire/parser.ts';
import { refuseReadOnly } from './expunge.ts';
import type { PlainCommand } from './types.ts';

/** Messages whose flags change in one transaction. */
const RUN = 1_000;
/** After a refusal, the true flags of so many messages are told at most. */
const HEALED = 250;

/** RFC 3501 section 6.4.6, RFC 7162 section 3.1.3. */
export const store = storeCommand('STORE');
/** RFC 3501 section 6.4.8. */
export const uidStore = storeCommand('UID STORE');

interface StoreArguments {
  readonly set: SequenceSet;
  readonly change: FlagChange;
  readonly silent: boolean;
}

function storeCommand(name: 'STORE' | 'UID STORE'): PlainCommand {
  const byUid = name === 'UID STORE';
  return {
    name,
    state: 'selected',
    mayExpunge: byUid,
    async run(session, parser) {
      const { set, change, silent } = parseArguments(parser);
      const selected = selectedOf(session);
      const uids = selected.resolve(set, byUid ? 'uid' : 'sequence');
      refuseReadOnly(selected);
      if (change.unchangedSince !== undefined) enableCondstore(session);
      const modified: number[] = [];
      let missing = 0;
      for (let from = 0; from < uids.length; from += RUN) {
        const run = uids.slice(from, from + RUN);
        const outcome = await storeFlags(session, selected, run, change, byUid);
        for (const message of outcome.stored) {
          if (silent) {
            selected.ownSilentChange(message);
            tellModseq(session, selected, message, byUid);
          } else {
            selected.ownChange(message);
            selected.tellFlags(message, byUid || session.enabled.has('QRESYNC'));
          }
        }
        modified.push(...outcome.modified);
        missing += run.length - outcome.stored.length - outcome.modified.length;
        await session.writer.flush();
      }
      if (modified.length > 0) {
        const set = formatSet(byUid ? modified : modified.map(uid => selected.numbering.numberOf(uid)));
        return { code: `MODIFIED ${set}`, text: 'Conditional store failed for some messages.' };
      }
      if (missing > 0 && !byUid) {
        if (silent) return { code: 'EXPUNGEISSUED', text: 'Store completed.' };
        throw new Refusal('EXPUNGEISSUED', 'Alcuni messaggi sono stati eliminati da un altro programma.');
      }
      return { text: 'Store completed.' };
    },
  };
}

/** Where the view forbids the change, the client is told the flags as they are, so that it shows them again. */
async function storeFlags(
  session: Session,
  selected: SelectedView,
  uids: readonly number[],
  change: FlagChange,
  byUid: boolean,
) {
  const account = storeOf(session);
  try {
    return await account.storeFlags(selected.view, uids, change);
  } catch (error) {
    if (error instanceof StoreError && error.code === 'CANNOT') {
      const request = { columns: ['flags'], sections: [], markSeen: false } as const;
      const rows = await account.fetch(selected.view, uids.slice(0, HEALED), request);
      for (const row of rows) selected.tellFlags(row, byUid);
    }
    throw error;
  }
}

/** With CONDSTORE on, a silent STORE still tells the new MODSEQ (RFC 7162 section 3.1.3). */
function tellModseq(
  session: Session,
  selected: SelectedView,
  message: { readonly uid: number; readonly modseq: number; readonly flags: readonly string[] },
  byUid: boolean,
): void {
  selected.introduce(message.flags);
  if (!condstoreEnabled(session)) return;
  const uid = byUid || session.enabled.has('QRESYNC') ? `UID ${message.uid} ` : '';
  session.writer.line(`* ${selected.numbering.numberOf(message.uid)} FETCH (${uid}MODSEQ (${message.modseq}))`);
}

function parseArguments(parser: Parser): StoreArguments {
  parser.space();
  const set = parser.sequenceSet();
  parser.space();
  let unchangedSince: number | undefined;
  if (parser.peek === '(') {
    parser.open();
    if (parser.keyword() !== 'UNCHANGEDSINCE') throw new SyntaxFailure('Unknown store modifier');
    parser.space();
    unchangedSince = parser.modseq();
    parser.close();
    parser.space();
  }
  const action = parser.take('+') ? 'add' : parser.take('-') ? 'remove' : 'set';
  const item = parser.keyword();
  if (item !== 'FLAGS' && item !== 'FLAGS.SILENT') throw new SyntaxFailure('Unknown store item');
  parser.space();
  const flags = parseStoreFlags(parser);
  parser.end();
  return { set, change: { action, flags, unchangedSince }, silent: item === 'FLAGS.SILENT' };
}
