import { decodeBody, filterHeader, locatePart, sectionRange, unpackTree } from '../../mime/index.ts';
import type { MimeNode } from '../../mime/types.ts';
import { messageId } from '../catalog/messages.ts';
import type { AccountContext } from '../database/context.ts';
import {
  INLINE_FETCH_BYTES,
  INLINE_SECTION_BYTES,
  MAX_BINARY_BYTES,
  MAX_HEADER_BYTES,
  MAX_READ_BYTES,
} from '../limits.ts';
import { type SectionContent, type SectionSpec, StoreError } from '../types.ts';

/** Resolves sections against stored MIME trees. One for each fetch call: it counts what goes inline. */
export class SectionReader {
  readonly #context: AccountContext;
  #inline = INLINE_FETCH_BYTES;

  constructor(context: AccountContext) {
    this.#context = context;
  }

  read(message: number, size: number, sections: readonly SectionSpec[]): SectionContent[] {
    if (sections.length === 0) return [];
    const recipe = recipeOf(this.#context, message);
    let tree: MimeNode | null = null;
    const root = (): MimeNode => {
      tree ??= treeOfMessage(this.#context, message);
      return tree;
    };
    return sections.map(section => {
      if (section.part.length === 0 && section.text === undefined) return this.#slice(recipe, 0, size, section);
      if (section.binary) return this.#binary(recipe, root(), section);
      const range = sectionRange(root(), section);
      if (!range) return null;
      if (section.text === 'HEADER.FIELDS' || section.text === 'HEADER.FIELDS.NOT') {
        return this.#fields(recipe, range.start, range.end, section);
      }
      return this.#slice(recipe, range.start, range.end, section);
    });
  }

  #slice(recipe: Uint8Array, start: number, end: number, section: SectionSpec): SectionContent {
    const from = Math.min(end, start + (section.partial?.offset ?? 0));
    const length = Math.min(end - from, section.partial?.length ?? Number.POSITIVE_INFINITY);
    if (length > INLINE_SECTION_BYTES || length > this.#inline) return { kind: 'range', start: from, length };
    this.#inline -= length;
    return { kind: 'bytes', bytes: own(this.#context.pieces.range(recipe, from, length)) };
  }

  #fields(recipe: Uint8Array, start: number, end: number, section: SectionSpec): SectionContent {
    if (end - start > MAX_HEADER_BYTES) throw new StoreError('LIMIT', "L'intestazione del messaggio è troppo lunga");
    const header = this.#context.pieces.range(recipe, start, end - start);
    return cut(filterHeader(header, section.fields ?? [], section.text === 'HEADER.FIELDS.NOT'), section);
  }

  /** A decoded part cannot be read piecewise by its raw offsets, so it comes whole or not at all. */
  #binary(recipe: Uint8Array, root: MimeNode, section: SectionSpec): SectionContent {
    const node = locatePart(root, section.part);
    if (!node) return null;
    const length = node.bodyEnd - node.bodyStart;
    if (length > MAX_BINARY_BYTES) throw new StoreError('LIMIT', 'La parte è troppo grande per essere decodificata');
    const body = this.#context.pieces.range(recipe, node.bodyStart, length);
    return cut(decodeBody(body, { ...node, headerStart: 0, bodyStart: 0, bodyEnd: length }), section);
  }
}

/** Octets of a message by raw offsets. */
export function readMessage(context: AccountContext, handle: string, start: number, length: number): Uint8Array {
  if (
    !Number.isSafeInteger(start) ||
    !Number.isSafeInteger(length) ||
    start < 0 ||
    length < 0 ||
    length > MAX_READ_BYTES
  ) {
    throw new StoreError('LIMIT', 'Intervallo di lettura non valido');
  }
  return own(context.pieces.range(recipeOf(context, messageId(handle)), start, length));
}

function cut(bytes: Uint8Array, section: SectionSpec): SectionContent {
  if (!section.partial) return { kind: 'bytes', bytes: own(bytes) };
  const { offset, length } = section.partial;
  return { kind: 'bytes', bytes: own(bytes.subarray(offset, offset + length)) };
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
  return unpackTree(tree);
}
