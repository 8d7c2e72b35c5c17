import { decodeHeader } from './encoded-word.ts';
import { LIMITS } from './limits.ts';
import { Cursor } from './structured.ts';
import type { MailAddress } from './types.ts';

/**
 * One element of an ENVELOPE address list (RFC 3501 section 7.4.2), undecoded. A group begins with an element that has
 * only a mailbox (its name) and ends with one that has nothing.
 */
export interface EnvelopeAddress {
  readonly name: string | null;
  readonly route: string | null;
  readonly mailbox: string | null;
  readonly host: string | null;
}

/** Fillers for what a broken address lacks, since NIL would mean group syntax there. The same words as Dovecot's. */
const MISSING_MAILBOX = 'MISSING_MAILBOX';
const MISSING_DOMAIN = 'MISSING_DOMAIN';

/** What ends an atom of a phrase or a local part. */
const ATOM_END = /[ \t\r\n\x00()<>@,;:"]/g;
const DOMAIN_END = /[ \t\r\n\x00()<>@,;:"]/g;
const LITERAL_END = /\]/g;

/** Takes the local part off the end of a run of words: its last word, with those that dots join to it (obs-local-part). */
function takeLocalPart(words: string[]): string {
  let local = words.pop() ?? '';
  while (words.length > 0 && (local.startsWith('.') || words.at(-1)?.endsWith('.'))) local = words.pop() + local;
  return local;
}

class AddressParser {
  readonly #cursor: Cursor;
  readonly #list: EnvelopeAddress[] = [];
  #inGroup = false;

  constructor(value: string) {
    this.#cursor = new Cursor(value);
  }

  parse(): EnvelopeAddress[] {
    const cursor = this.#cursor;
    cursor.skip();
    while (!cursor.atEnd && this.#list.length < LIMITS.addresses) {
      if (cursor.peek() === ',') cursor.position++;
      else if (cursor.peek() === ';') {
        this.#endGroup();
        cursor.position++;
      } else this.#address();
      cursor.skip();
    }
    this.#endGroup();
    return this.#list;
  }

  #endGroup(): void {
    if (this.#inGroup) this.#list.push({ name: null, route: null, mailbox: null, host: null });
    this.#inGroup = false;
  }

  /** A mailbox, or the name of a group up to its colon (RFC 5322 section 3.4). */
  #address(): void {
    const cursor = this.#cursor;
    cursor.comment = '';
    const words: string[] = [];
    const before = cursor.position;
    for (;;) {
      cursor.skip();
      let word: string;
      if (cursor.peek() === '"') word = cursor.quoted();
      else {
        word = cursor.until(ATOM_END);
        if (word === '') break;
      }
      words.push(word);
    }
    const stop = cursor.peek();
    if (stop === '<') this.#angle(words);
    else if (stop === ':' && !this.#inGroup) {
      cursor.position++;
      this.#inGroup = true;
      this.#list.push({ name: null, route: null, mailbox: words.join(' '), host: null });
      return;
    } else if (stop === '@') {
      const host = this.#domain();
      cursor.skip();
      // `user@host <user@host>`: what looked like an address is the display name.
      if (cursor.peek() === '<') this.#angle([`${words.join(' ')}@${host}`]);
      else {
        const local = takeLocalPart(words);
        // `Name user@host` without angle brackets is wrong, and clear enough.
        this.#add(cursor.comment || words.join(' '), null, local, host);
      }
    } else {
      if (words.length > 1) this.#add(words.join(' '), null, null, null);
      else if (words[0] !== undefined) this.#add(null, null, words[0], null);
      else if (cursor.position === before || '>:'.includes(stop)) cursor.position++;
    }
    this.#toSeparator();
  }

  /** Passes over what is left of a broken address. */
  #toSeparator(): void {
    const cursor = this.#cursor;
    for (;;) {
      cursor.skip();
      if (cursor.atEnd || cursor.peek() === ',' || cursor.peek() === ';') return;
      if (cursor.peek() === '"') cursor.quoted();
      else cursor.position++;
    }
  }

  #add(name: string | null, route: string | null, mailbox: string | null, host: string | null): void {
    this.#list.push({
      name: name === '' ? null : name,
      route,
      mailbox: mailbox || MISSING_MAILBOX,
      host: host || MISSING_DOMAIN,
    });
  }

  /** `<[@route:]local@domain>` at the cursor (RFC 5322 sections 3.4, 4.4). */
  #angle(phrase: readonly string[]): void {
    const cursor = this.#cursor;
    const name = phrase.join(' ') || null;
    cursor.position++;
    cursor.skip();
    let route: string | null = null;
    if (cursor.peek() === '@') {
      const hops: string[] = [];
      while (cursor.peek() === '@' || cursor.peek() === ',') {
        if (cursor.peek() === ',') cursor.position++;
        else hops.push(`@${this.#domain()}`);
        cursor.skip();
      }
      if (cursor.peek() === ':') cursor.position++;
      route = hops.join(',');
    }
    let local = '';
    for (;;) {
      cursor.skip();
      if (cursor.peek() === '"') local += cursor.quoted();
      else {
        const run = cursor.until(ATOM_END);
        if (run === '') break;
        local += run;
      }
    }
    const host = cursor.peek() === '@' ? this.#domain() : null;
    cursor.skip();
    if (cursor.peek() === '>') cursor.position++;
    this.#add(name, route, local, host);
  }

  /** The domain after the `@` at the cursor, blanks and comments left out; literals as written. */
  #domain(): string {
    const cursor = this.#cursor;
    cursor.position++;
    let domain = '';
    for (;;) {
      cursor.skip();
      let run: string;
      if (cursor.peek() === '[') {
        run = cursor.until(LITERAL_END);
        if (!cursor.atEnd) {
          run += ']';
          cursor.position++;
        }
      } else run = cursor.until(DOMAIN_END);
      // Blanks are legal around dots only: `a@b c` is `a@b` and rubbish.
      if (run === '' || (domain !== '' && !domain.endsWith('.') && !run.startsWith('.'))) return domain;
      domain += run;
    }
  }
}

/** The address list of a field as ENVELOPE shows it. Never throws, linear in the length. */
export function parseEnvelopeAddresses(value: string): EnvelopeAddress[] {
  return new AddressParser(value).parse();
}

/** Mailboxes of an address field (From, To, ...), decoded; members of groups are listed, the groups' names are not. */
export function parseAddressList(value: string): MailAddress[] {
  const list: MailAddress[] = [];
  for (const { name, mailbox, host } of parseEnvelopeAddresses(value)) {
    if (mailbox === null || host === null) continue;
    const local = mailbox === MISSING_MAILBOX ? '' : decodeHeader(mailbox);
    const domain = host === MISSING_DOMAIN ? '' : decodeHeader(host);
    const display = name === null ? '' : decodeHeader(name).replace(/\s+/g, ' ').trim();
    if (local === '' && domain === '') list.push({ name: '', address: display });
    else list.push({ name: display, address: domain === '' ? local : `${local}@${domain}` });
  }
  return list;
}
