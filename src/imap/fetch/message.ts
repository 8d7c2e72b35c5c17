import type { AccountStore, FetchedMessage, SectionContent } from '../../store/types.ts';
import { ConnectionClosed, FatalFailure, Refusal } from '../errors.ts';
import { formatFlags } from '../flags.ts';
import { formatInternalDate } from '../internal-date.ts';
import type { Session } from '../session.ts';
import type { ResponseWriter } from '../wire/writer.ts';
import type { FetchField, FetchItems, ResponseColumn } from './items.ts';

/** Octets asked of the store at a time while a large section is streamed. */
const PIECE = 512 * 1024;
/** A section up to this size joins the text around it; a larger one is written as it is. */
const INLINE = 8 * 1024;

/** What of a FETCH stays the same for all of its messages. */
export interface FetchPlan {
  readonly items: FetchItems;
  readonly withUid: boolean;
  /** CONDSTORE is on: flags that this FETCH itself changed are told with their MODSEQ. */
  readonly withModseq: boolean;
}

/** A part that BINARY cannot decode (RFC 3516 section 4.3). */
export class UnknownEncoding extends Refusal {
  constructor() {
    super('UNKNOWN-CTE', 'Una parte ha una codifica sconosciuta: si può leggere solo così come è arrivata.');
  }
}

/**
 * Writes one message's FETCH response. Nothing has been written when it rejects, but for a FatalFailure: a literal
 * that was begun cannot be taken back.
 */
export async function writeMessage(
  session: Session,
  store: AccountStore,
  number: number,
  message: FetchedMessage,
  plan: FetchPlan,
): Promise<void> {
  const { writer } = session;
  if (message.sections.some(content => content?.kind === 'unknown-encoding')) throw new UnknownEncoding();
  const first = await firstPiece(store, message, plan.items);
  let text = `* ${number} FETCH (`;
  let separator = '';
  if (plan.withUid) {
    text += `UID ${message.uid}`;
    separator = ' ';
  }
  for (const field of plan.items.fields) {
    text += separator;
    separator = ' ';
    if (field.kind === 'column') {
      text += column(field.column, message);
      continue;
    }
    const content = message.sections[field.section] ?? null;
    text += `${field.label} `;
    const tilde = field.literal8 ? '~' : '';
    if (content === null || content.kind === 'unknown-encoding') text += 'NIL';
    else if (content.kind === 'size') text += content.size;
    else if (content.kind === 'bytes') {
      text += `${tilde}{${content.bytes.length}}\r\n`;
      if (content.bytes.length <= INLINE) text += latin1(content.bytes);
      else {
        writer.push(text);
        writer.push(content.bytes);
        text = '';
      }
    } else {
      writer.push(`${text}${tilde}{${content.length}}\r\n`);
      text = '';
      const known = first?.field === field ? first.bytes : null;
      await stream(writer, reader(store, message.message, content), content, known);
    }
  }
  text += `${told(message, plan, separator)})\r\n`;
  writer.push(text);
  if (writer.full) await writer.flush();
}

/** Flags that this FETCH has set, where they were not asked for (RFC 3501 section 6.4.5). */
function told(message: FetchedMessage, plan: FetchPlan, separator: string): string {
  if (!message.seenNow) return '';
  const has = (name: ResponseColumn) =>
    plan.items.fields.some(field => field.kind === 'column' && field.column === name);
  const flags = has('FLAGS') ? '' : `${separator}FLAGS ${formatFlags(message.flags)}`;
  return plan.withModseq && !has('MODSEQ') ? `${flags} MODSEQ (${message.modseq})` : flags;
}

function column(name: ResponseColumn, message: FetchedMessage): string {
  switch (name) {
    case 'FLAGS':
      return `FLAGS ${formatFlags(message.flags)}`;
    case 'INTERNALDATE':
      return `INTERNALDATE "${formatInternalDate(message.internalDate)}"`;
    case 'RFC822.SIZE':
      return `RFC822.SIZE ${message.size}`;
    case 'ENVELOPE':
      return `ENVELOPE ${message.envelope}`;
    case 'BODY':
      return `BODY ${message.body}`;
    case 'BODYSTRUCTURE':
      return `BODYSTRUCTURE ${message.bodyStructure}`;
    case 'MODSEQ':
      return `MODSEQ (${message.modseq})`;
    case 'EMAILID':
      return `EMAILID (${message.message})`;
    case 'THREADID':
      return `THREADID (${message.threadId})`;
    case 'SAVEDATE':
      return `SAVEDATE "${formatInternalDate(message.saveDate)}"`;
    case 'PREVIEW':
      return `PREVIEW ${text(message.preview ?? '')}`;
    case 'PREVIEW=FUZZY':
      return `PREVIEW (FUZZY ${text(message.preview ?? '')})`;
    case 'SNIPPET=FUZZY':
      return `SNIPPET (FUZZY ${text(message.preview ?? '')})`;
  }
}

/** Text as a quoted string, or as a literal where that cannot hold it. */
function text(value: string): string {
  if (/^[\x20-\x7e]*$/.test(value)) return `"${value.replaceAll(/["\\]/g, '\\$&')}"`;
  const octets = Buffer.from(value, 'utf8');
  return `{${octets.length}}\r\n${octets.toString('latin1')}`;
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

type Large = Extract<SectionContent, { readonly kind: 'range' | 'decoded' }>;

function isLarge(content: SectionContent | undefined): content is Large {
  return content?.kind === 'range' || content?.kind === 'decoded';
}

/** Reads pieces of a large section. */
function reader(store: AccountStore, message: string, content: Large) {
  return (start: number, length: number): Promise<Uint8Array> =>
    content.kind === 'range'
      ? store.read(message, start, length)
      : store.readDecoded(message, content.part, start, length);
}

/** Reads the beginning of the first large section, so that a damaged message is found before a literal is begun. */
async function firstPiece(
  store: AccountStore,
  message: FetchedMessage,
  items: FetchItems,
): Promise<{ field: FetchField; bytes: Uint8Array } | null> {
  for (const field of items.fields) {
    if (field.kind !== 'section') continue;
    const content = message.sections[field.section];
    if (!isLarge(content) || content.length === 0) continue;
    const read = reader(store, message.message, content);
    return { field, bytes: await read(content.start, Math.min(PIECE, content.length)) };
  }
  return null;
}

/** The next piece is read while the one before it goes to the client. */
async function stream(
  writer: ResponseWriter,
  readPiece: (start: number, length: number) => Promise<Uint8Array>,
  range: { readonly start: number; readonly length: number },
  first: Uint8Array | null,
): Promise<void> {
  const end = range.start + range.length;
  let at = range.start;
  const read = (): Promise<Uint8Array> => {
    const piece = readPiece(at, Math.min(PIECE, end - at));
    // A client that leaves ends the loop while this piece is still on its way.
    piece.catch(() => {});
    return piece;
  };
  try {
    let next = first === null ? read() : Promise.resolve(first);
    while (at < end) {
      const piece = await next;
      if (piece.length === 0) throw new Error('section ends early');
      at += piece.length;
      if (at < end) next = read();
      writer.push(piece);
      await writer.flush();
    }
  } catch (error) {
    if (error instanceof ConnectionClosed) throw error;
    throw new FatalFailure('CORRUPTION', 'Il messaggio non si legge per intero: la connessione viene chiusa.');
  }
}
