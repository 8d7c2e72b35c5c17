import type { View } from '../../store/types.ts';
import type { Session } from '../session.ts';
import { namesOf } from '../state.ts';
import { listViewLines } from './lines.ts';

/**
 * The LIST response of one mailbox, as IMAP4rev2 wants it with SELECT, CREATE and RENAME (RFC 9051 sections 6.3.2 to
 * 6.3.6); empty where there is no such mailbox.
 * @param oldName Unicode: what the client called it, where that is not its name
 */
export async function ownListLines(session: Session, view: View, oldName: string): Promise<string[]> {
  const name = namesOf(session).name(view);
  const lines = await listViewLines(session, {
    command: 'LIST',
    patterns: [name],
    delimiterOnly: false,
    subscribed: false,
    recursiveMatch: false,
    specialUse: false,
    returnSubscribed: true,
    statusItems: null,
  });
  const old = oldName === name ? '' : ` ("OLDNAME" (${session.encodeMailbox(oldName)}))`;
  return lines.map(line => line + old);
}
