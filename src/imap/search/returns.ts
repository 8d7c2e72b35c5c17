import { SyntaxFailure } from '../errors.ts';
import { formatSet } from '../sets.ts';
import type { Parser } from '../wire/parser.ts';

/** Options of RETURN (RFC 4731, RFC 5182, RFC 5267). */
export interface ReturnOptions {
  readonly min: boolean;
  readonly max: boolean;
  readonly all: boolean;
  readonly count: boolean;
  readonly save: boolean;
  /** Positions among the results, from 1, in either order as written. */
  readonly partial: readonly [first: number, last: number] | null;
  /** Tell changes of the result until CANCELUPDATE. */
  readonly update: boolean;
  /** Tell how well each result fits (RFC 6203 section 4). */
  readonly relevancy: boolean;
}

/** What an ESEARCH response is made of. */
export interface Findings {
  /** UIDs in the order of the result. */
  readonly uids: readonly number[];
  /** The same as the client numbers them. */
  readonly numbers: readonly number[];
  /** Where relevancy was asked for: 1 to 100 for each. */
  readonly scores: readonly number[] | null;
}

/** What IMAP4rev2 answers to a SEARCH that says nothing of it (RFC 9051 section 6.4.4). */
export const RETURN_ALL: ReturnOptions = {
  min: false,
  max: false,
  all: true,
  count: false,
  save: false,
  partial: null,
  update: false,
  relevancy: false,
};

/** `(MIN MAX PARTIAL 1:500)` */
export function parseReturn(parser: Parser): ReturnOptions {
  const options = new Set<string>();
  let partial: [number, number] | null = null;
  parser.list(() => {
    const option = parser.keyword();
    switch (option) {
      case 'PARTIAL':
        if (partial !== null) throw new SyntaxFailure('More than one PARTIAL');
        parser.space();
        partial = parsePartial(parser);
        return;
      case 'MIN':
      case 'MAX':
      case 'ALL':
      case 'COUNT':
      case 'SAVE':
      case 'UPDATE':
      case 'CONTEXT':
      case 'RELEVANCY':
        options.add(option);
        return;
      default:
        throw new SyntaxFailure('Unknown return option');
    }
  });
  if (partial !== null && options.has('ALL')) throw new SyntaxFailure('PARTIAL and ALL exclude each other');
  const nothing =
    partial === null && !['MIN', 'MAX', 'ALL', 'COUNT', 'SAVE', 'RELEVANCY'].some(name => options.has(name));
  return {
    min: options.has('MIN'),
    max: options.has('MAX'),
    // UPDATE alone asks for nothing now (RFC 5267 section 4.3); no option at all means ALL.
    all: options.has('ALL') || (nothing && !options.has('UPDATE')),
    count: options.has('COUNT'),
    save: options.has('SAVE'),
    partial,
    update: options.has('UPDATE'),
    relevancy: options.has('RELEVANCY'),
  };
}

function parsePartial(parser: Parser): [number, number] {
  const first = parser.number();
  parser.expect(':');
  const last = parser.number();
  if (first === 0 || last === 0) throw new SyntaxFailure('Zero is no position');
  return [first, last];
}

/** What `$` stands for afterwards: with MIN, MAX or PARTIAL alone only those (RFC 5182 section 2.4), ascending. */
export function savedUids(uids: readonly number[], options: ReturnOptions): readonly number[] {
  return [...namedUids(uids, options)].sort((a, b) => a - b);
}

/** The UIDs that a response names, each once. */
export function namedUids(uids: readonly number[], options: ReturnOptions): ReadonlySet<number> {
  const narrow = (options.min || options.max || options.partial !== null) && !options.all && !options.count;
  if (!narrow) return new Set(uids);
  const named = new Set<number>(options.partial === null ? [] : slice(uids, options.partial));
  const [first, last] = [uids[0], uids.at(-1)];
  if (options.min && first !== undefined) named.add(first);
  if (options.max && last !== undefined) named.add(last);
  return named;
}

/** What follows the correlator; null when only SAVE was asked for, which has no answer of its own. */
export function esearchData(
  { numbers, scores }: Findings,
  options: ReturnOptions,
  modseq: number | null,
): string | null {
  const { min, max, all, count, partial } = options;
  const silent = !min && !max && !all && !count && partial === null && scores === null;
  if (silent && options.save) return null;
  let data = '';
  if (numbers.length > 0) {
    if (min) data += ` MIN ${numbers[0]}`;
    if (max) data += ` MAX ${numbers.at(-1)}`;
    if (all) data += ` ALL ${formatSet(numbers)}`;
  }
  if (partial !== null) data += ` PARTIAL (${partial[0]}:${partial[1]} ${formatSet(slice(numbers, partial)) || 'NIL'})`;
  if (count) data += ` COUNT ${numbers.length}`;
  if (scores !== null) data += ` RELEVANCY (${scores.join(' ')})`;
  if (modseq !== null) data += ` MODSEQ ${modseq}`;
  return data;
}

function slice(numbers: readonly number[], [first, last]: readonly [number, number]): readonly number[] {
  return numbers.slice(Math.min(first, last) - 1, Math.max(first, last));
}
