import { Keywords, systemBit } from '../catalog/flags.ts';
import { numberOfHandle } from '../catalog/messages.ts';
import { romeDay } from '../catalog/rome.ts';
import type { ResolvedView } from '../catalog/views.ts';
import type { NumberSet, SearchCriteria } from '../criteria.ts';
import type { AccountContext } from '../database/context.ts';
import { MAX_CRITERIA } from '../limits.ts';
import { StoreError } from '../types.ts';
import { fold, type TextColumn } from './fold.ts';
import { ALL, type Condition, type MessageSet } from './message-set.ts';
import type { TextQuestion } from './text.ts';

/** A condition; sets of UIDs fill their slots of `uid_range` before it runs. */
export interface Compiled extends Condition {
  readonly sets: readonly { readonly slot: number; readonly ranges: NumberSet }[];
}

/** What a program asks about texts, and the answers by the part of the program. */
export type TextAnswers = ReadonlyMap<SearchCriteria, MessageSet>;

const NONE: Condition = { sql: '0', parameters: [] };
/** Sets of a few ranges are plain conditions; longer ones go to a table. */
const INLINE_RANGES = 8;
const COLUMN: Record<'subject' | 'from' | 'to' | 'cc' | 'bcc' | 'body', TextColumn> = {
  subject: 'subject',
  from: 'sender',
  to: 'recipient',
  cc: 'cc',
  bcc: 'bcc',
  body: 'body',
};

/** The questions about texts that a program asks. */
export function textQuestions(criteria: SearchCriteria): [SearchCriteria, TextQuestion][] {
  switch (criteria.op) {
    case 'and':
    case 'or':
      return criteria.operands.flatMap(textQuestions);
    case 'not':
      return textQuestions(criteria.operand);
    case 'text':
      return ofColumns(criteria, ['header', 'body'], criteria.needle);
    case 'header':
      return [[criteria, { kind: 'header', field: fold(criteria.field), needle: fold(criteria.needle) }]];
    case 'subject':
    case 'from':
    case 'to':
    case 'cc':
    case 'bcc':
    case 'body':
      return ofColumns(criteria, [COLUMN[criteria.op]], criteria.needle);
    default:
      return [];
  }
}

function ofColumns(
  criteria: SearchCriteria,
  columns: readonly TextColumn[],
  needle: string,
): [SearchCriteria, TextQuestion][] {
  const folded = fold(needle);
  return folded === '' ? [] : [[criteria, { kind: 'columns', columns, needle: folded }]];
}

/** @param answers to all `textQuestions` of the program */
export function compile(
  context: AccountContext,
  view: ResolvedView,
  criteria: SearchCriteria,
  answers: TextAnswers,
  slot: () => number,
): Compiled {
  const compiler = new Compiler(new Keywords(context, view.tree), answers, slot);
  return { ...compiler.condition(criteria), sets: compiler.sets };
}

/** @throws StoreError LIMIT */
export function checkSize(criteria: SearchCriteria): void {
  let nodes = 0;
  const count = (part: SearchCriteria): void => {
    nodes += 1;
    if (nodes > MAX_CRITERIA) throw new StoreError('LIMIT', 'La ricerca ha troppe condizioni');
    if (part.op === 'not') count(part.operand);
    if (part.op === 'and' || part.op === 'or') part.operands.forEach(count);
  };
  count(criteria);
}

class Compiler {
  readonly sets: { slot: number; ranges: NumberSet }[] = [];
  readonly #keywords: Keywords;
  readonly #answers: TextAnswers;
  readonly #slot: () => number;
  readonly #now = Date.now();

  constructor(keywords: Keywords, answers: TextAnswers, slot: () => number) {
    this.#keywords = keywords;
    this.#answers = answers;
    this.#slot = slot;
  }

  condition(criteria: SearchCriteria): Condition {
    switch (criteria.op) {
      case 'and':
        return this.#all(criteria.operands.map(operand => this.condition(operand)));
      case 'or':
        return join(
          criteria.operands.map(operand => this.condition(operand)),
          ' OR ',
          NONE,
        );
      case 'not': {
        const { sql, parameters } = this.condition(criteria.operand);
        return { sql: `NOT (${sql})`, parameters };
      }
      case 'uid':
        return this.#uids(criteria.set);
      case 'flag':
        return this.#flag(criteria.flag);
      case 'before':
      case 'on':
      case 'since':
        return criteria.field === 'sent'
          ? sentDay(criteria.op, criteria.day)
          : day(criteria.op, criteria.field, criteria.day);
      case 'larger':
        return { sql: 'e.size > ?', parameters: [criteria.size] };
      case 'smaller':
        return { sql: 'e.size < ?', parameters: [criteria.size] };
      case 'younger':
        return { sql: 'e.internal_date >= ?', parameters: [this.#now - criteria.seconds * 1000] };
      case 'older':
        return { sql: 'e.internal_date <= ?', parameters: [this.#now - criteria.seconds * 1000] };
      case 'modseq':
        return { sql: 'e.modseq >= ?', parameters: [criteria.value] };
      case 'message':
        return { sql: 'e.message = ?', parameters: [numberOfHandle(criteria.id)] };
      case 'thread':
        return { sql: `${ofMessage('thread')} = ?`, parameters: [criteria.id] };
      default:
        return this.#answers.get(criteria)?.condition() ?? ALL;
    }
  }

  #all(conditions: readonly Condition[]): Condition {
    const whole = join(conditions, ' AND ', ALL);
    const first = conditions.find(({ listed }) => listed !== undefined);
    if (first?.listed === undefined) return whole;
    const { source, rest } = first.listed;
    const others = conditions.filter(condition => condition !== first);
    return { ...whole, listed: { source, rest: join([...others, rest], ' AND ', ALL) } };
  }

  #uids(set: NumberSet): Condition {
    const ranges = merge(set);
    if (ranges.length === 0) return NONE;
    if (ranges.length <= INLINE_RANGES) {
      return { sql: ranges.map(() => 'e.uid BETWEEN ? AND ?').join(' OR '), parameters: ranges.flat() };
    }
    const slot = this.#slot();
    this.sets.push({ slot, ranges });
    const nearest = 'SELECT high FROM temp.uid_range WHERE slot = ? AND low <= e.uid ORDER BY low DESC LIMIT 1';
    return { sql: `ifnull((${nearest}), 0) >= e.uid`, parameters: [slot] };
  }

  #flag(flag: string): Condition {
    if (flag.startsWith('\\')) {
      const bit = systemBit(flag);
      return bit === 0 ? NONE : { sql: `(e.flags & ${bit}) <> 0`, parameters: [] };
    }
    const id = this.#keywords.find(flag);
    return id === null ? NONE : { sql: 'instr(e.keywords, ?) > 0', parameters: [`,${id},`] };
  }
}

function join(conditions: readonly Condition[], glue: string, empty: Condition): Condition {
  if (conditions.length === 0) return empty;
  return {
    sql: conditions.map(({ sql }) => `(${sql})`).join(glue),
    parameters: conditions.flatMap(({ parameters }) => parameters),
  };
}

/** Seldom asked for: the join with `message` is not made for it. */
function ofMessage(column: 'thread' | 'sent_day'): string {
  return `(SELECT m.${column} FROM message m WHERE m.id = e.message)`;
}

function day(op: 'before' | 'on' | 'since', field: 'internal' | 'saved', text: string): Condition {
  const bounds = romeDay(text);
  if (!bounds) return NONE;
  const column = field === 'internal' ? 'e.internal_date' : 'e.save_date';
  if (op === 'before') return { sql: `${column} < ?`, parameters: [bounds.start] };
  if (op === 'since') return { sql: `${column} >= ?`, parameters: [bounds.start] };
  return { sql: `${column} >= ? AND ${column} < ?`, parameters: [bounds.start, bounds.end] };
}

/** Days compare as their texts do; a message without a Date is on no day (the condition is false, not unknown). */
function sentDay(op: 'before' | 'on' | 'since', text: string): Condition {
  const sign = { before: '<', on: '=', since: '>=' }[op];
  return { sql: `ifnull(${ofMessage('sent_day')} ${sign} ?, 0)`, parameters: [text] };
}

/** Ascending ranges that neither touch nor overlap. */
function merge(set: NumberSet): [number, number][] {
  const sorted = set
    .map(([first, last]): [number, number] => (first <= last ? [first, last] : [last, first]))
    .sort((a, b) => a[0] - b[0]);
  const ranges: [number, number][] = [];
  for (const [first, last] of sorted) {
    const previous = ranges.at(-1);
    if (previous && first <= previous[1] + 1) previous[1] = Math.max(previous[1], last);
    else ranges.push([first, last]);
  }
  return ranges;
}
