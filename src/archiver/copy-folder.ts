import type { ImapFlow, MailboxObject } from 'imapflow';
import type { Logger } from 'pino';
import { type AccountStore, type Filed, type FolderCursor, type Origin, StoreError } from '../store/types.ts';
import { copyMessage, UnreadableMessageError } from './copy-message.ts';

export interface CopyContext {
  readonly client: ImapFlow;
  readonly account: AccountStore;
  readonly logger: Logger;
  readonly onArchived: (filed: Filed) => Promise<void>;
  readonly stopped: () => boolean;
}

/** A message whose copying failed for a reason of its own; it must not hold up those after it. */
interface Failed {
  readonly folder: string;
  readonly uidValidity: number;
  readonly uid: number;
  readonly reason: string;
}

const FAILED = 'archiver.failed';
const MAX_FAILED = 1000;

/** Failures of the archive as a whole: trying the next message makes no sense. */
const GENERAL = new Set<string>(['OVERQUOTA', 'UNAVAILABLE', 'LIMIT', 'NONEXISTENT']);

/**
 * Archives what the open folder holds above the cursor, in the order of the UIDs. The cursor follows each message that
 * the archive has on disk, so that a crash repeats at most one, which the store then knows by its bytes.
 * @param fromStart a folder without a cursor is read from its first message on; otherwise from now on
 */
export async function copyNewMessages(
  context: CopyContext,
  mailbox: MailboxObject,
  direction: Origin['direction'],
  fromStart: boolean,
): Promise<void> {
  const { client, account } = context;
  const folder = mailbox.path;
  const uidValidity = Number(mailbox.uidValidity);
  let cursor = (await account.cursors()).find(known => known.folder === folder) ?? null;
  if (cursor === null) {
    cursor = { folder, uidValidity, lastUid: fromStart ? 0 : await highestUid(client, mailbox) };
    await account.setCursor(cursor);
  } else if (cursor.uidValidity !== uidValidity) {
    context.logger.warn({ folder, uidValidity }, 'the folder has new UIDs: it is read again from its start');
    cursor = { folder, uidValidity, lastUid: 0 };
    await account.setCursor(cursor);
  }
  for (const uid of await uidsAbove(client, cursor.lastUid)) {
    if (context.stopped()) return;
    const failure = await archive(context, cursor, uid, direction);
    if (failure !== null) await setFailed(account, [...(await failed(account)), failure]);
    cursor = { ...cursor, lastUid: uid };
    await account.setCursor(cursor);
  }
}

/** Tries again what failed in the open folder. */
export async function retryFailed(
  context: CopyContext,
  mailbox: MailboxObject,
  direction: Origin['direction'],
): Promise<void> {
  const { account } = context;
  const uidValidity = Number(mailbox.uidValidity);
  const all = await failed(account);
  const here = all.filter(failure => failure.folder === mailbox.path);
  if (here.length === 0) return;
  let left = all;
  for (const failure of here) {
    if (context.stopped()) return;
    const cursor = { folder: failure.folder, uidValidity, lastUid: failure.uid };
    // Of a UIDVALIDITY that is gone: the folder has been read again from its start.
    const still = failure.uidValidity === uidValidity ? await archive(context, cursor, failure.uid, direction) : null;
    left = left.filter(other => other !== failure).concat(still ?? []);
    await setFailed(account, left);
  }
}

/** Archives one message; gives the failure when it is the message's own, throws when it is a general one. */
async function archive(
  context: CopyContext,
  { folder, uidValidity }: FolderCursor,
  uid: number,
  direction: Origin['direction'],
): Promise<Failed | null> {
  const { client, account, logger } = context;
  try {
    const filed = await copyMessage(client, account, uid, { direction, source: 'archiver', folder });
    if (filed === null) {
      logger.info({ folder, uid }, 'a message was gone before it could be archived');
      return null;
    }
    logger.debug({ folder, uid, message: filed.message, duplicate: filed.duplicate }, 'archived');
    return await tellArchived(context, filed, { folder, uidValidity, uid });
  } catch (error) {
    if (!isOfTheMessage(error)) throw error;
    logger.error({ folder, uid, err: error }, 'a message could not be archived; others go on');
    return { folder, uidValidity, uid, reason: error.message };
  }
}

function isOfTheMessage(error: unknown): error is Error {
  return error instanceof UnreadableMessageError || (error instanceof StoreError && !GENERAL.has(error.code));
}

/** The message is safe; what is to be done with it next can wait, and must not hold up those after it. */
async function tellArchived(
  { onArchived, logger }: CopyContext,
  filed: Filed,
  where: Omit<Failed, 'reason'>,
): Promise<Failed | null> {
  try {
    await onArchived(filed);
    return null;
  } catch (error) {
    logger.error({ ...where, err: error }, 'an archived message could not be handed on');
    return { ...where, reason: error instanceof Error ? error.message : String(error) };
  }
}

async function failed(account: AccountStore): Promise<readonly Failed[]> {
  return (await account.setting<Failed[]>(FAILED)) ?? [];
}

async function setFailed(account: AccountStore, all: readonly Failed[]): Promise<void> {
  await account.setSetting(FAILED, all.slice(-MAX_FAILED));
}

/** `n:*` names the last message even when its UID is below n (RFC 3501 section 6.4.8). */
async function uidsAbove(client: ImapFlow, lastUid: number): Promise<number[]> {
  const found = await client.search({ uid: `${lastUid + 1}:*` }, { uid: true });
  if (!found) throw new Error('the upstream refused to search');
  return found.filter(uid => uid > lastUid).sort((a, b) => a - b);
}

/** UIDNEXT may be missing (RFC 3501 section 6.3.1). */
async function highestUid(client: ImapFlow, mailbox: MailboxObject): Promise<number> {
  if (mailbox.uidNext > 0) return mailbox.uidNext - 1;
  return Math.max(0, ...(await uidsAbove(client, 0)).slice(-1));
}
