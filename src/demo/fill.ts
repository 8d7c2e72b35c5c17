import type { GeneratedMessage } from '../pec/generator/index.ts';
import type { AccountStore, Filed, View } from '../store/types.ts';

/** The folders of an Italian mailbox, with their special use (RFC 6154). */
const FOLDERS = [
  ['Inviata', '\\Sent'],
  ['Bozze', '\\Drafts'],
  ['Cestino', '\\Trash'],
] as const;

/** The newest messages of the inbox are unread, as on a Monday. */
const UNREAD = 5;

/** Makes the mailbox's folders and puts each message into its own. */
export async function fillMailbox(store: AccountStore, messages: readonly GeneratedMessage[]): Promise<void> {
  for (const [name, specialUse] of FOLDERS) await store.createMailbox(name, specialUse);
  const inbox = messages.filter(message => message.folder === 'INBOX');
  const unread = new Set(inbox.slice(-UNREAD));
  await fileAll(store, messages, message => ({
    view: { tree: 'local', name: message.folder },
    flags: unread.has(message) ? [] : ['\\Seen'],
  }));
}

/** Files each message in the archive, as the archiver would have done when it came. */
export function fillArchive(store: AccountStore, messages: readonly GeneratedMessage[]): Promise<Filed[]> {
  return fileAll(store, messages, () => ({ view: { tree: 'archive' }, flags: ['\\Seen'] }));
}

async function fileAll(
  store: AccountStore,
  messages: readonly GeneratedMessage[],
  where: (message: GeneratedMessage) => { readonly view: View; readonly flags: readonly string[] },
): Promise<Filed[]> {
  const filed: Filed[] = [];
  for (const message of messages) {
    const { view, flags } = where(message);
    const spool = await store.spool();
    await spool.write(message.raw);
    filed.push(
      await store.file(view, spool, {
        flags,
        internalDate: message.internalDate.getTime(),
        origin: { direction: message.direction, source: 'archiver', folder: message.folder },
      }),
    );
  }
  return filed;
}
