import type { Flag } from '../store/types.ts';
import { Refusal, SyntaxFailure } from './errors.ts';
import type { Parser } from './wire/parser.ts';

/** The system flags of RFC 3501 section 2.3.2 that a client may set. */
export const SYSTEM_FLAGS: readonly Flag[] = ['\\Answered', '\\Flagged', '\\Deleted', '\\Seen', '\\Draft'];

const CANONICAL = new Map(SYSTEM_FLAGS.map(flag => [flag.toLowerCase(), flag]));
/** Flags of one command, and octets of one keyword: each becomes a row of the account. */
const MAXIMUM_FLAGS = 100;
const MAXIMUM_KEYWORD = 100;

/** `(\Seen $Forwarded)` */
export function parseFlagList(parser: Parser): Flag[] {
  return distinct(parser.list(() => parser.flag()));
}

/** A list, or flags without parentheses up to the command's end, as STORE takes them. */
export function parseStoreFlags(parser: Parser): Flag[] {
  if (parser.peek === '(') return parseFlagList(parser);
  const flags = [parser.flag()];
  while (parser.take(' ')) flags.push(parser.flag());
  return distinct(flags);
}

/** Each flag once, system flags in their one spelling. `\Recent` is the server's own and is passed over. */
function distinct(flags: readonly Flag[]): Flag[] {
  const byName = new Map<string, Flag>();
  for (const flag of flags) {
    const name = flag.toLowerCase();
    if (name === '\\recent') continue;
    const system = CANONICAL.get(name);
    if (system === undefined && flag.startsWith('\\')) throw new SyntaxFailure('Unknown system flag');
    if (flag.length > MAXIMUM_KEYWORD) throw new Refusal('LIMIT', 'Etichetta troppo lunga.');
    byName.set(name, system ?? flag);
  }
  if (byName.size > MAXIMUM_FLAGS) throw new Refusal('LIMIT', 'Troppe etichette in un solo comando.');
  return [...byName.values()];
}

/** `(\Seen $Forwarded)` for a response. */
export function formatFlags(flags: readonly Flag[]): string {
  return `(${flags.join(' ')})`;
}

export function isSystemFlag(flag: Flag): boolean {
  return flag.startsWith('\\');
}
