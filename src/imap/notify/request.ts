import { Refusal, SyntaxFailure } from '../errors.ts';
import { type FetchItems, parseFetchItems } from '../fetch/items.ts';
import type { Parser } from '../wire/parser.ts';

/** Which mailboxes an event group is about (RFC 5465 section 6). */
export type Filter =
  | { readonly kind: 'selected' | 'selected-delayed' | 'inboxes' | 'personal' | 'subscribed' }
  /** Names as the client wrote them, one character an octet. */
  | { readonly kind: 'subtree' | 'mailboxes'; readonly names: readonly string[] };

export interface EventGroup {
  readonly filter: Filter;
  /** MessageNew and MessageExpunge: one is never without the other. */
  readonly messages: boolean;
  readonly flags: boolean;
  readonly names: boolean;
  readonly subscriptions: boolean;
  /** What to fetch of a new message in the selected mailbox. */
  readonly fetch: FetchItems | null;
  /** The events as written, to be passed on. */
  readonly written: string;
}

/** A NOTIFY SET as understood; NOTIFY NONE has no groups. */
export interface NotifyRequest {
  readonly status: boolean;
  readonly groups: readonly EventGroup[];
}

const SUPPORTED = ['MessageNew', 'MessageExpunge', 'FlagChange', 'MailboxName', 'SubscriptionChange'];
const MAXIMUM_GROUPS = 50;
const MAXIMUM_NAMES = 2_000;

/** Reads the arguments of NOTIFY (RFC 5465 section 8). */
export function parseNotify(parser: Parser): NotifyRequest {
  parser.space();
  const word = parser.keyword();
  if (word === 'NONE') {
    parser.end();
    return { status: false, groups: [] };
  }
  if (word !== 'SET') throw new SyntaxFailure('Expected SET or NONE');
  parser.space();
  const status = parser.startsWith('STATUS ');
  if (status) {
    parser.keyword();
    parser.space();
  }
  const groups: EventGroup[] = [];
  do {
    if (groups.length >= MAXIMUM_GROUPS) throw new Refusal('LIMIT', 'Troppi gruppi di eventi.');
    groups.push(parseGroup(parser));
  } while (parser.take(' '));
  parser.end();
  if (groups.filter(({ filter }) => isSelected(filter)).length > 1) {
    throw new SyntaxFailure('SELECTED and SELECTED-DELAYED are for one group');
  }
  return { status, groups };
}

export function isSelected(filter: Filter): boolean {
  return filter.kind === 'selected' || filter.kind === 'selected-delayed';
}

function parseGroup(parser: Parser): EventGroup {
  parser.open();
  const filter = parseFilter(parser);
  parser.space();
  const start = parser.mark;
  const events = new Map<string, FetchItems | null>();
  if (parser.peek === '(') {
    const unknown: string[] = [];
    parser.list(() => {
      const name = parser.atom();
      const event = SUPPORTED.find(known => known.toLowerCase() === name.toLowerCase());
      if (event === undefined) unknown.push(name);
      else events.set(event, event === 'MessageNew' && parser.startsWith(' (') ? fetchItems(parser, filter) : null);
    });
    if (unknown.length > 0) {
      throw new Refusal(`BADEVENT (${SUPPORTED.join(' ')})`, 'Tra gli eventi richiesti ce ne sono di non disponibili.');
    }
    if (events.size === 0) throw new SyntaxFailure('No event');
  } else if (parser.keyword() !== 'NONE') {
    throw new SyntaxFailure('Expected events or NONE');
  }
  const written = parser.since(start);
  if (written === null) throw new SyntaxFailure('No literals in events');
  parser.close();
  checkTogether(events, filter);
  return {
    filter,
    messages: events.has('MessageNew'),
    flags: events.has('FlagChange'),
    names: events.has('MailboxName'),
    subscriptions: events.has('SubscriptionChange'),
    fetch: events.get('MessageNew') ?? null,
    written,
  };
}

function fetchItems(parser: Parser, filter: Filter): FetchItems {
  if (!isSelected(filter)) throw new SyntaxFailure('FETCH items are for the selected mailbox');
  parser.space();
  return parseFetchItems(parser);
}

/** RFC 5465 sections 5 and 6.1. */
function checkTogether(events: ReadonlyMap<string, unknown>, filter: Filter): void {
  if (events.has('MessageNew') !== events.has('MessageExpunge')) {
    throw new SyntaxFailure('MessageNew and MessageExpunge belong together');
  }
  if (events.has('FlagChange') && !events.has('MessageNew')) {
    throw new SyntaxFailure('FlagChange needs MessageNew and MessageExpunge');
  }
  if (isSelected(filter) && (events.has('MailboxName') || events.has('SubscriptionChange'))) {
    throw new SyntaxFailure('Only message events of the selected mailbox');
  }
}

function parseFilter(parser: Parser): Filter {
  const kind = parser.keyword();
  switch (kind) {
    case 'SELECTED':
      return { kind: 'selected' };
    case 'SELECTED-DELAYED':
      return { kind: 'selected-delayed' };
    case 'INBOXES':
      return { kind: 'inboxes' };
    case 'PERSONAL':
      return { kind: 'personal' };
    case 'SUBSCRIBED':
      return { kind: 'subscribed' };
    case 'SUBTREE':
    case 'MAILBOXES': {
      parser.space();
      const names = parser.peek === '(' ? parser.list(() => parser.astring()) : [parser.astring()];
      if (names.length === 0) throw new SyntaxFailure('No mailbox');
      if (names.length > MAXIMUM_NAMES) throw new Refusal('LIMIT', 'Troppe cartelle indicate.');
      return { kind: kind === 'SUBTREE' ? 'subtree' : 'mailboxes', names };
    }
    default:
      throw new SyntaxFailure('Unknown mailbox specifier');
  }
}
