/** RTF 1.9: the text that a reader sees. No library: the kept ones build documents, or serve Outlook's messages alone. */
import { decodeCharset } from '../mime/charset.ts';
import { tidy } from './lines.ts';

/** Destinations whose content is no text of the document; those that begin with `\*` are left out without being known. */
const HIDDEN = new Set(
  'colortbl stylesheet listtable listoverridetable revtbl rsidtbl generator pict objdata fldinst themedata colorschememapping latentstyles datastore xmlnstbl filetbl private mmathPr wgrffmtfilter bkmkstart bkmkend datafield sp'.split(
    ' ',
  ),
);
/** Destinations that programs mark as ignorable and that hold text all the same. */
const SHOWN = new Set(['shptxt', 'footnote', 'annotation', 'atnid', 'atnauthor', 'nesttableprops', 'shpinst']);

/** Control words that stand for characters. */
const CHARACTERS: Readonly<Record<string, string>> = {
  par: '\n',
  line: '\n',
  sect: '\n',
  page: '\n',
  column: '\n',
  row: '\n',
  nestrow: '\n',
  cell: '\n',
  nestcell: '\n',
  softline: '\n',
  // Texts beside the text: they begin a line of their own.
  title: '\n',
  subject: '\n',
  author: '\n',
  keywords: '\n',
  doccomm: '\n',
  operator: '\n',
  header: '\n',
  footer: '\n',
  footnote: '\n',
  annotation: '\n',
  tab: '\t',
  emdash: '—',
  endash: '–',
  emspace: ' ',
  enspace: ' ',
  qmspace: ' ',
  bullet: '•',
  lquote: '‘',
  rquote: '’',
  ldblquote: '“',
  rdblquote: '”',
};

/** Code page of a font's character set, where it is not the document's own. */
const CHARSETS: Readonly<Record<number, string>> = {
  77: 'macintosh',
  128: 'cp932',
  129: 'cp949',
  134: 'cp936',
  136: 'cp950',
  161: 'windows-1253',
  162: 'windows-1254',
  163: 'windows-1258',
  177: 'windows-1255',
  178: 'windows-1256',
  186: 'windows-1257',
  204: 'windows-1251',
  222: 'windows-874',
  238: 'windows-1250',
};

/** Groups whose state is kept; deeper ones share the state of the last. */
const MAX_GROUPS = 1000;
const MAX_FONTS = 10_000;
/** Octets of one stretch of text outside ASCII; one character may be lost where a longer one is cut. */
const MAX_OCTETS = 1 << 20;

interface Group {
  readonly hidden: boolean;
  readonly fonts: boolean;
  /** Characters after `\u` that say the same for old programs. */
  readonly skip: number;
  readonly charset: string;
}

function codePage(number: number): string {
  if (number === 65001) return 'utf-8';
  if (number === 10000) return 'macintosh';
  return number >= 1250 && number <= 1258 ? `windows-${number}` : `cp${number}`;
}

class RtfReader {
  readonly #rtf: string;
  readonly #pieces: string[] = [];
  readonly #groups: Group[] = [];
  readonly #fonts = new Map<number, string>();
  #group: Group = { hidden: false, fonts: false, skip: 1, charset: 'windows-1252' };
  /** Groups open beyond MAX_GROUPS. */
  #beyond = 0;
  /** Octets not yet decoded: a character may take several. */
  #octets: number[] = [];
  #ignorable = false;
  #toSkip = 0;
  #font = 0;

  /** `rtf`: one character an octet. */
  constructor(rtf: string) {
    this.#rtf = rtf;
  }

  read(): string {
    const token = /\\([a-zA-Z]{1,32})(-?\d{1,10})? ?|\\'([0-9a-fA-F]{2})|\\([^a-zA-Z])|[{}]|[\r\n]+|[^\\{}\r\n]+|\\/g;
    for (let match = token.exec(this.#rtf); match !== null; match = token.exec(this.#rtf)) {
      const [whole, word, parameter, octet, symbol] = match;
      if (word !== undefined) {
        const number = parameter === undefined ? null : Number(parameter);
        if (word === 'bin') token.lastIndex += Math.max(0, number ?? 0);
        else this.#word(word, number);
      } else if (octet !== undefined) this.#octet(Number.parseInt(octet, 16));
      else if (symbol !== undefined) this.#symbol(symbol);
      else if (whole === '{') this.#open();
      else if (whole === '}') this.#close();
      else if (whole !== '\\' && whole[0] !== '\r' && whole[0] !== '\n') this.#text(whole);
    }
    this.#flush();
    return tidy(this.#pieces.join(''));
  }

  #open(): void {
    this.#flush();
    this.#toSkip = 0;
    if (this.#groups.length < MAX_GROUPS) this.#groups.push(this.#group);
    else this.#beyond++;
  }

  #close(): void {
    this.#flush();
    this.#toSkip = 0;
    this.#ignorable = false;
    if (this.#beyond > 0) this.#beyond--;
    else this.#group = this.#groups.pop() ?? this.#group;
  }

  #set(change: Partial<Group>): void {
    this.#group = { ...this.#group, ...change };
  }

  #symbol(symbol: string): void {
    if (symbol === '*') this.#ignorable = true;
    else if (symbol === '~') this.#add(' ');
    else if (symbol === '_') this.#add('-');
    else if (symbol === '\n' || symbol === '\r') this.#add('\n');
    else if (symbol === '\\' || symbol === '{' || symbol === '}') this.#text(symbol);
    // `\-` may divide a word, and the others concern indexes.
  }

  #word(word: string, number: number | null): void {
    const ignorable = this.#ignorable;
    this.#ignorable = false;
    if ((ignorable && !SHOWN.has(word)) || HIDDEN.has(word)) {
      this.#flush();
      this.#set({ hidden: true });
      return;
    }
    const character = CHARACTERS[word];
    if (character !== undefined) this.#add(character);
    else if (word === 'u' && number !== null) this.#unicode(number);
    else if (word === 'uc') this.#set({ skip: Math.min(16, Math.max(0, number ?? 1)) });
    else if (word === 'fonttbl') this.#set({ fonts: true, hidden: true });
    else if (word === 'f') this.#chooseFont(number ?? 0);
    else if (word === 'fcharset') this.#fontCharset(number ?? 0);
    else if (word === 'plain') this.#changeCharset(this.#documentCharset);
    else this.#documentCodePage(word, number);
  }

  #documentCharset = 'windows-1252';

  #documentCodePage(word: string, number: number | null): void {
    if (word === 'ansicpg' && number !== null && number > 0) this.#documentCharset = codePage(number);
    else if (word === 'mac') this.#documentCharset = 'macintosh';
    else if (word === 'pc') this.#documentCharset = 'cp437';
    else if (word === 'pca') this.#documentCharset = 'cp850';
    else return;
    this.#changeCharset(this.#documentCharset);
  }

  #chooseFont(number: number): void {
    this.#font = number;
    if (!this.#group.fonts) this.#changeCharset(this.#fonts.get(number) ?? this.#documentCharset);
  }

  #fontCharset(number: number): void {
    const charset = CHARSETS[number];
    if (this.#group.fonts && charset !== undefined && this.#fonts.size < MAX_FONTS) {
      this.#fonts.set(this.#font, charset);
    }
  }

  #changeCharset(charset: string): void {
    if (charset === this.#group.charset) return;
    this.#flush();
    this.#set({ charset });
  }

  #unicode(number: number): void {
    this.#add(String.fromCharCode(number & 0xffff));
    this.#toSkip = this.#group.skip;
  }

  #octet(octet: number): void {
    if (this.#toSkip > 0) this.#toSkip--;
    else if (!this.#group.hidden) this.#octets.push(octet);
    if (this.#octets.length > MAX_OCTETS) this.#flush();
  }

  #text(text: string): void {
    const skipped = Math.min(this.#toSkip, text.length);
    this.#toSkip -= skipped;
    if (this.#group.hidden || skipped === text.length) return;
    if (this.#octets.length === 0 && /^[\x00-\x7f]*$/.test(text)) this.#pieces.push(text.slice(skipped));
    else for (let at = skipped; at < text.length; at++) this.#octets.push(text.charCodeAt(at));
  }

  /** A character that no code page concerns. */
  #add(character: string): void {
    this.#flush();
    this.#toSkip = 0;
    if (!this.#group.hidden) this.#pieces.push(character);
  }

  #flush(): void {
    if (this.#octets.length === 0) return;
    this.#pieces.push(decodeCharset(Uint8Array.from(this.#octets), this.#group.charset).text);
    this.#octets = [];
  }
}

/** Text of an RTF file given as one character an octet. Never throws. */
export function rtfToText(rtf: string): string {
  return new RtfReader(rtf).read();
}
