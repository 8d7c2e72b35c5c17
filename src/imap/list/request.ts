import { Refusal, SyntaxFailure } from '../errors.ts';
import { decodeMutf7 } from '../mutf7.ts';
import type { Session } from '../session.ts';
import { parseStatusItems } from '../status.ts';
import { type Parser, utf8 } from '../wire/parser.ts';
import type { IncomingCommand } from '../wire/reader.ts';

/** A LIST, LSUB or XLIST as understood (RFC 3501 sections 6.3.8 and 6.3.9, RFC 5258, RFC 5819, RFC 6154). */
export interface ListRequest {
  readonly command: 'LIST' | 'LSUB' | 'XLIST';
  /** Reference and pattern joined, in Unicode; one that is not valid text matches nothing and is left out. */
  readonly patterns: readonly string[];
  /** `LIST "" ""`: the delimiter is asked for, no mailbox. */
  readonly delimiterOnly: boolean;
  /** SUBSCRIBED as selection option; always with LSUB. */
  readonly subscribed: boolean;
  readonly recursiveMatch: boolean;
  /** SPECIAL-USE as selection option: only mailboxes with one. */
  readonly specialUse: boolean;
  /** RETURN (SUBSCRIBED): tell `\Subscribed`. */
  readonly returnSubscribed: boolean;
  /** RETURN (STATUS (...)): the items. */
  readonly statusItems: readonly string[] | null;
}

/** Patterns of one command together: matching takes time with their length. */
const MAXIMUM_PATTERN = 2_048;

/** Reads the arguments of LIST, LSUB or XLIST. Throws SyntaxFailure on what the grammar forbids. */
export function parseListCommand(command: IncomingCommand, parser: Parser, session: Session): ListRequest {
  const name = command.name === 'LSUB' || command.name === 'XLIST' ? command.name : 'LIST';
  parser.space();
  const selection = new Set<string>();
  if (name === 'LIST' && parser.peek === '(') {
    for (const option of parser.list(() => parser.keyword())) {
      if (!['SUBSCRIBED', 'REMOTE', 'RECURSIVEMATCH', 'SPECIAL-USE'].includes(option)) {
        throw new SyntaxFailure('Unknown selection option');
      }
      selection.add(option);
    }
    if (selection.has('RECURSIVEMATCH') && !selection.has('SUBSCRIBED') && !selection.has('SPECIAL-USE')) {
      throw new SyntaxFailure('RECURSIVEMATCH needs another selection option');
    }
    parser.space();
  }
  const reference = parser.astring();
  parser.space();
  const written =
    name === 'LIST' && parser.peek === '(' ? parser.list(() => parser.listMailbox()) : [parser.listMailbox()];
  if (written.length === 0) throw new SyntaxFailure('No pattern');
  const options = name === 'LIST' && parser.take(' ') ? parseReturn(parser) : { subscribed: false, statusItems: null };
  parser.end();
  return {
    command: name,
    patterns: patterns(session, reference, written),
    delimiterOnly: written.length === 1 && written[0] === '' && selection.size === 0 && name !== 'LSUB',
    subscribed: name === 'LSUB' || selection.has('SUBSCRIBED'),
    recursiveMatch: selection.has('RECURSIVEMATCH'),
    specialUse: selection.has('SPECIAL-USE'),
    returnSubscribed: options.subscribed || selection.has('SUBSCRIBED'),
    statusItems: options.statusItems,
  };
}

/** `RETURN (SUBSCRIBED CHILDREN SPECIAL-USE STATUS (...))`; children and special use are told in any case. */
function parseReturn(parser: Parser): { subscribed: boolean; statusItems: readonly string[] | null } {
  if (parser.keyword() !== 'RETURN') throw new SyntaxFailure('Expected RETURN');
  parser.space();
  let subscribed = false;
  let statusItems: readonly string[] | null = null;
  parser.list(() => {
    switch (parser.keyword()) {
      case 'SUBSCRIBED':
        subscribed = true;
        return;
      case 'CHILDREN':
      case 'SPECIAL-USE':
        return;
      case 'STATUS':
        parser.space();
        statusItems = parseStatusItems(parser);
        return;
      default:
        throw new SyntaxFailure('Unknown return option');
    }
  });
  return { subscribed, statusItems };
}

function patterns(session: Session, reference: string, written: readonly string[]): string[] {
  const joined = written.map(pattern => reference + pattern);
  if (joined.reduce((sum, pattern) => sum + pattern.length, 0) > MAXIMUM_PATTERN) {
    throw new Refusal('LIMIT', 'Ricerca di cartelle troppo lunga.');
  }
  const decode = session.utf8Names ? utf8 : decodeMutf7;
  return joined.flatMap(pattern => decode(pattern)?.normalize('NFC') ?? []);
}
