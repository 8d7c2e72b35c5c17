/**
 * Frees space in the provider's mailbox. A message is removed there only when its copy here has been read from disk again
 * and is, octet for octet, what the provider hands out now; only by its own UID (UID EXPUNGE, RFC 4315 section 2.1), only
 * in the UIDVALIDITY that its copy was made under, and never when it is unread or flagged. What the archive does not know
 * by its UID is left alone.
 */
import { createHash } from 'node:crypto';
import type { ImapFlow } from 'imapflow';
import type { Logger } from 'pino';
import { type AccountStore, StoreError, type UpstreamMessage } from '../store/types.ts';
import { forgetExpunged } from './copy-folder.ts';
import { fetchInto, UnreadableMessageError } from './copy-message.ts';

export interface FreeOptions {
  /** What a message has to be for its place upstream to be freed. */
  readonly after: 'archived' | 'conserved';
  /** Since before this instant, milliseconds since the epoch; null: however short a time. */
  readonly keptBefore: number | null;
  /** Only messages that came before this instant's day; null: all. */
  readonly receivedBefore: number | null;
  /** Messages a day, over all calls. */
  readonly perDay: number;
  readonly dryRun: boolean;
  /** For the journal: `archiver`, `cli`. */
  readonly actor: string;
  readonly stopped: () => boolean;
}

export interface Freed {
  /** Removed; in a dry run: that would be. */
  messages: number;
  octets: number;
  /** What was looked at and left alone because something about it was not as it has to be. */
  readonly kept: { readonly folder: string; readonly uid: number; readonly reason: string }[];
}

/** Removed with one command. */
const TOGETHER = 50;
const MAX_KEPT_NAMED = 1000;
/** Setting of the account's store: how much was removed on the last day. */
const TODAY = 'space.today';

interface Today {
  readonly day: string;
  readonly messages: number;
}

interface Verified extends UpstreamMessage {
  readonly sha256: string;
  readonly size: number;
}

/** Rejects when the upstream has no UIDPLUS, and when the connection or the archive fails. */
export async function freeUpstream(
  client: ImapFlow,
  account: AccountStore,
  folders: readonly string[],
  options: FreeOptions & { readonly logger: Logger },
): Promise<Freed> {
  if (!client.capabilities.has('UIDPLUS')) {
    throw new Error('the upstream has no UIDPLUS: no message could be removed without regard to others');
  }
  const freed: Freed = { messages: 0, octets: 0, kept: [] };
  for (const folder of folders) {
    if (options.stopped() || (await left(account, options, freed)) === 0) break;
    await freeFolder(client, account, folder, options, freed);
  }
  return freed;
}

async function freeFolder(
  client: ImapFlow,
  account: AccountStore,
  folder: string,
  options: FreeOptions & { readonly logger: Logger },
  freed: Freed,
): Promise<void> {
  const mailbox = await client.mailboxOpen(folder, { readOnly: options.dryRun });
  const place = { folder, uidValidity: Number(mailbox.uidValidity) };
  const known = new Set(await account.knownUpstreamUids(place));
  if (known.size === 0 || mailbox.exists === 0) return;
  const before = options.receivedBefore;
  const found = await client.search(
    { seen: true, flagged: false, deleted: false, ...(before === null ? {} : { before: new Date(before) }) },
    { uid: true },
  );
  if (!found) throw new Error('the upstream refused to search');
  const candidates = found.filter(uid => known.has(uid)).sort((a, b) => a - b);
  let room = await left(account, options, freed);
  for (let start = 0; start < candidates.length && room > 0; start += TOGETHER) {
    if (options.stopped()) return;
    const verified: Verified[] = [];
    for (const message of await account.upstreamMessages(place, candidates.slice(start, start + TOGETHER))) {
      if (verified.length >= room) break;
      const outcome = await verify(client, account, message, options);
      if (outcome === null) continue;
      if (typeof outcome !== 'string') verified.push(outcome);
      else {
        options.logger.warn({ folder, uid: message.uid, reason: outcome }, 'a message is not removed upstream');
        if (freed.kept.length < MAX_KEPT_NAMED) freed.kept.push({ folder, uid: message.uid, reason: outcome });
      }
    }
    if (verified.length === 0) continue;
    if (!options.dryRun) await remove(client, account, place, verified, options);
    room -= verified.length;
    freed.messages += verified.length;
    freed.octets += verified.reduce((sum, { size }) => sum + size, 0);
    for (const { uid, message, size } of verified) {
      options.logger.info({ folder, uid, message, size, dryRun: options.dryRun }, 'removed upstream');
    }
  }
  if (!options.dryRun) await forgetExpunged({ client, account }, mailbox);
}

/** null: its time has not come. A text: why it must not be removed. */
async function verify(
  client: ImapFlow,
  account: AccountStore,
  { uid, message }: UpstreamMessage,
  { after, keptBefore }: FreeOptions,
): Promise<Verified | string | null> {
  try {
    const copy = await account.keptCopy(message);
    const since = after === 'conserved' ? copy.conservedAt : (copy.archivedAt ?? copy.conservedAt);
    if (since === null || (keptBefore !== null && since >= keptBefore)) return null;
    const digest = createHash('sha256');
    const fetched = await fetchInto(client, uid, async octets => void digest.update(octets));
    if (fetched === null) return null;
    if (fetched.octets !== copy.size || digest.digest('hex') !== copy.sha256) {
      return 'the upstream hands out other bytes than the archive holds';
    }
    return { uid, message, sha256: copy.sha256, size: copy.size };
  } catch (error) {
    const ofTheMessage =
      error instanceof UnreadableMessageError ||
      (error instanceof StoreError && ['CORRUPTION', 'NONEXISTENT', 'SERVERBUG'].includes(error.code));
    if (!ofTheMessage) throw error;
    return error.message;
  }
}

/** Written down before it is done: what was removed is never missing in the journal. */
async function remove(
  client: ImapFlow,
  account: AccountStore,
  { folder, uidValidity }: { readonly folder: string; readonly uidValidity: number },
  messages: readonly Verified[],
  { actor }: FreeOptions,
): Promise<void> {
  const uids = messages.map(({ uid }) => uid);
  const detail = { folder, uidValidity, uids, messages: messages.map(({ sha256 }) => sha256) };
  await account.appendJournal('upstream-removal', actor, detail);
  const today = await removedToday(account);
  await account.setSetting<Today>(TODAY, { ...today, messages: today.messages + messages.length });
  const set = uids.join(',');
  if (!(await client.messageDelete(set, { uid: true }))) {
    await client.messageFlagsRemove(set, ['\\Deleted'], { uid: true });
    throw new Error(`the upstream does not let messages of ${folder} be removed`);
  }
}

/** How many may still be removed today. */
async function left(account: AccountStore, { perDay, dryRun }: FreeOptions, freed: Freed): Promise<number> {
  return Math.max(0, perDay - (await removedToday(account)).messages - (dryRun ? freed.messages : 0));
}

async function removedToday(account: AccountStore): Promise<Today> {
  const day = new Date().toISOString().slice(0, 10);
  const known = await account.setting<Today>(TODAY);
  return known?.day === day ? known : { day, messages: 0 };
}
