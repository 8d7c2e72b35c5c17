/** What is older than the archiver: messages of upstream folders, by the day they came. */
import type { ImapFlow, ListResponse } from 'imapflow';
import type { Destination } from '../archiver/copy-message.ts';
import { copyRun, RUN_MESSAGES } from '../archiver/copy-run.ts';
import { openReadOnly } from '../archiver/folders.ts';
import { findSentFolder } from '../archiver/sent-folder.ts';
import type { Account } from '../store/accounts/types.ts';
import type { AccountStore, Origin } from '../store/types.ts';
import type { ImportOptions } from './options.ts';
import { addFailure, type Imported, newImport } from './outcome.ts';

/** Not asked for by name, these hold nothing to keep, or everything twice. */
const PASSED_OVER = new Set(['\\All', '\\Drafts', '\\Junk', '\\Trash']);

interface Chosen {
  readonly path: string;
  readonly direction: Origin['direction'];
}

/**
 * @param folders by their names at the provider; empty: all but drafts, junk and trash
 * Rejects when a folder is not there, and when the connection or the archive fails: run again, it goes on where it was.
 */
export async function importUpstream(
  client: ImapFlow,
  { account, store }: { readonly account: Account; readonly store: AccountStore },
  folders: readonly string[],
  options: ImportOptions,
): Promise<Imported> {
  const outcome = newImport(0);
  const work: { readonly folder: Chosen; readonly uids: readonly number[] }[] = [];
  for (const folder of choose(await client.list(), folders, account)) {
    const { uids, known } = await unknownUids(client, store, folder.path, options);
    outcome.messages += uids.length + known;
    outcome.known += known;
    outcome.total += uids.length;
    if (uids.length > 0) work.push({ folder, uids });
  }
  if (options.dryRun) {
    outcome.imported = outcome.total;
    outcome.done = outcome.total;
    return outcome;
  }
  for (const { folder, uids } of work) await importFolder(client, store, folder, uids, options, outcome);
  return outcome;
}

function choose(listed: readonly ListResponse[], wanted: readonly string[], account: Account): Chosen[] {
  const configured = account.upstream.kind === 'remote' ? account.upstream.sentFolder : null;
  const sent = findSentFolder(listed, configured);
  const selectable = listed.filter(({ flags }) => ![...flags].some(flag => /^\\(noselect|nonexistent)$/i.test(flag)));
  const missing = wanted.filter(name => !selectable.some(({ path }) => path === name));
  if (missing.length > 0) throw new Error(`the upstream has no folder ${missing.join(', ')}`);
  return selectable
    .filter(({ path, specialUse }) =>
      wanted.length > 0 ? wanted.includes(path) : specialUse === undefined || !PASSED_OVER.has(specialUse),
    )
    .map(({ path }) => ({ path, direction: path === sent ? 'sent' : path === 'INBOX' ? 'received' : 'unknown' }));
}

/** Of the days asked for, those that are not known to be in the archive. For conservation each is looked at. */
async function unknownUids(
  client: ImapFlow,
  store: AccountStore,
  path: string,
  { since, before, conserve }: ImportOptions,
): Promise<{ readonly uids: readonly number[]; readonly known: number }> {
  const mailbox = await openReadOnly(client, path);
  if (mailbox.exists === 0) return { uids: [], known: 0 };
  const days = {
    ...(since === null ? {} : { since: new Date(since) }),
    ...(before === null ? {} : { before: new Date(before) }),
  };
  const found = await client.search(since === null && before === null ? { all: true } : days, { uid: true });
  if (!found) throw new Error('the upstream refused to search');
  const folder = { folder: path, uidValidity: Number(mailbox.uidValidity) };
  const known = new Set(conserve ? [] : await store.knownUpstreamUids(folder));
  const uids = found.filter(uid => !known.has(uid)).sort((a, b) => a - b);
  return { uids, known: found.length - uids.length };
}

async function importFolder(
  client: ImapFlow,
  store: AccountStore,
  { path, direction }: Chosen,
  uids: readonly number[],
  { conserve, progress }: ImportOptions,
  outcome: Imported,
): Promise<void> {
  const mailbox = await openReadOnly(client, path);
  const folder = { folder: path, uidValidity: Number(mailbox.uidValidity) };
  const destination: Destination = {
    account: store,
    view: conserve ? { tree: 'intake' } : { tree: 'archive' },
    origin: { direction, source: 'import', folder: path },
  };
  for (let start = 0; start < uids.length; start += RUN_MESSAGES) {
    const { copied, error } = await copyRun(client, destination, uids.slice(start, start + RUN_MESSAGES));
    for (const one of copied) {
      if ('failure' in one) addFailure(outcome, `${path}, UID ${one.uid}`, one.failure);
      else if ('gone' in one) outcome.leftOut += 1;
      else if (one.filed.duplicate) outcome.known += 1;
      else outcome.imported += 1;
    }
    const known = copied.flatMap(one => ('filed' in one ? [{ uid: one.uid, message: one.filed.message }] : []));
    await store.knowUpstream(folder, known);
    outcome.done += copied.length;
    progress(outcome);
    if (error !== null) throw error;
  }
}
