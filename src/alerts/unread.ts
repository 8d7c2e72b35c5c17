import type { Account } from '../store/accounts/types.ts';
import type { InboxServices } from './inbox.ts';
import { clip, type Notice } from './notice.ts';
import { withUpstreamInbox } from './upstream-inbox.ts';

/** Messages that a summary names. */
const NAMED = 20;

/** The certified messages in the mailbox's INBOX that nobody has read; receipts have another header and do not count. */
export async function unreadCertified(
  account: Account,
  services: InboxServices,
): Promise<Extract<Notice, { kind: 'unread' }>> {
  return account.upstream.kind === 'remote' ? unreadUpstream(account, services) : unreadLocal(account, services);
}

function unreadUpstream(account: Account, services: InboxServices): Promise<Extract<Notice, { kind: 'unread' }>> {
  return withUpstreamInbox(account, services, true, async client => {
    const found = await client.search({ seen: false, header: { 'x-trasporto': 'posta-certificata' } }, { uid: true });
    const uids = found || [];
    const messages: { sender: string; subject: string }[] = [];
    if (uids.length > 0) {
      const range = uids.slice(-NAMED).join(',');
      for await (const { envelope } of client.fetch(range, { uid: true, envelope: true }, { uid: true })) {
        const from = envelope?.from?.[0];
        messages.push({ sender: originator(from?.name, from?.address), subject: original(envelope?.subject ?? '') });
      }
    }
    return { kind: 'unread', count: uids.length, messages };
  });
}

async function unreadLocal(
  account: Account,
  { directory }: InboxServices,
): Promise<Extract<Notice, { kind: 'unread' }>> {
  const store = await directory.store(account);
  const inbox = { tree: 'local', name: 'INBOX' } as const;
  const uids = await store.search(inbox, {
    op: 'and',
    operands: [
      { op: 'not', operand: { op: 'flag', flag: '\\Seen' } },
      { op: 'header', field: 'x-trasporto', needle: 'posta-certificata' },
    ],
  });
  const rows = await store.fetch(inbox, [...uids].slice(-NAMED), { columns: [], sections: [], markSeen: false });
  const records = await Promise.all(rows.map(({ message }) => store.record(message)));
  const messages = records.map(({ structure }) => {
    const [from] = structure.from;
    return { sender: originator(from?.name ?? undefined, from?.address), subject: original(structure.subject) };
  });
  return { kind: 'unread', count: uids.length, messages };
}

/** RFC 6109 section 3.1.4: a busta is `From: "Per conto di: mittente@..." <posta-certificata@gestore>`. */
function originator(name: string | undefined, address: string | undefined): string {
  return clip(/^per conto di:\s*(\S+)/i.exec(name ?? '')?.[1] ?? address ?? '');
}

function original(subject: string): string {
  return clip(subject.replace(/^posta certificata:\s*/i, ''));
}
