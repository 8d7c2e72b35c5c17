import type { View, ViewListing } from '../../store/types.ts';
import type { ViewNames } from '../names.ts';
import type { Session } from '../session.ts';
import { namesOf, storeOf } from '../state.ts';
import { completeStatus, isEmptyTransient, statusLine } from '../status.ts';
import { matchesPattern } from './pattern.ts';
import type { ListRequest } from './request.ts';

/** A mailbox that an answer names: one of the store's, or a level above one that has no mailbox of its own. */
interface Entry {
  readonly name: string;
  readonly listing: ViewListing | null;
  /** RECURSIVEMATCH: something below fits the selection (RFC 5258 section 3.5). */
  readonly childInfo: boolean;
}

/**
 * The responses of LIST, LSUB or XLIST for the account's own views and local mailboxes; each LIST line is followed by
 * its STATUS line.
 * @param options.archiveSpecialUse whether the archive's root is `\Archive`; by default, when no local mailbox is
 */
export async function listViewLines(
  session: Session,
  request: ListRequest,
  options?: { readonly archiveSpecialUse: boolean },
): Promise<string[]> {
  const names = namesOf(session);
  if (request.delimiterOnly) return [];
  const listings = (await storeOf(session).listViews()).filter(listing => names.shows(listing.view));
  const archive = options?.archiveSpecialUse ?? !listings.some(listing => listing.specialUse === '\\Archive');
  const entries = select(request, listings, names, listing => specialUse(listing, archive));
  const statuses = await statusLines(session, request, entries);
  return entries.flatMap(entry => {
    const line = listLine(session, request, entry, archive);
    const status = statuses.get(entry.name);
    return status === undefined ? [line] : [line, status];
  });
}

/** `* LIST (\Noselect) "/" ""`: the answer to an empty pattern. */
export function delimiterLine(session: Session, request: ListRequest): string {
  return `* ${request.command} (\\Noselect) ${quotedDelimiter(namesOf(session))} ""`;
}

/** The mailboxes that an answer names, in the store's order, each once. */
function select(
  request: ListRequest,
  listings: readonly ViewListing[],
  names: ViewNames,
  use: (listing: ViewListing) => string | null,
): Entry[] {
  const { delimiter } = names;
  const matches = (name: string) => request.patterns.some(pattern => fits(name, pattern, delimiter));
  const entries = new Map<string, Entry>();
  const known = new Map(listings.map(listing => [names.name(listing.view), listing]));
  for (const [name, listing] of known) {
    const wanted = (!request.subscribed || listing.subscribed) && (!request.specialUse || use(listing) !== null);
    if (!wanted) continue;
    if (matches(name)) entries.set(name, { name, listing, childInfo: entries.get(name)?.childInfo ?? false });
    // What is named itself need not be hinted at (RFC 5258 section 3.5).
    if (matches(name) || !(request.recursiveMatch || request.command === 'LSUB')) continue;
    for (const parent of parents(name, delimiter)) {
      if (!matches(parent)) continue;
      const own = entries.get(parent)?.listing ?? (request.recursiveMatch ? (known.get(parent) ?? null) : null);
      entries.set(parent, { name: parent, listing: own, childInfo: request.recursiveMatch });
      // LSUB names the level at which the pattern's `%` ends.
      if (request.command === 'LSUB') break;
    }
  }
  return [...entries.values()];
}

/** INBOX is the same in any case. */
function fits(name: string, pattern: string, delimiter: string): boolean {
  if (matchesPattern(name, pattern, delimiter)) return true;
  return name === 'INBOX' && matchesPattern('inbox', pattern.toLowerCase(), delimiter);
}

/** `a/b` and `a` of `a/b/c`, nearest first. */
function parents(name: string, delimiter: string): string[] {
  const found: string[] = [];
  let end = name.lastIndexOf(delimiter);
  while (end > 0) {
    found.push(name.slice(0, end));
    end = name.lastIndexOf(delimiter, end - 1);
  }
  return found;
}

/**
 * One mailbox by itself, with `\\Subscribed`, unasked for (RFC 5465 section 5.4).
 * @param oldName what it was called before
 */
export function mailboxLine(session: Session, listing: ViewListing, oldName: string | null): string {
  const names = namesOf(session);
  const attributes = listing.subscribed ? [...mailboxAttributes(listing), '\\Subscribed'] : mailboxAttributes(listing);
  const name = session.encodeMailbox(names.name(listing.view));
  const extension = oldName === null ? '' : ` ("OLDNAME" (${session.encodeMailbox(oldName)}))`;
  return `* LIST (${attributes.join(' ')}) ${quotedDelimiter(names)} ${name}${extension}`;
}

/** A mailbox that is no more. */
export function nonExistentLine(session: Session, name: string): string {
  return `* LIST (\\NonExistent) ${quotedDelimiter(namesOf(session))} ${session.encodeMailbox(name)}`;
}

function listLine(session: Session, request: ListRequest, entry: Entry, archive: boolean): string {
  const names = namesOf(session);
  const attributes = attributesOf(request, entry, archive).join(' ');
  const info = entry.childInfo ? ' (CHILDINFO ("SUBSCRIBED"))' : '';
  const name = session.encodeMailbox(entry.name);
  return `* ${request.command} (${attributes}) ${quotedDelimiter(names)} ${name}${info}`;
}

function attributesOf(request: ListRequest, { listing }: Entry, archive: boolean): string[] {
  if (request.command === 'LSUB') return listing === null || !listing.selectable ? ['\\Noselect'] : [];
  if (listing === null) return ['\\NonExistent', '\\HasChildren'];
  const attributes = mailboxAttributes(listing);
  if (request.returnSubscribed && listing.subscribed) attributes.push('\\Subscribed');
  const use = specialUse(listing, archive);
  if (use !== null) attributes.push(use);
  if (request.command === 'XLIST' && listing.view.tree === 'local' && listing.view.name === 'INBOX') {
    attributes.push('\\Inbox');
  }
  return attributes;
}

function mailboxAttributes(listing: ViewListing): string[] {
  const attributes = [listing.hasChildren ? '\\HasChildren' : '\\HasNoChildren'];
  if (!listing.selectable) attributes.push('\\Noselect');
  if (isLeaf(listing.view)) attributes.push('\\NoInferiors');
  return attributes;
}

/** Nothing can ever be below it. */
function isLeaf(view: View): boolean {
  if (view.tree === 'local') return false;
  return view.tree === 'intake' || 'special' in view || view.category !== undefined;
}

function specialUse(listing: ViewListing, archive: boolean): string | null {
  const { view } = listing;
  const isArchiveRoot = view.tree === 'archive' && view.year === undefined;
  return isArchiveRoot && archive ? '\\Archive' : listing.specialUse;
}

/** STATUS lines by name, asked of the store in one go. */
async function statusLines(
  session: Session,
  request: ListRequest,
  entries: readonly Entry[],
): Promise<Map<string, string>> {
  const lines = new Map<string, string>();
  const { statusItems } = request;
  if (statusItems === null) return lines;
  const selectable = entries.flatMap(({ name, listing }) =>
    listing?.selectable === true ? [{ name, view: listing.view }] : [],
  );
  const statuses = await storeOf(session).status(selectable.map(({ view }) => view));
  for (const [index, { name, view }] of selectable.entries()) {
    const status = statuses[index];
    if (status === undefined || isEmptyTransient(view, status)) continue;
    const told = await completeStatus(session, view, status, statusItems);
    lines.set(name, statusLine(session, name, told, statusItems));
  }
  return lines;
}

function quotedDelimiter(names: ViewNames): string {
  return `"${names.delimiter.replaceAll(/["\\]/g, '\\$&')}"`;
}
