/**
 * Folded texts as they stand in rows of `text`: columns one after the other, each ended by a NUL, which no folded text
 * holds. Where the index does not tell, they decide about candidates by the thousand, so that many are expanded and
 * looked through together.
 */
import type { TextColumn, TextColumns } from '../search/fold.ts';
import { compact, expand, framesOf, SMALL } from '../structure/compact.ts';
import { TEXT_DICTIONARY } from '../structure/dictionaries.ts';
import type { AccountContext } from './context.ts';

const COLUMNS = ['header', 'body', 'subject', 'sender', 'recipient', 'cc', 'bcc'] as const satisfies TextColumn[];
/** Octets of a text that is expanded together with others; longer ones are expanded one by one. */
const SHORT_TEXT = 16 * 1024;
const NUL = 0;

type Rows = Pick<AccountContext, 'sql'>;

/** A row of `text`. */
export interface PackedText {
  /** Octets of the text when it is expanded. */
  readonly octets: number;
  readonly packed: Uint8Array;
}

export function packText(text: TextColumns): PackedText {
  const content = Buffer.from(COLUMNS.map(column => `${text[column]}\0`).join(''));
  return { octets: content.length, packed: compact(content, TEXT_DICTIONARY, SMALL) };
}

/** The text of a message; null where there is none. */
export function textOf(context: Rows, message: number): TextColumns | null {
  const octets = readText(context, message);
  if (!octets) return null;
  const [header = '', body = '', subject = '', sender = '', recipient = '', cc = '', bcc = ''] = octets
    .toString('utf8')
    .split('\0');
  return { header, body, subject, sender, recipient, cc, bcc };
}

/**
 * Those of the messages whose text holds the needle in one of the columns.
 * @param messages a thousand or so: they are read at once
 * @param needle folded
 */
export function holding(
  context: Rows,
  messages: readonly number[],
  columns: readonly TextColumn[],
  needle: string,
): number[] {
  const wanted = COLUMNS.map(column => columns.includes(column));
  const found: number[] = [];
  for (const texts of readTexts(context, messages)) find(texts, wanted, needle, message => found.push(message));
  return found;
}

/** Folded headers of those of the messages whose header holds the needle. Arguments as for `holding`. */
export function headersHolding(
  context: Rows,
  messages: readonly number[],
  needle: string,
): { readonly message: number; readonly header: string }[] {
  const wanted = COLUMNS.map(column => column === 'header');
  const found: { message: number; header: string }[] = [];
  for (const texts of readTexts(context, messages)) {
    find(texts, wanted, needle, (message, start, end) => {
      found.push({ message, header: texts.octets.toString('utf8', start, end) });
    });
  }
  return found;
}

/** Texts of some messages, one after the other. */
interface Texts {
  readonly ids: readonly number[];
  readonly octets: Buffer;
}

function* readTexts(context: Rows, messages: readonly number[]): Generator<Texts> {
  const json = JSON.stringify(messages);
  const among = 'message IN (SELECT value FROM json_each(?))';
  const short = context
    .sql<{ ids: string; octets: number; packed: Uint8Array | null }>(
      `SELECT json_group_array(message) AS ids, sum(octets) AS octets, ${framesOf('packed')} AS packed
       FROM text WHERE ${among} AND octets <= ${SHORT_TEXT}`,
    )
    .get(json);
  if (short?.packed) {
    const ids: number[] = JSON.parse(short.ids);
    yield { ids, octets: expand(short.packed, ids.length, TEXT_DICTIONARY, short.octets) };
  }
  const long = context
    .sql<number>(`SELECT message FROM text WHERE ${among} AND octets > ${SHORT_TEXT}`)
    .pluck()
    .all(json);
  for (const id of long) {
    const octets = readText(context, id);
    if (octets) yield { ids: [id], octets };
  }
}

function readText(context: Rows, message: number): Buffer | null {
  const row = context.sql<PackedText>('SELECT octets, packed FROM text WHERE message = ?').get(message);
  return row ? expand(row.packed, 1, TEXT_DICTIONARY, row.octets) : null;
}

/**
 * Tells of each message that holds the needle in a wanted column, and where the first such column begins and ends. An
 * empty needle is in each.
 * @param wanted of COLUMNS
 */
function find(
  { ids, octets }: Texts,
  wanted: readonly boolean[],
  needle: string,
  tell: (message: number, start: number, end: number) => void,
): void {
  const sought = Buffer.from(needle);
  let hit = octets.indexOf(sought);
  let start = 0;
  for (const id of ids) {
    let told = false;
    for (const want of wanted) {
      if (hit === -1) return;
      const end = octets.indexOf(NUL, start);
      if (hit <= end) {
        if (want && !told) tell(id, start, end);
        told ||= want;
        hit = octets.indexOf(sought, end + 1);
      }
      start = end + 1;
    }
  }
}
