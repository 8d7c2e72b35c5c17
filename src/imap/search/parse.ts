import type { SearchCriteria, SortCriterion, SortKey, ThreadAlgorithm } from '../../store/criteria.ts';
import { Refusal, SyntaxFailure } from '../errors.ts';
import { isDay, monthIndex } from '../internal-date.ts';
import type { Numbers } from '../numbering.ts';
import type { Mark, Parser, SequenceSet } from '../wire/parser.ts';
import { type DecodeText, textDecoding } from './charset.ts';
import { parseReturn, type ReturnOptions } from './returns.ts';
import { italianStem } from './stem.ts';

/** A SEARCH as understood. */
export interface SearchRequest {
  /** null: the plain SEARCH response of RFC 3501. */
  readonly returns: ReturnOptions | null;
  readonly criteria: SearchCriteria;
  /** A MODSEQ key was used: the answer tells the highest MODSEQ (RFC 7162 section 3.1.5). */
  readonly modseq: boolean;
  /**
   * The criteria with ever more of the freedom of FUZZY: the text as it was written, then its words anywhere. What meets
   * the earlier ones too is more relevant. null: no FUZZY was used.
   */
  readonly grades: readonly SearchCriteria[] | null;
  /** What meets the criteria depends on the moment, or on what is in the mailbox just now. */
  readonly momentary: boolean;
}

/** A SORT as understood. */
export interface SortRequest extends SearchRequest {
  readonly keys: readonly SortCriterion[];
}

/** A THREAD as understood. */
export interface ThreadRequest {
  readonly algorithm: ThreadAlgorithm;
  readonly criteria: SearchCriteria;
}

/** What the session has to say to a SEARCH's arguments. */
export interface SearchContext {
  /** Turns a set into UID ranges; what does not exist is left out. */
  readonly ranges: (set: SequenceSet, numbers: Numbers) => readonly (readonly [number, number])[];
  /** With UTF8=ACCEPT on, CHARSET must not be used (RFC 6855 section 3). */
  readonly utf8Only: boolean;
  /** Told of each TEXT and BODY key, and of where it stands. */
  readonly onText?: (key: TextKey) => void;
}

/** A TEXT or BODY key in a command. */
export interface TextKey {
  readonly op: 'text' | 'body';
  readonly needle: string;
  readonly from: Mark;
  readonly to: Mark;
}

const SORT_KEYS: Record<string, SortKey> = {
  ARRIVAL: 'arrival',
  CC: 'cc',
  DATE: 'date',
  FROM: 'from',
  SIZE: 'size',
  SUBJECT: 'subject',
  TO: 'to',
  DISPLAYFROM: 'displayFrom',
  DISPLAYTO: 'displayTo',
  RELEVANCY: 'relevancy',
};
/** Words of one FUZZY text: each is a search of its own. */
const MAXIMUM_WORDS = 20;
/** Keys of one SORT: each is a term of the order, and none says anything the second time. */
const MAXIMUM_SORT_KEYS = 50;
const THREAD_ALGORITHMS: Record<string, ThreadAlgorithm> = {
  REFERENCES: 'references',
  REFS: 'refs',
  ORDEREDSUBJECT: 'orderedSubject',
};
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
  // Every message here has a save date (RFC 8514).
  SAVEDATESUPPORTED: ALL,
};

const TEXT_KEYS = ['BCC', 'BODY', 'CC', 'FROM', 'SUBJECT', 'TEXT', 'TO'];

const DATE_KEYS: Record<string, { op: 'before' | 'on' | 'since'; field: 'internal' | 'sent' | 'saved' }> = {
  BEFORE: { op: 'before', field: 'internal' },
  ON: { op: 'on', field: 'internal' },
  SINCE: { op: 'since', field: 'internal' },
  SENTBEFORE: { op: 'before', field: 'sent' },
  SENTON: { op: 'on', field: 'sent' },
  SENTSINCE: { op: 'since', field: 'sent' },
  SAVEDBEFORE: { op: 'before', field: 'saved' },
  SAVEDON: { op: 'on', field: 'saved' },
  SAVEDSINCE: { op: 'since', field: 'saved' },
};

/** Reads everything behind SEARCH. */
export function parseSearch(parser: Parser, context: SearchContext): SearchRequest {
  parser.space();
  const returns = parseReturns(parser);
  let decode = textDecoding(null);
  if (parser.startsWith('CHARSET ')) {
    parser.keyword();
    parser.space();
    if (context.utf8Only) throw new SyntaxFailure('CHARSET is not allowed with UTF8=ACCEPT');
    decode = parseCharset(parser);
  }
  const program = parseProgram(parser, context, decode);
  if (returns?.relevancy === true && program.grades === null) throw new SyntaxFailure('RELEVANCY needs FUZZY');
  return { returns, ...program };
}

/** Reads everything behind SORT (RFC 5256 section 3, RFC 5267 section 3). */
export function parseSort(parser: Parser, context: SearchContext): SortRequest {
  parser.space();
  const returns = parseReturns(parser);
  const keys = parser.list(() => {
    const reverse = parser.startsWith('REVERSE ');
    if (reverse) {
      parser.keyword();
      parser.space();
    }
    const name = parser.keyword();
    const key = Object.hasOwn(SORT_KEYS, name) ? SORT_KEYS[name] : undefined;
    if (key === undefined) throw new SyntaxFailure('Unknown sort key');
    return { key, reverse };
  });
  if (keys.length === 0) throw new SyntaxFailure('No sort key');
  if (keys.length > MAXIMUM_SORT_KEYS) throw new Refusal('LIMIT', 'Troppi criteri di ordinamento.');
  parser.space();
  const program = parseProgram(parser, context, parseCharset(parser));
  const ranked = returns?.relevancy === true || keys.some(({ key }) => key === 'relevancy');
  if (ranked && program.grades === null) throw new SyntaxFailure('RELEVANCY needs FUZZY');
  return { returns, keys, ...program };
}

/** Reads everything behind THREAD (RFC 5256 section 3). */
export function parseThread(parser: Parser, context: SearchContext): ThreadRequest {
  parser.space();
  const name = parser.keyword();
  const algorithm = Object.hasOwn(THREAD_ALGORITHMS, name) ? THREAD_ALGORITHMS[name] : undefined;
  if (algorithm === undefined) throw new SyntaxFailure('Unknown thread algorithm');
  parser.space();
  return { algorithm, criteria: parseProgram(parser, context, parseCharset(parser)).criteria };
}

function parseReturns(parser: Parser): ReturnOptions | null {
  if (!parser.startsWith('RETURN (')) return null;
  parser.keyword();
  parser.space();
  const returns = parseReturn(parser);
  parser.space();
  return returns;
}

/** A charset and the space behind it. */
function parseCharset(parser: Parser): DecodeText {
  const charset = parser.astring();
  parser.space();
  return textDecoding(charset);
}

type Program = Pick<SearchRequest, 'criteria' | 'modseq' | 'grades' | 'momentary'>;

function parseProgram(parser: Parser, context: SearchContext, decode: DecodeText): Program {
  const keys = new KeyParser(parser, context, decode);
  const criteria = keys.program();
  parser.end();
  return {
    criteria,
    modseq: keys.modseqUsed,
    grades: keys.fuzzyUsed ? [0, 1].map(grade => graded(criteria, keys.loosened, grade)) : null,
    momentary: keys.momentary,
  };
}

/** The criteria with another meaning of what FUZZY has loosened. */
function graded(
  criteria: SearchCriteria,
  loosened: ReadonlyMap<SearchCriteria, readonly SearchCriteria[]>,
  grade: number,
): SearchCriteria {
  const stricter = loosened.get(criteria)?.[grade];
  if (stricter !== undefined) return stricter;
  if (criteria.op === 'not') return { op: 'not', operand: graded(criteria.operand, loosened, grade) };
  if (criteria.op !== 'and' && criteria.op !== 'or') return criteria;
  return { op: criteria.op, operands: criteria.operands.map(operand => graded(operand, loosened, grade)) };
}

class KeyParser {
  readonly #parser: Parser;
  readonly #context: SearchContext;
  readonly #decode: DecodeText;
  #depth = 0;
  #keys = 0;
  modseqUsed = false;
  fuzzyUsed = false;
  momentary = false;
  /** What loosened criteria would be with less freedom, the strictest first. */
  readonly loosened = new Map<SearchCriteria, readonly SearchCriteria[]>();
  #fuzzy = false;

  constructor(parser: Parser, context: SearchContext, decode: DecodeText) {
    this.#parser = parser;
    this.#context = context;
    this.#decode = decode;
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
    const from = { segment: parser.mark.segment, at: parser.mark.at - name.length };
    const simple = Object.hasOwn(FLAG_KEYS, name) ? FLAG_KEYS[name] : undefined;
    if (simple !== undefined) return simple;
    parser.space();
    if (TEXT_KEYS.includes(name)) {
      const op = name.toLowerCase() as 'text';
      const needle = this.#text();
      if (op === 'text' || op === 'body') this.#context.onText?.({ op, needle, from, to: parser.mark });
      return this.#needle({ op, needle });
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
        return this.#needle({ op: 'header', field, needle: this.#text() });
      }
      case 'LARGER':
        return { op: 'larger', size: parser.number(Number.MAX_SAFE_INTEGER) };
      case 'SMALLER':
        return { op: 'smaller', size: parser.number(Number.MAX_SAFE_INTEGER) };
      case 'YOUNGER':
        this.momentary = true;
        return { op: 'younger', seconds: this.#positive() };
      case 'OLDER':
        this.momentary = true;
        return { op: 'older', seconds: this.#positive() };
      case 'NOT':
        return not(this.#key());
      case 'OR': {
        const first = this.#key();
        parser.space();
        return or(first, this.#key());
      }
      case 'FUZZY':
        return this.#loosely();
      case 'EMAILID':
        return { op: 'message', id: this.#objectId() };
      case 'THREADID':
        return { op: 'thread', id: this.#objectId() };
      case 'MODSEQ':
        return this.#modseq();
      default:
        throw new SyntaxFailure('Unknown search key');
    }
  }

  #set(numbers: Numbers): SearchCriteria {
    const set = this.#parser.sequenceSet();
    if (numbers === 'sequence' || set === '$' || set.some(range => range.includes(null))) this.momentary = true;
    return { op: 'uid', set: this.#context.ranges(set, numbers) };
  }

  /** FUZZY (RFC 6203 section 3): the words of a text may stand anywhere, in any order and any form. */
  #loosely(): SearchCriteria {
    const outer = this.#fuzzy;
    this.#fuzzy = true;
    this.fuzzyUsed = true;
    try {
      return this.#key();
    } finally {
      this.#fuzzy = outer;
    }
  }

  #needle<C extends SearchCriteria & { readonly needle: string }>(criteria: C): SearchCriteria {
    const words = this.#fuzzy ? criteria.needle.split(/\s+/).filter(word => word !== '') : [];
    if (words.length === 0 || words.length > MAXIMUM_WORDS) return criteria;
    const all = (needles: readonly string[]): SearchCriteria => {
      this.#keys += needles.length;
      return { op: 'and', operands: needles.map(needle => ({ ...criteria, needle })) };
    };
    const loose = all(words.map(italianStem));
    this.loosened.set(loose, [criteria, all(words)]);
    return loose;
  }

  #objectId(): string {
    return this.#parser.run(/[A-Za-z0-9_-]/, 'object identifier');
  }

  #positive(): number {
    const value = this.#parser.number();
    if (value === 0) throw new SyntaxFailure('Interval of no seconds');
    return value;
  }

  #text(): string {
    return this.#decode(this.#parser.astring());
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
