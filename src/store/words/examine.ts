/** What is wrong with the index, for verify. */
import type Database from 'better-sqlite3-multiple-ciphers';
import { BlockNames, unpack } from './block.ts';
import { Reader } from './bytes.ts';
import { blockId, decodeMessages } from './run.ts';

interface RunState {
  readonly id: number;
  readonly blocks: number;
  readonly messages: Uint8Array;
}

/** At most `most` findings, in English. Throws for what cannot be read at all. */
export function wrongIndex(db: Database.Database, most: number): string[] {
  const found: string[] = [];
  const there = new Set<number>();
  const runs = db.prepare<[], RunState>("SELECT id, blocks, messages FROM word_run WHERE state = 'whole'").all();
  for (const { id, blocks, messages } of runs) {
    const known = decodeMessages(unpack(messages));
    for (const message of known) there.add(message);
    let before = '';
    for (let block = 0; block < blocks; block++) {
      const reason = wrongBlock(db, blockId(id, block), known.length, before);
      if (typeof reason === 'string') found.push(`the index's run ${id}, block ${block}: ${reason}`);
      else before = reason.last;
    }
  }
  const wanted = db.prepare<[], number>('SELECT message FROM text WHERE indexed = 1').pluck();
  for (const message of wanted.iterate()) {
    if (!there.has(message)) found.push(`message ${message} is not in the index`);
    if (found.length >= most) break;
  }
  return found.slice(0, most);
}

/** What is wrong with it, or its last token. */
function wrongBlock(
  db: Database.Database,
  id: number,
  documents: number,
  before: string,
): string | { readonly last: string } {
  const row = db
    .prepare<[number], { names: Uint8Array; documents: Uint8Array; places: Uint8Array }>(
      'SELECT names, documents, places FROM word_block WHERE id = ?',
    )
    .get(id);
  if (!row) return 'is not there';
  const names = new BlockNames(row.names);
  const allDocuments = unpack(row.documents);
  const allPlaces = unpack(row.places);
  let last = before;
  for (let index = 0; index < names.count; index++) {
    const name = names.name(index);
    if (name <= last) return `“${name}” is out of order`;
    last = name;
    const reader = new Reader(names.documents(allDocuments, index));
    const places = new Reader(names.places(allPlaces, index));
    let document = -1;
    while (!reader.done) {
      const step = reader.integer();
      document += step >> 1;
      const times = step & 1 ? reader.integer() + 2 : 1;
      // Grams have no places.
      if (places.octets.length > 0) places.skip(times);
    }
    if (document >= documents || document < 0) return `“${name}” is in a document that is not there`;
    if (places.octets.length > 0 && places.at !== places.octets.length)
      return `“${name}” has other places than it should`;
  }
  return { last };
}
