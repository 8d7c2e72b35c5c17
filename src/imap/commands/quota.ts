import type { View } from '../../store/types.ts';
import { lastArgument } from '../arguments.ts';
import { Refusal } from '../errors.ts';
import { existingView } from '../mailbox.ts';
import { QUOTA_ROOTS, type QuotaRoot, quotaLine, quotaRootNames, rootsOf } from '../quota/index.ts';
import type { Session } from '../session.ts';
import { namesOf } from '../state.ts';
import type { PlainCommand } from './types.ts';

/** RFC 9208 section 4.1.1. */
export const getQuota: PlainCommand = {
  name: 'GETQUOTA',
  state: 'authenticated',
  mayExpunge: true,
  async run(session, parser) {
    const name = lastArgument(parser);
    const root = ownRoots(session).find(candidate => candidate === name);
    if (root === undefined) throw new Refusal('NONEXISTENT', 'Questa quota non esiste.');
    session.writer.line(await quotaLine(session, root));
    return { text: 'Getquota completed.' };
  },
};

/** RFC 9208 section 4.1.2. */
export const getQuotaRoot: PlainCommand = {
  name: 'GETQUOTAROOT',
  state: 'authenticated',
  mayExpunge: true,
  async run(session, parser) {
    const view = await existingView(session, lastArgument(parser));
    const roots = rootsShown(session, view);
    session.writer.line(`* QUOTAROOT ${session.encodeMailbox(namesOf(session).name(view))}${quotaRootNames(roots)}`);
    for (const root of roots) session.writer.line(await quotaLine(session, root));
    return { text: 'Getquotaroot completed.' };
  },
};

/** RFC 9208 section 4.1.3: limits come with the plan. */
export const setQuota: PlainCommand = {
  name: 'SETQUOTA',
  state: 'authenticated',
  mayExpunge: true,
  async run() {
    throw new Refusal('NOPERM', 'Lo spazio è quello del piano: da qui non si può cambiare.');
  },
};

/** The roots of our trees; none where the account shows no trees. */
export function ownRoots(session: Session): readonly QuotaRoot[] {
  return namesOf(session).shows({ tree: 'archive' }) ? QUOTA_ROOTS : [];
}

/** Clients show the quota of INBOX as that of the whole account. */
function rootsShown(session: Session, view: View): readonly QuotaRoot[] {
  return view.tree === 'local' && view.name === 'INBOX' ? ownRoots(session) : rootsOf(view);
}
