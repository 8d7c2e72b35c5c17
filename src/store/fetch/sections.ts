import { type HeaderFilter, headerFilter, locatePart, sectionRange, unpackTree } from '../../mime/index.ts';
import type { MimeNode } from '../../mime/types.ts';
import { messageId } from '../catalog/messages.ts';
import type { AccountContext } from '../database/context.ts';
import { piecesOf } from '../ingest/recipe.ts';
import { INLINE_FETCH_BYTES, INLINE_SECTION_BYTES, MAX_HEADER_BYTES, MAX_READ_BYTES } from '../limits.ts';
import type { PieceRow } from '../segment/pieces.ts';
import { framesOf } from '../structure/compact.ts';
import { expandTree, expandTrees } from '../structure/facts.ts';
import { type KeptHeader, soundHeader } from '../structure/kept-header.ts';
import { type SectionContent, type SectionSpec, StoreError } from '../types.ts';
import { openDecoded } from './decoded.ts';
import { Slab } from './slab.ts';

/** Octets of a recipe that is read ahead: some 200 runs. */
const SMALL_RECIPE = 1024;
/** Octets of a compressed tree that is read ahead: some hundred parts. */
const SMALL_TREE = 2048;

/** A message whose sections are read. */
interface Source {
  readonly message: number;
  readonly size: number;
  /** How to put it together, read when it is first needed. */
  readonly recipe: () => Uint8Array;
  /** The MIME tree, read when it is first needed. */
  readonly root: () => MimeNode;
  /** The top header where it is kept apart. */
  readonly header: () => Uint8Array | null;
}

/** Resolves sections against stored MIME trees. One for each fetch call: it counts what goes inline. */
export class SectionReader {
  readonly #context: AccountContext;
  readonly #slab: Slab;
  readonly #filters = new Map<SectionSpec, HeaderFilter>();
  /** What was read ahead, by message. */
  readonly #recipes = new Map<number, Uint8Array>();
  readonly #headers = new Map<number, Uint8Array | null>();
  readonly #trees = new Map<number, string>();
  /** The largest section that goes inline, and the octets that still do. */
  readonly #largest: number;
  #inline = INLINE_FETCH_BYTES;

  constructor(context: AccountContext, room?: ArrayBuffer) {
    this.#context = context;
    this.#slab = new Slab(room);
    this.#largest = room === undefined ? INLINE_SECTION_BYTES : INLINE_FETCH_BYTES;
  }

  /** Reads at once what the sections of all these messages need, as far as it is small or goes inline. */
  prepare(messages: readonly Pick<Source, 'message' | 'size'>[], sections: readonly SectionSpec[]): void {
    if (messages.length < 2) return;
    const json = JSON.stringify(messages.map(({ message }) => message));
    if (sections.some(isWhole)) {
      const rows = this.#context
        .sql<{ id: number; recipe: Uint8Array }>(
          `SELECT id, recipe FROM message WHERE id IN (SELECT value FROM json_each(?)) AND length(recipe) <= ${SMALL_RECIPE}`,
        )
        .all(json);
      for (const { id, recipe } of rows) this.#recipes.set(id, recipe);
      if (sections.some(section => isWhole(section) && !section.partial)) this.#readPieces(messages);
    }
    if (sections.some(isTopHeader)) this.#readHeaders(json);
    if (sections.some(section => !isWhole(section) && !isTopHeader(section))) this.#readTrees(json);
  }

  #readHeaders(messages: string): void {
    const rows = this.#context
      .sql<KeptHeader & { readonly message: number }>(
        'SELECT message, checksum, octets FROM header WHERE message IN (SELECT value FROM json_each(?))',
      )
      .all(messages);
    for (const row of rows) this.#headers.set(row.message, soundHeader(row));
  }

  #readTrees(messages: string): void {
    const row = this.#context
      .sql<{ ids: string; trees: Uint8Array | null }>(
        `SELECT json_group_array(message) AS ids, ${framesOf('tree')} AS trees FROM structure
         WHERE message IN (SELECT value FROM json_each(?)) AND length(tree) <= ${SMALL_TREE}`,
      )
      .get(messages);
    if (!row?.trees) return;
    const ids: number[] = JSON.parse(row.ids);
    const trees = expandTrees(row.trees, ids.length);
    for (const [index, id] of ids.entries()) this.#trees.set(id, trees[index] ?? '');
  }

  /** Lets go of what `prepare` has read. */
  close(): void {
    this.#context.pieces.forgetAhead();
  }

  /** The pieces of those messages that go inline as a whole. */
  #readPieces(messages: readonly Pick<Source, 'message' | 'size'>[]): void {
    const { pieces } = this.#context;
    let inline = this.#inline;
    const wanted: number[] = [];
    for (const { message, size } of messages) {
      const recipe = this.#recipes.get(message);
      if (recipe === undefined || size > this.#largest || size > inline) continue;
      inline -= size;
      wanted.push(...piecesOf(recipe));
    }
    const missing = pieces.notAtHand(wanted);
    if (missing.length === 0) return;
    pieces.readAhead(
      this.#context
        .sql<PieceRow>('SELECT * FROM piece WHERE id IN (SELECT value FROM json_each(?))')
        .all(JSON.stringify(missing)),
    );
  }

  read(message: number, size: number, sections: readonly SectionSpec[]): SectionContent[] {
    if (sections.length === 0) return [];
    const source = this.#source(message, size);
    return sections.map(section => this.#section(source, section));
  }

  /** Like `read`, where sections are to be decoded (BINARY): that may take a while, in which others are served. */
  async readDecoding(message: number, size: number, sections: readonly SectionSpec[]): Promise<SectionContent[]> {
    const source = this.#source(message, size);
    const contents: SectionContent[] = [];
    for (const section of sections) {
      const decodes = section.binary && section.part.length > 0;
      contents.push(decodes ? await this.#decoded(source, section) : this.#section(source, section));
    }
    return contents;
  }

  #source(message: number, size: number): Source {
    let recipe = this.#recipes.get(message) ?? null;
    let tree: MimeNode | null = null;
    let header = this.#headers.get(message);
    return {
      message,
      size,
      recipe: () => {
        recipe ??= recipeOf(this.#context, message);
        return recipe;
      },
      root: () => {
        const ahead = this.#trees.get(message);
        tree ??= ahead === undefined ? treeOfMessage(this.#context, message) : unpackTree(ahead);
        return tree;
      },
      header: () => {
        if (header === undefined) header = keptHeader(this.#context, message);
        return header;
      },
    };
  }

  #section(source: Source, section: SectionSpec): SectionContent {
    const { part, text } = section;
    if (part.length === 0 && text === undefined) {
      return section.sizeOnly ? { kind: 'size', size: source.size } : this.#slice(source, 0, source.size, section);
    }
    const filtered = text === 'HEADER.FIELDS' || text === 'HEADER.FIELDS.NOT';
    const kept = part.length === 0 && (filtered || text === 'HEADER') ? source.header() : null;
    if (kept !== null) return filtered ? this.#fields(kept, section) : this.#cut(kept, section);
    const range = sectionRange(source.root(), section);
    if (!range) return null;
    if (!filtered) return this.#slice(source, range.start, range.end, section);
    const length = range.end - range.start;
    if (length > MAX_HEADER_BYTES) throw new StoreError('LIMIT', "L'intestazione del messaggio è troppo lunga");
    return this.#fields(this.#context.pieces.range(source.recipe(), range.start, length), section);
  }

  async #decoded({ message, recipe, root }: Source, section: SectionSpec): Promise<SectionContent> {
    const node = locatePart(root(), section.part);
    if (!node) return section.sizeOnly ? { kind: 'size', size: 0 } : null;
    const part = await openDecoded(this.#context, message, recipe(), node);
    if (part === null) return { kind: 'unknown-encoding' };
    if (section.sizeOnly) return { kind: 'size', size: part.size };
    const start = Math.min(part.size, section.partial?.offset ?? 0);
    const length = Math.min(part.size - start, section.partial?.length ?? Number.POSITIVE_INFINITY);
    if (!this.#fits(length)) return { kind: 'decoded', part: section.part, start, length };
    return { kind: 'bytes', bytes: this.#slab.copy(part.read(start, length)) };
  }

  /** Whether a section goes inline; it then counts. */
  #fits(length: number): boolean {
    if (length > this.#largest || length > this.#inline) return false;
    this.#inline -= length;
    return true;
  }

  #slice({ recipe }: Source, start: number, end: number, section: SectionSpec): SectionContent {
    const from = Math.min(end, start + (section.partial?.offset ?? 0));
    const length = Math.min(end - from, section.partial?.length ?? Number.POSITIVE_INFINITY);
    if (!this.#fits(length)) return { kind: 'range', start: from, length };
    return { kind: 'bytes', bytes: this.#context.pieces.range(recipe(), from, length, room => this.#slab.take(room)) };
  }

  #fields(header: Uint8Array, section: SectionSpec): SectionContent {
    let filter = this.#filters.get(section);
    if (filter === undefined) {
      filter = headerFilter(section.fields ?? [], section.text === 'HEADER.FIELDS.NOT');
      this.#filters.set(section, filter);
    }
    if (section.partial)
      return this.#cut(
        filter(header, length => new Uint8Array(length)),
        section,
      );
    return { kind: 'bytes', bytes: filter(header, length => this.#slab.take(length)) };
  }

  #cut(bytes: Uint8Array, { partial }: SectionSpec): SectionContent {
    const part = partial ? bytes.subarray(partial.offset, partial.offset + partial.length) : bytes;
    return { kind: 'bytes', bytes: this.#slab.copy(part) };
  }
}

/** Octets of a message by raw offsets. */
export function readMessage(context: AccountContext, handle: string, start: number, length: number): Uint8Array {
  checkInterval(start, length);
  // A buffer of its own, which can change threads.
  return context.pieces.range(recipeOf(context, messageId(handle)), start, length, octets => new Uint8Array(octets));
}

/** Octets of a part by decoded offsets. */
export async function readDecoded(
  context: AccountContext,
  handle: string,
  part: readonly number[],
  start: number,
  length: number,
): Promise<Uint8Array> {
  checkInterval(start, length);
  const message = messageId(handle);
  const node = locatePart(treeOfMessage(context, message), part);
  const decoded = node && (await openDecoded(context, message, recipeOf(context, message), node));
  if (!decoded) throw new StoreError('NONEXISTENT', 'La parte del messaggio non esiste');
  return own(decoded.read(start, length));
}

function checkInterval(start: number, length: number): void {
  const valid = Number.isSafeInteger(start) && Number.isSafeInteger(length) && start >= 0 && length >= 0;
  if (!valid || length > MAX_READ_BYTES) throw new StoreError('LIMIT', 'Intervallo di lettura non valido');
}

/** The header as it was kept apart; null where it was not, or where it is no longer what it was. */
function keptHeader(context: AccountContext, message: number): Uint8Array | null {
  const row = context.sql<KeptHeader>('SELECT checksum, octets FROM header WHERE message = ?').get(message);
  return row ? soundHeader(row) : null;
}

function isWhole({ part, text, sizeOnly }: SectionSpec): boolean {
  return part.length === 0 && text === undefined && sizeOnly !== true;
}

function isTopHeader({ part, text }: SectionSpec): boolean {
  return part.length === 0 && text?.startsWith('HEADER') === true;
}

/** A copy with a buffer of its own, which can change threads without taking a pool or a cached piece along. */
function own(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes);
}

function recipeOf(context: AccountContext, message: number): Uint8Array {
  const recipe = context.sql<Uint8Array>('SELECT recipe FROM message WHERE id = ?').pluck().get(message);
  if (!recipe) throw new StoreError('NONEXISTENT', 'Il messaggio non esiste');
  return recipe;
}

function treeOfMessage(context: AccountContext, message: number): MimeNode {
  const tree = context.sql<Uint8Array>('SELECT tree FROM structure WHERE message = ?').pluck().get(message);
  if (!tree) throw new StoreError('CORRUPTION', 'Manca la struttura del messaggio');
  return expandTree(tree);
}
