import { condstoreEnabled, enableCondstore } from '../condstore.ts';
import { Refusal, SyntaxFailure } from '../errors.ts';
import { type FetchItems, parseFetchItems } from '../fetch/items.ts';
import { runFetch } from '../fetch/run.ts';
import type { Session } from '../session.ts';
import { formatSet, membership } from '../sets.ts';
import { selectedOf, storeOf } from '../state.ts';
import type { Parser, SequenceSet } from '../wire/parser.ts';
import type { PlainCommand } from './types.ts';

/** RFC 3501 section 6.4.5, RFC 7162 section 3.1.4. */
export const fetch = fetchCommand('FETCH');
/** RFC 3501 section 6.4.8. */
export const uidFetch = fetchCommand('UID FETCH');

interface FetchArguments {
  readonly set: SequenceSet;
  readonly items: FetchItems;
  readonly changedSince: number | null;
  readonly vanished: boolean;
}

function fetchCommand(name: 'FETCH' | 'UID FETCH'): PlainCommand {
  const byUid = name === 'UID FETCH';
  return {
    name,
    state: 'selected',
    mayExpunge: byUid,
    async run(session, parser) {
      const wanted = parseArguments(parser);
      if (wanted.vanished && !(byUid && wanted.changedSince !== null && session.enabled.has('QRESYNC'))) {
        throw new SyntaxFailure('VANISHED needs UID FETCH, CHANGEDSINCE and QRESYNC');
      }
      const selected = selectedOf(session);
      const uids = selected.resolve(wanted.set, byUid ? 'uid' : 'sequence');
      const items = withModseq(session, wanted);
      if (wanted.vanished) await tellVanished(session, wanted);
      const { missing } = await runFetch(
        session,
        selected,
        uids,
        {
          columns: items.columns,
          sections: items.sections,
          markSeen: items.marksSeen && !selected.readOnly,
          changedSince: wanted.changedSince ?? undefined,
        },
        { items, withUid: byUid || items.uid, withModseq: condstoreEnabled(session) },
      );
      if (missing > 0 && !byUid) {
        throw new Refusal('EXPUNGEISSUED', 'Alcuni messaggi sono stati eliminati da un altro programma.');
      }
      return { text: 'Fetch completed.' };
    },
  };
}

function parseArguments(parser: Parser): FetchArguments {
  parser.space();
  const set = parser.sequenceSet();
  parser.space();
  const items = parseFetchItems(parser);
  let changedSince: number | null = null;
  let vanished = false;
  if (parser.take(' ')) {
    parser.list(() => {
      switch (parser.keyword()) {
        case 'CHANGEDSINCE':
          parser.space();
          // iOS sends 0, which the grammar forbids.
          changedSince = parser.modseq();
          return;
        case 'VANISHED':
          vanished = true;
          return;
        default:
          throw new SyntaxFailure('Unknown fetch modifier');
      }
    });
  }
  parser.end();
  return { set, items, changedSince, vanished };
}

/** MODSEQ asked for, or implied by CHANGEDSINCE, switches CONDSTORE on. */
function withModseq(session: Session, { items, changedSince }: FetchArguments): FetchItems {
  const asked = items.fields.some(field => field.kind === 'column' && field.column === 'MODSEQ');
  if (!asked && changedSince === null) return items;
  enableCondstore(session);
  return asked ? items : { ...items, fields: [...items.fields, { kind: 'column', column: 'MODSEQ' }] };
}

/** RFC 3501 section 9: nz-number. */
const MAX_UID = 0xffff_ffff;

/** What has gone since then, of the UIDs asked for (RFC 7162 section 3.2.6). */
async function tellVanished(session: Session, { set, changedSince }: FetchArguments): Promise<void> {
  const { view, numbering } = selectedOf(session);
  if (set === '$') return;
  // What has gone may have stood above the last that is left: `*` reaches that too.
  const asked = membership(set, MAX_UID);
  const { vanished } = await storeOf(session).changes(view, changedSince ?? 0);
  const gone = [...vanished].sort((a, b) => a - b).filter(uid => numbering.numberOf(uid) === 0 && asked(uid));
  if (gone.length > 0) session.writer.line(`* VANISHED (EARLIER) ${formatSet(gone)}`);
}
