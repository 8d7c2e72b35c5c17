import type { ImapFlow, MailboxObject } from 'imapflow';
import type { Account } from '../store/accounts/types.ts';
import type { Origin } from '../store/types.ts';
import { type CopyContext, copyNewMessages, forgetExpunged, retryFailed } from './copy-folder.ts';
import { findSentFolder } from './sent-folder.ts';

/** What is archived by itself. */
export interface Auto {
  readonly incoming: boolean;
  readonly sent: boolean;
  /** Names of further upstream folders. */
  readonly folders: readonly string[];
}

const SENT_FOLDER = 'archiver.sentFolder';
const ABSENT = 'archiver.absentFolders';

interface Watched {
  readonly path: string;
  readonly direction: Origin['direction'];
  /** It was not there at a former look: all that it holds came since. */
  readonly fromStart: boolean;
  /** Told once it has been read. */
  readonly read: () => Promise<void>;
}

/**
 * Looks at every folder: INBOX first, for its pushes; then the others, if they have grown; INBOX again, if that took our
 * eyes off it.
 * @param thorough also looks for folders that came, tries again what failed and forgets what was expunged
 */
export async function readFolders(
  context: CopyContext,
  account: Account,
  auto: Auto,
  thorough: boolean,
): Promise<void> {
  if (auto.incoming) await readFolder(context, 'INBOX', 'received', { fromStart: false, thorough });
  let moved = false;
  for (const { path, direction, fromStart, read } of await watched(context, account, auto, thorough)) {
    const look = thorough || fromStart || isOpen(context.client, path) || (await hasGrown(context, path));
    if (!look || context.stopped()) continue;
    await readFolder(context, path, direction, { fromStart, thorough });
    await read();
    moved = true;
  }
  if (moved && auto.incoming && !context.stopped()) {
    await readFolder(context, 'INBOX', 'received', { fromStart: false, thorough: false });
  }
}

async function readFolder(
  context: CopyContext,
  path: string,
  direction: Origin['direction'],
  { fromStart, thorough }: { readonly fromStart: boolean; readonly thorough: boolean },
): Promise<void> {
  const mailbox = await openReadOnly(context.client, path);
  if (thorough) {
    await forgetExpunged(context, mailbox);
    await retryFailed(context, mailbox, direction);
  }
  await copyNewMessages(context, mailbox, direction, fromStart);
}

async function watched(
  { client, account: store }: CopyContext,
  account: Account,
  auto: Auto,
  thorough: boolean,
): Promise<Watched[]> {
  const found: Watched[] = [];
  const listed = thorough ? await client.list() : null;
  if (auto.sent) {
    const { upstream } = account;
    const known = await store.setting<{ readonly path: string | null }>(SENT_FOLDER);
    let path = known?.path ?? null;
    if (path === null || listed !== null) {
      const configured = upstream.kind === 'remote' ? upstream.sentFolder : null;
      path = findSentFolder(listed ?? (await client.list()), configured);
      if (known === null || (path !== null && known.path !== null && path !== known.path)) {
        await store.setSetting(SENT_FOLDER, { path });
      }
    }
    if (path !== null) {
      const sent = path;
      const fromStart = known !== null && known.path === null;
      const read = async (): Promise<void> => {
        if (fromStart) await store.setSetting(SENT_FOLDER, { path: sent });
      };
      found.push({ path, direction: 'sent', fromStart, read });
    }
  }
  const absent = auto.folders.length > 0 ? ((await store.setting<readonly string[]>(ABSENT)) ?? []) : [];
  let missing = absent;
  for (const name of auto.folders) {
    if (/^inbox$/i.test(name) || found.some(({ path }) => path === name)) continue;
    const there = listed === null ? !absent.includes(name) : listed.some(({ path }) => path === name);
    if (!there) {
      if (!missing.includes(name)) missing = [...missing, name];
      continue;
    }
    const fromStart = absent.includes(name);
    const read = async (): Promise<void> => {
      if (!fromStart) return;
      const now = (await store.setting<readonly string[]>(ABSENT)) ?? [];
      await store.setSetting(
        ABSENT,
        now.filter(other => other !== name),
      );
    };
    found.push({ path: name, direction: 'unknown', fromStart, read });
  }
  if (missing !== absent) await store.setSetting(ABSENT, missing);
  return found;
}

/**
 * Read-only: EXAMINE changes no flag, `\Recent` included, in the user's mailbox. In a folder that is open already a
 * server may search only what it has announced, and NOOP lets it announce (RFC 3501 section 6.1.2).
 */
export async function openReadOnly(client: ImapFlow, path: string): Promise<MailboxObject> {
  if (!isOpen(client, path)) return client.mailboxOpen(path, { readOnly: true });
  await client.noop();
  const { mailbox } = client;
  if (!mailbox) throw new Error('the connection went away');
  return mailbox;
}

function isOpen(client: ImapFlow, path: string): boolean {
  return client.mailbox !== false && client.mailbox.path === path && client.mailbox.readOnly === true;
}

async function hasGrown({ client, account }: CopyContext, path: string): Promise<boolean> {
  const cursor = (await account.cursors()).find(known => known.folder === path);
  if (cursor === undefined) return true;
  const status = await client.status(path, { uidNext: true, uidValidity: true });
  if (!status || status.uidNext === undefined) return true;
  return Number(status.uidValidity) !== cursor.uidValidity || status.uidNext > cursor.lastUid + 1;
}
