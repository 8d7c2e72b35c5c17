import type { FetchColumn, SectionSpec } from '../../store/types.ts';
import { Refusal, SyntaxFailure } from '../errors.ts';
import { Parser } from '../wire/parser.ts';

/** One item of a FETCH response, in the order asked for. */
export type FetchField =
  | { readonly kind: 'column'; readonly column: ResponseColumn }
  /** `label` is the item's name as it stands in the response; `section` an index into `FetchItems.sections`. */
  | { readonly kind: 'section'; readonly label: string; readonly section: number; readonly literal8: boolean };

export type ResponseColumn =
  | 'FLAGS'
  | 'INTERNALDATE'
  | 'RFC822.SIZE'
  | 'ENVELOPE'
  | 'BODY'
  | 'BODYSTRUCTURE'
  | 'MODSEQ'
  | 'EMAILID'
  | 'THREADID'
  | 'SAVEDATE'
  | 'PREVIEW'
  /** What PREVIEW was in drafts, which Dovecot still speaks: with the name of the algorithm. */
  | 'PREVIEW=FUZZY'
  | 'SNIPPET=FUZZY';

/** What a FETCH asks for (RFC 3501 section 6.4.5, RFC 3516, 7162, 8474, 8514, 8970). UID is told apart: it always comes first. */
export interface FetchItems {
  readonly uid: boolean;
  readonly fields: readonly FetchField[];
  readonly columns: readonly FetchColumn[];
  readonly sections: readonly SectionSpec[];
  /** A section was asked for without PEEK. */
  readonly marksSeen: boolean;
}

const COLUMNS: Record<ResponseColumn, FetchColumn | null> = {
  FLAGS: 'flags',
  INTERNALDATE: 'internalDate',
  'RFC822.SIZE': 'size',
  ENVELOPE: 'envelope',
  BODY: 'body',
  BODYSTRUCTURE: 'bodyStructure',
  MODSEQ: null,
  EMAILID: null,
  THREADID: 'threadId',
  SAVEDATE: 'saveDate',
  PREVIEW: 'preview',
  'PREVIEW=FUZZY': 'preview',
  'SNIPPET=FUZZY': 'preview',
};

const MACROS: Record<string, readonly ResponseColumn[]> = {
  FAST: ['FLAGS', 'INTERNALDATE', 'RFC822.SIZE'],
  ALL: ['FLAGS', 'INTERNALDATE', 'RFC822.SIZE', 'ENVELOPE'],
  FULL: ['FLAGS', 'INTERNALDATE', 'RFC822.SIZE', 'ENVELOPE', 'BODY'],
};

/** Names of RFC 822 times for sections. */
const RFC822: Record<string, { readonly text?: 'HEADER' | 'TEXT'; readonly peek: boolean }> = {
  RFC822: { peek: false },
  'RFC822.HEADER': { text: 'HEADER', peek: true },
  'RFC822.TEXT': { text: 'TEXT', peek: false },
};

/** Sections of one FETCH: each may hold its own memory in a run. */
const MAXIMUM_SECTIONS = 64;
const MAXIMUM_FIELD_NAMES = 1_000;
/** Levels of nested parts; mime limits stop well before. */
const MAXIMUM_PART_DEPTH = 100;

/** Reads `macro / item / (item ...)`. */
export function parseFetchItems(parser: Parser): FetchItems {
  const builder = new ItemsBuilder(parser);
  if (parser.peek === '(') {
    if (parser.list(() => builder.item()).length === 0) throw new SyntaxFailure('Nothing to fetch');
  } else {
    builder.macroOrItem();
  }
  return builder.items;
}

/** Reads a section without its brackets, `1.2.MIME`. */
export function parseSection(octets: Buffer): SectionSpec {
  const parser = new Parser([{ kind: 'text', octets, binary: false }], 0);
  const { section } = new ItemsBuilder(parser).section();
  parser.end();
  return section;
}

class ItemsBuilder {
  readonly #parser: Parser;
  readonly #labels = new Set<string>();
  readonly #fields: FetchField[] = [];
  readonly #columns = new Set<FetchColumn>();
  readonly #sections: SectionSpec[] = [];
  #uid = false;
  #marksSeen = false;

  constructor(parser: Parser) {
    this.#parser = parser;
  }

  get items(): FetchItems {
    return {
      uid: this.#uid,
      fields: this.#fields,
      columns: [...this.#columns],
      sections: this.#sections,
      marksSeen: this.#marksSeen,
    };
  }

  macroOrItem(): void {
    const name = this.#name();
    const macro = MACROS[name];
    if (macro === undefined) this.#item(name);
    else for (const column of macro) this.#addColumn(column);
  }

  item(): void {
    this.#item(this.#name());
  }

  #name(): string {
    return this.#parser.run(/[A-Za-z0-9.]/, 'fetch item').toUpperCase();
  }

  #item(name: string): void {
    const parser = this.#parser;
    if (parser.peek === '[') {
      this.#bracketed(name);
      return;
    }
    const rfc822 = Object.hasOwn(RFC822, name) ? RFC822[name] : undefined;
    if (rfc822 !== undefined) {
      if (!rfc822.peek) this.#marksSeen = true;
      this.#addSection(name, { part: [], text: rfc822.text });
    } else if (name === 'UID') this.#uid = true;
    else if (name === 'PREVIEW' || name === 'SNIPPET') this.#addColumn(this.#preview(name));
    else if (Object.hasOwn(COLUMNS, name)) this.#addColumn(name as ResponseColumn);
    else throw new SyntaxFailure('Unknown fetch item');
  }

  /** `PREVIEW (LAZY)`; previews are always at hand, so being in no hurry changes nothing. */
  #preview(name: 'PREVIEW' | 'SNIPPET'): ResponseColumn {
    const parser = this.#parser;
    const snippet = name === 'SNIPPET';
    if (!parser.startsWith(' (')) {
      if (snippet) throw new SyntaxFailure('SNIPPET needs an algorithm');
      return name;
    }
    parser.space();
    const modifiers = parser.list(() => parser.keyword());
    const fuzzy = modifiers.some(modifier => modifier === 'FUZZY' || modifier === 'LAZY=FUZZY');
    const plain = modifiers.every(modifier => modifier === 'LAZY');
    if (modifiers.length === 0 || (snippet && !fuzzy)) throw new SyntaxFailure('Unknown modifier');
    if (!plain && !modifiers.every(modifier => modifier.endsWith('FUZZY'))) throw new SyntaxFailure('Unknown modifier');
    return plain ? 'PREVIEW' : `${name}=FUZZY`;
  }

  #addColumn(column: ResponseColumn): void {
    if (this.#labels.has(column)) return;
    this.#labels.add(column);
    this.#fields.push({ kind: 'column', column });
    const wanted = COLUMNS[column];
    if (wanted !== null) this.#columns.add(wanted);
  }

  #addSection(label: string, section: SectionSpec): void {
    const key = `${label}${section.partial?.length ?? ''}`;
    if (this.#labels.has(key)) return;
    this.#labels.add(key);
    if (this.#sections.length >= MAXIMUM_SECTIONS) throw new Refusal('LIMIT', 'Troppe parti richieste insieme.');
    this.#fields.push({ kind: 'section', label, section: this.#sections.length, literal8: section.binary === true });
    this.#sections.push(section);
  }

  #bracketed(name: string): void {
    const parser = this.#parser;
    const binary = name === 'BINARY' || name === 'BINARY.PEEK' || name === 'BINARY.SIZE';
    if (name !== 'BODY' && name !== 'BODY.PEEK' && !binary) throw new SyntaxFailure('Unknown fetch item');
    parser.expect('[');
    const { section, label } = this.section();
    parser.expect(']');
    if (binary && section.text !== undefined) throw new SyntaxFailure('BINARY is of parts only');
    if (name === 'BINARY.SIZE') {
      this.#addSection(`BINARY.SIZE[${label}]`, { ...section, binary, sizeOnly: true });
      return;
    }
    if (name === 'BODY' || name === 'BINARY') this.#marksSeen = true;
    const partial = this.#partial();
    const origin = partial === undefined ? '' : `<${partial.offset}>`;
    this.#addSection(`${binary ? 'BINARY' : 'BODY'}[${label}]${origin}`, {
      ...section,
      partial,
      ...(binary && { binary }),
    });
  }

  #partial(): { offset: number; length: number } | undefined {
    const parser = this.#parser;
    if (!parser.take('<')) return undefined;
    const offset = parser.number();
    parser.expect('.');
    const length = parser.number();
    if (length === 0) throw new SyntaxFailure('Partial of no octets');
    parser.expect('>');
    return { offset, length };
  }

  section(): { section: SectionSpec; label: string } {
    const { part, rest } = this.#specifier();
    const prefix = part.length === 0 ? '' : `${part.join('.')}.`;
    switch (rest) {
      case '':
        return { section: { part }, label: part.join('.') };
      case 'MIME':
        if (part.length === 0) throw new SyntaxFailure('MIME needs a part number');
        return { section: { part, text: 'MIME' }, label: `${prefix}MIME` };
      case 'HEADER':
      case 'TEXT':
        return { section: { part, text: rest }, label: prefix + rest };
      case 'HEADER.FIELDS':
      case 'HEADER.FIELDS.NOT': {
        this.#parser.space();
        const fields = this.#parser.list(() => this.#parser.astring());
        if (fields.length === 0) throw new SyntaxFailure('No header field named');
        if (fields.length > MAXIMUM_FIELD_NAMES) throw new Refusal('LIMIT', 'Troppi campi richiesti insieme.');
        return {
          section: { part, text: rest, fields },
          label: `${prefix}${rest} (${fields.map(fieldName).join(' ')})`,
        };
      }
      default:
        throw new SyntaxFailure('Invalid section');
    }
  }

  /** `1.2.HEADER` as numbers and what follows them. */
  #specifier(): { part: number[]; rest: string } {
    if (this.#parser.peek === ']' || this.#parser.atEnd) return { part: [], rest: '' };
    const words = this.#name().split('.');
    const part: number[] = [];
    while (words.length > 0 && /^[1-9][0-9]{0,9}$/.test(words[0] ?? '')) part.push(Number(words.shift()));
    if (words.length === 1 && words[0] === '') throw new SyntaxFailure('Invalid section');
    if (part.length > MAXIMUM_PART_DEPTH) throw new SyntaxFailure('Section too deep');
    return { part, rest: words.join('.') };
  }
}

/** A field name as the response repeats it: an atom where it is one, else quoted. */
function fieldName(name: string): string {
  if (/^[^\s(){%*"\\\]\x00-\x1f\x7f-\uffff]+$/.test(name)) return name;
  if (/[\r\n\0]/.test(name)) throw new SyntaxFailure('Invalid header field name');
  return `"${name.replaceAll(/["\\]/g, '\\$&')}"`;
}
