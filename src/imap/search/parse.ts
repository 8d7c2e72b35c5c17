import type { SearchCriteria } from '../../store/criteria.ts';
import { Refusal, SyntaxFailure } from '../errors.ts';
import { isDay, monthIndex } from '../internal-date.ts';
import type { Numbers } from '../numbering.ts';
import { type Parser, type SequenceSet, utf8 } from '../wire/parser.ts';

/** Options of RETURN (RFC 4731, RFC 5182). */
export type ReturnOption = 'MIN' | 'MAX' | 'ALL' | 'COUNT' | 'SAVE';

/** A SEARCH as understood. */
export interface SearchRequest {
  /** null: the plain SEARCH response of RFC 3501. */
  readonly returns: ReadonlySet<ReturnOption> | null;
  readonly criteria: SearchCriteria;
  /** A MODSEQ key was used: the answer tells the highest MODSEQ (RFC 7162 section 3.1.5). */
  readonly modseq: boolean;
}

/** What the session has to say to a SEARCH's arguments. */
export interface SearchContext {
  /** Turns a set into UID ranges; what does not exist is left out. */
  readonly ranges: (set: SequenceSet, numbers: Numbers) => readonly (readonly [number, number])[];
  /** With UTF8=ACCEPT on, CHARSET must not be used (RFC 6855 section 3). */
  readonly utf8Only: boolean;
}

const RETURN_OPTIONS: readonly string[] = ['MIN', 'MAX', 'ALL', 'COUNT', 'SAVE'];
/** NOT and OR inside each other; parentheses have the parser's own limit. Chains of OR are as long as they like. */
const MAXIMUM_DEPTH = 500;
/** Keys of one program: the store makes a condition of each. */
const MAXIMUM_KEYS = 2_000;

const ALL: SearchCriteria = { op: 'and', operands: [] };
const NONE: SearchCriteria = { op: 'not', operand: ALL };

const FLAG_KEYS: Record<string, SearchCriteria> = {
  ALL,
  ANSWERED: flag('\\Answered'),
  DELETED: flag('\\Deleted'),
  DRAFT: flag('\\Draft'),
  FLAGGED: flag('\\Flagged'),
  SEEN: flag('\\Seen'),
  UNANSWERED: not(flag('\\Answered')),
  UNDELETED: not(flag('\\Deleted')),
  UNDRAFT: not(flag('\\Draft')),
  UNFLAGGED: not(flag('\\Flagged')),
  UNSEEN: not(flag('\\Seen')),
  // No message is \Recent here.
  NEW: NONE,
  RECENT: NONE,
  OLD: ALL,
};

const TEXT_KEYS = ['BCC', 'BODY', 'CC', 'FROM', 'SUBJECT', 'TEXT', 'TO'];

const DATE_KEYS: Record<string, { op: 'before' | 'on' | 'since'; field: 'internal' | 'sent' }> = {
  BEFORE: { op: 'before', field: 'internal' },
  ON: { op: 'on', field: 'internal' },
  SINCE: { op: 'since', field: 'internal' },
  SENTBEFORE: { op: 'before', field: 'sent' },
  SENTON: { op: 'on', field: 'sent' },
  SENTSINCE: { op: 'since', field: 'sent' },
};

/** Reads everything behind the command's name. */
export function parseSearch(parser: Parser, context: SearchContext): SearchRequest {
  parser.space();
  let returns: Set<ReturnOption> | null = null;
  if (parser.startsWith('RETURN (')) {
    parser.keyword();
    parser.space();
    returns = parseReturn(parser);
    parser.space();
  }
  let charset: string | null = null;
  if (parser.startsWith('CHARSET ')) {
    parser.keyword();
    parser.space();
    if (context.utf8Only) throw new SyntaxFailure('CHARSET is not allowed with UTF8=ACCEPT');
    charset = parser.astring().toUpperCase();
    parser.space();
  }
  if (charset !== null && charset !== 'UTF-8' && charset !== 'US-ASCII') throw badCharset();
  const keys = new KeyParser(parser, context);
  const criteria = keys.program();
  parser.end();
  return { returns, criteria, modseq: keys.modseqUsed };
}

function parseReturn(parser: Parser): Set<ReturnOption> {
  const options = new Set<ReturnOption>();
  for (const option of parser.list(() => parser.keyword())) {
    if (!RETURN_OPTIONS.includes(option)) throw new SyntaxFailure('Unknown return option');
    options.add(option as ReturnOption);
  }
  if (options.size === 0) options.add('ALL');
  return options;
}

class KeyParser {
  readonly #parser: Parser;
  readonly #context: SearchContext;
  #depth = 0;
  #keys = 0;
  modseqUsed = false;

  constructor(parser: Parser, context: SearchContext) {
    this.#parser = parser;
    this.#context = context;
  }

  /** Keys side by side: all of them must hold. */
  program(): SearchCriteria {
    const operands = [this.#key()];
    while (this.#parser.take(' ')) {
      // Some clients leave blanks at the end of the line.
      if (this.#parser.atEnd) break;
      operands.push(this.#key());
    }
    return operands.length === 1 ? (operands[0] ?? ALL) : { op: 'and', operands };
  }

  #key(): SearchCriteria {
    if (++this.#keys > MAXIMUM_KEYS) throw new Refusal('LIMIT', 'Ricerca troppo lunga.');
    if (++this.#depth > MAXIMUM_DEPTH) throw new SyntaxFailure('Search nested too deeply');
    try {
      const parser = this.#parser;
      if (parser.peek === '(') {
        parser.open();
        const criteria = this.program();
        parser.close();
        return criteria;
      }
      if (/[0-9*$]/.test(parser.peek)) return this.#set('sequence');
      return this.#named(parser.keyword());
    } finally {
      this.#depth--;
    }
  }

  #named(name: string): SearchCriteria {
    const parser = this.#parser;
    const simple = Object.hasOwn(FLAG_KEYS, name) ? FLAG_KEYS[name] : undefined;
    if (simple !== undefined) return simple;
    parser.space();
    if (TEXT_KEYS.includes(name)) {
      return { op: name.toLowerCase() as 'text', needle: this.#text() };
    }
    const date = Object.hasOwn(DATE_KEYS, name) ? DATE_KEYS[name] : undefined;
    if (date !== undefined) return { ...date, day: this.#date() };
    switch (name) {
      case 'UID':
        return this.#set('uid');
      case 'KEYWORD':
        return flag(parser.flag());
      case 'UNKEYWORD':
        return not(flag(parser.flag()));
      case 'HEADER': {
        const field = parser.astring();
        parser.space();
        return { op: 'header', field, needle: this.#text() };
      }
      case 'LARGER':
        return { op: 'larger', size: parser.number(Number.MAX_SAFE_INTEGER) };
      case 'SMALLER':
        return { op: 'smaller', size: parser.number(Number.MAX_SAFE_INTEGER) };
      case 'YOUNGER':
        return { op: 'younger', seconds: this.#positive() };
      case 'OLDER':
        return { op: 'older', seconds: this.#positive() };
      case 'NOT':
        return not(this.#key());
      case 'OR': {
        const first = this.#key();
        parser.space();
        return or(first, this.#key());
      }
      case 'MODSEQ':
        return this.#modseq();
      default:
        throw new SyntaxFailure('Unknown search key');
    }
  }

  #set(numbers: Numbers): SearchCriteria {
    return { op: 'uid', set: this.#context.ranges(this.#parser.sequenceSet(), numbers) };
  }

  #positive(): number {
    const value = this.#parser.number();
    if (value === 0) throw new SyntaxFailure('Interval of no seconds');
    return value;
  }

  #text(): string {
    const text = utf8(this.#parser.astring());
    if (text === null) throw badCharset();
    return text;
  }

  /** `1-Feb-2026`, quoted or not, as `2026-02-01`. */
  #date(): string {
    const parser = this.#parser;
    const quoted = parser.take('"');
    const text = parser.run(/[0-9A-Za-z-]/, 'date');
    if (quoted) parser.expect('"');
    const [, day = '', monthName = '', year = ''] = /^(\d{1,2})-([A-Za-z]{3})-(\d{4})$/.exec(text) ?? [];
    const month = monthIndex(monthName);
    if (month === null || !isDay(Number(year), month, Number(day))) throw new SyntaxFailure('Invalid date');
    return `${year}-${String(month + 1).padStart(2, '0')}-${day.padStart(2, '0')}`;
  }

  /** `MODSEQ ["entry" type] n`; entries of one flag are not kept apart. */
  #modseq(): SearchCriteria {
    const parser = this.#parser;
    if (parser.atString) {
      parser.string();
      parser.space();
      if (!['PRIV', 'SHARED', 'ALL'].includes(parser.keyword())) throw new SyntaxFailure('Unknown entry type');
      parser.space();
    }
    this.modseqUsed = true;
    return { op: 'modseq', value: parser.modseq() };
  }
}

function flag(name: string): SearchCriteria {
  return { op: 'flag', flag: name };
}

function not(operand: SearchCriteria): SearchCriteria {
  return operand.op === 'not' ? operand.operand : { op: 'not', operand };
}

/** Chains of OR become one flat condition, however a client nests them. */
function or(first: SearchCriteria, second: SearchCriteria): SearchCriteria {
  const operands = [first, second].flatMap(operand => (operand.op === 'or' ? operand.operands : [operand]));
  return { op: 'or', operands };
}

function badCharset(): Refusal {
  return new Refusal('BADCHARSET (UTF-8)', 'Si può cercare solo in UTF-8.');
}
