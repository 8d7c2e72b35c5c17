import type { ImapFlow, MailboxObject } from 'imapflow';
import type { Logger } from 'pino';
import type { AccountStore, Filed, FolderCursor, Origin, UpstreamMessage } from '../store/types.ts';
import { type Copied, copyRun, RUN_MESSAGES } from './copy-run.ts';
import { SINCE } from './state.ts';
import type { Turns } from './turns.ts';

export interface CopyContext {
  readonly client: ImapFlow;
  readonly account: AccountStore;
  readonly logger: Logger;
  readonly onArchived: (filed: Filed) => Promise<void>;
  readonly stopped: () => boolean;
  /** Bounds what all accounts together have on its way. */
  readonly turns: Turns;
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
const DAY = 86_400_000;

/**
 * Archives what the open folder holds above the cursor, in the order of the UIDs. The cursor follows each run of messages
 * that the archive has on disk, so that a crash repeats at most one, which the store then knows by its bytes.
 * @param fromStart a folder without a cursor is read from its first message on; otherwise from when the archiver began
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
    cursor = { folder, uidValidity, lastUid: fromStart ? 0 : await lastBefore(context, mailbox) };
    await account.setCursor(cursor);
  } else if (cursor.uidValidity !== uidValidity) {
    context.logger.warn({ folder, uidValidity }, 'the folder has new UIDs: it is read again from its start');
    cursor = { folder, uidValidity, lastUid: 0 };
    await account.setCursor(cursor);
  }
  const uids = await uidsAbove(client, cursor.lastUid);
  for (let start = 0; start < uids.length && !context.stopped(); start += RUN_MESSAGES) {
    await archiveRun(context, cursor, uids.slice(start, start + RUN_MESSAGES), direction);
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
  const here = (await failed(account)).filter(failure => failure.folder === mailbox.path);
  for (const failure of here) {
    if (context.stopped()) return;
    // Of a UIDVALIDITY that is gone: the folder has been read again from its start.
    const current = failure.uidValidity === uidValidity;
    const { known, failures, error } = current
      ? await copy(context, failure, [failure.uid], direction)
      : { known: [], failures: [], error: null };
    if (error !== null) throw error;
    const left = (await failed(account)).filter(
      other =>
        other.folder !== failure.folder || other.uid !== failure.uid || other.uidValidity !== failure.uidValidity,
    );
    if (known.length > 0) await account.knowUpstream(failure, known);
    await setFailed(account, [...left, ...failures]);
  }
}

/** Forgets of the open folder what others have expunged there. */
export async function forgetExpunged(
  { client, account }: Pick<CopyContext, 'client' | 'account'>,
  mailbox: MailboxObject,
): Promise<void> {
  const folder = { folder: mailbox.path, uidValidity: Number(mailbox.uidValidity) };
  const known = await account.knownUpstreamUids(folder);
  if (known.length === 0) return;
  const present = await client.search({ all: true }, { uid: true });
  if (!present) throw new Error('the upstream refused to search');
  const still = new Set(present);
  if (known.some(uid => !still.has(uid))) await account.retainUpstream(folder, present);
}

/** Archives a run and moves the cursor behind it; what failed on its own is put aside. Throws on a general failure. */
async function archiveRun(
  context: CopyContext,
  { folder, uidValidity }: FolderCursor,
  uids: readonly number[],
  direction: Origin['direction'],
): Promise<void> {
  const { account, turns } = context;
  const { known, failures, last, error } = await turns.take(() =>
    copy(context, { folder, uidValidity }, uids, direction),
  );
  if (failures.length > 0) await setFailed(account, [...(await failed(account)), ...failures]);
  if (last !== null) await account.setCursor({ folder, uidValidity, lastUid: last }, known);
  if (error !== null) throw error;
}

interface Outcome {
  readonly known: readonly UpstreamMessage[];
  readonly failures: readonly Failed[];
  /** The last UID that has been seen to. */
  readonly last: number | null;
  readonly error: unknown;
}

async function copy(
  context: CopyContext,
  where: Pick<FolderCursor, 'folder' | 'uidValidity'>,
  uids: readonly number[],
  direction: Origin['direction'],
): Promise<Outcome> {
  const { client, account } = context;
  const { folder, uidValidity } = where;
  const origin: Origin = { direction, source: 'archiver', folder };
  const { copied, error } = await copyRun(client, { account, view: { tree: 'archive' }, origin }, uids);
  const reasons = await Promise.all(copied.map(one => conclude(context, folder, one)));
  return {
    known: copied.flatMap(one => ('filed' in one ? [{ uid: one.uid, message: one.filed.message }] : [])),
    failures: copied.flatMap(({ uid }, index) => {
      const reason = reasons[index] ?? null;
      return reason === null ? [] : [{ folder, uidValidity, uid, reason }];
    }),
    last: copied.at(-1)?.uid ?? null,
    error,
  };
}

/** Tells of an archived message. Why it has to be tried again; null when it has not. */
async function conclude({ logger, onArchived }: CopyContext, folder: string, copied: Copied): Promise<string | null> {
  const { uid } = copied;
  if ('gone' in copied) {
    logger.info({ folder, uid }, 'a message was gone before it could be archived');
    return null;
  }
  if ('failure' in copied) {
    logger.error({ folder, uid, err: copied.failure }, 'a message could not be archived; others go on');
    return copied.failure.message;
  }
  const { message, duplicate } = copied.filed;
  logger.debug({ folder, uid, message, duplicate }, 'archived');
  try {
    await onArchived(copied.filed);
    return null;
  } catch (error) {
    // The message is safe; what is to be done with it next can wait, and must not hold up those after it.
    logger.error({ folder, uid, err: error }, 'an archived message could not be handed on');
    return error instanceof Error ? error.message : String(error);
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

/**
 * The last UID that was there when the archiver first began with the account: what came between that and its first look
 * at the folder is new mail. By INTERNALDATE, in seconds; SEARCH knows days only, and of no zone. (The first login of a
 * mail client leaves a cursor for INBOX, which is exact.)
 */
async function lastBefore({ client, account }: CopyContext, mailbox: MailboxObject): Promise<number> {
  const highest = await highestUid(client, mailbox);
  const since = await account.setting<number>(SINCE);
  if (since === null || highest === 0) return highest;
  // Of the second that it began in, nobody can say: what was there is not ours to copy.
  const second = Math.ceil(since / 1000) * 1000;
  const recent = await client.search({ since: new Date(second - DAY) }, { uid: true });
  if (!recent || recent.length === 0) return highest;
  let first = highest + 1;
  for await (const { uid, internalDate } of client.fetch(recent, { uid: true, internalDate: true }, { uid: true })) {
    if (internalDate !== undefined && new Date(internalDate).getTime() >= second) first = Math.min(first, uid);
  }
  return first - 1;
}
