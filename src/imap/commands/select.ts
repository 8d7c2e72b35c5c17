import { enableCondstore } from '../condstore.ts';
import { Refusal, SyntaxFailure } from '../errors.ts';
import { ownListLines } from '../list/index.ts';
import { NO_SUCH_FOLDER, viewNamed } from '../mailbox.ts';
import { type KnownState, parseQresync, resynchronise } from '../qresync.ts';
import { SelectedView } from '../selected.ts';
import type { Session } from '../session.ts';
import { isEmptyTransient } from '../status.ts';
import type { Parser } from '../wire/parser.ts';
import type { PlainCommand } from './types.ts';

/** RFC 3501 section 6.3.1, RFC 7162 sections 3.1.8 and 3.2.5. */
export const select = selectCommand('SELECT');
/** RFC 3501 section 6.3.2. */
export const examine = selectCommand('EXAMINE');

interface SelectArguments {
  readonly mailbox: string;
  readonly condstore: boolean;
  readonly known: KnownState | null;
}

function selectCommand(name: 'SELECT' | 'EXAMINE'): PlainCommand {
  return {
    name,
    state: 'authenticated',
    mayExpunge: false,
    async run(session, parser) {
      const { mailbox, condstore, known } = parseArguments(parser);
      if (known !== null && !session.enabled.has('QRESYNC')) throw new SyntaxFailure('QRESYNC is not enabled');
      // A SELECT that fails leaves nothing selected.
      deselect(session);
      if (condstore || known !== null) enableCondstore(session);
      const view = viewNamed(session, mailbox);
      const { selected, opened } = await SelectedView.open(session, view, name === 'EXAMINE');
      if (isEmptyTransient(view, opened)) {
        selected.close();
        throw new Refusal('NONEXISTENT', NO_SUCH_FOLDER);
      }
      session.selected = selected;
      const { writer } = session;
      writer.line(`* FLAGS ${selected.flagsInUse}`);
      writer.line(
        `* OK [PERMANENTFLAGS ${selected.permanentFlagList}] ${selected.readOnly ? 'Read-only mailbox.' : 'Flags permitted.'}`,
      );
      writer.line(`* ${opened.uids.length} EXISTS`);
      if (!session.rev2) writer.line('* 0 RECENT');
      const unseen = session.rev2 || opened.firstUnseen === null ? 0 : selected.numbering.numberOf(opened.firstUnseen);
      if (unseen > 0) writer.line(`* OK [UNSEEN ${unseen}] First unseen.`);
      writer.line(`* OK [UIDVALIDITY ${opened.uidValidity}] UIDs valid`);
      writer.line(`* OK [UIDNEXT ${opened.uidNext}] Predicted next UID`);
      writer.line(`* OK [HIGHESTMODSEQ ${selected.highestModseq}] Highest`);
      if (session.rev2) {
        for (const line of await ownListLines(session, view, session.decodeMailbox(mailbox))) writer.line(line);
      }
      writer.line(`* OK [MAILBOXID (${opened.mailboxId})] Ok`);
      if (known !== null) await resynchronise(session, selected, known);
      return selected.readOnly
        ? { code: 'READ-ONLY', text: `${name === 'SELECT' ? 'Select' : 'Examine'} completed.` }
        : { code: 'READ-WRITE', text: 'Select completed.' };
    },
  };
}

/** Leaves the selected mailbox, and says so before anything of the next one (RFC 7162 section 3.2.11). */
function deselect(session: Session): void {
  if (session.selected === null) return;
  session.selected.close();
  session.selected = null;
  session.writer.line('* OK [CLOSED] Previous mailbox closed.');
}

function parseArguments(parser: Parser): SelectArguments {
  parser.space();
  const mailbox = parser.astring();
  let condstore = false;
  let known: KnownState | null = null;
  if (parser.take(' ')) {
    parser.list(() => {
      switch (parser.keyword()) {
        case 'CONDSTORE':
          condstore = true;
          return;
        case 'QRESYNC':
          parser.space();
          known = parseQresync(parser);
          return;
        default:
          throw new SyntaxFailure('Unknown select parameter');
      }
    });
  }
  parser.end();
  return { mailbox, condstore, known };
}
