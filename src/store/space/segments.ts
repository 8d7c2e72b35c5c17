/**
 * Frees the space of what is no longer needed in a segment file. What is still needed is written again behind everything
 * else, read back and compared, and the database is told, piece by piece; then the file's records of the ledger, which
 * is all that it is needed for, take its place in a file of their own. A crash at any instruction leaves either file
 * whole: length 0 in the database says that nothing but the ledger counts in that file.
 */
import { closeSync, existsSync, fsyncSync, openSync, renameSync, statSync, writeSync } from 'node:fs';
import type { AccountContext } from '../database/context.ts';
import { journal } from '../journal/journal.ts';
import { segmentPath, syncDirectorySync } from '../segment/files.ts';
import { encodeHeader, KIND_LEDGER, KIND_PIECE, type Packed, RECORD_HEADER_BYTES } from '../segment/format.ts';
import type { PieceRow } from '../segment/pieces.ts';
import { SegmentFile } from '../segment/walk.ts';
import { step } from '../steps.ts';
import { StoreError } from '../types.ts';

/** Octets of records moved in one transaction, while nobody else is served. */
const MOVE_BYTES = 2 * 1024 * 1024;
const MOVE_PIECES = 200;

/** Segments of which at least a quarter, and `least` octets, are of no use, the worst first. None while any is damaged. */
export function wastefulSegments(context: AccountContext, least: number): number[] {
  const rows = context
    .sql<{ number: number; length: number; used: number }>(
      `SELECT s.number, s.length, ifnull(p.used, 0) AS used
       FROM segment s LEFT JOIN (SELECT segment, sum(stored + ${RECORD_HEADER_BYTES}) AS used FROM piece GROUP BY segment) p
         ON p.segment = s.number`,
    )
    .all();
  const sizes = rows.map(({ number, length, used }) => {
    const path = segmentPath(context.segments.directory, number);
    const size = existsSync(path) ? statSync(path).size : -1;
    return { number, size, length, used, waste: size - used };
  });
  if (sizes.some(({ size, length }) => size < length)) return [];
  return sizes
    .filter(({ number, length, size, used, waste }) => {
      if (length === 0) return size > 0;
      const worth = (octets: number): boolean => octets >= least && octets * 4 >= size;
      // The ledger is no waste: it is counted only where it may make the difference.
      return worth(waste) && worth(pieceBytes(context, number) - used);
    })
    .sort((a, b) => b.waste - a.waste)
    .map(({ number }) => number);
}

/** Octets of all records of pieces in a segment, needed or not. */
function pieceBytes(context: AccountContext, segment: number): number {
  const file = new SegmentFile(context.segments.directory, segment);
  try {
    let octets = 0;
    for (const found of file.walk()) {
      if (found.kind === 'record' && found.header.kind === KIND_PIECE) octets += found.end - found.at.offset;
    }
    return octets;
  } finally {
    file.close();
  }
}

/**
 * Moves some of a segment's pieces behind everything else.
 * @param after the last piece that was moved
 * @returns the last piece moved now, and its octets; `piece` null when none is left there
 */
export function moveNext(
  context: AccountContext,
  segment: number,
  after: number,
): { readonly piece: number | null; readonly bytes: number } {
  const rows = context
    .sql<PieceRow>('SELECT * FROM piece WHERE segment = ? AND id > ? ORDER BY id LIMIT ?')
    .all(segment, after, MOVE_PIECES);
  let bytes = 0;
  const moved: PieceRow[] = [];
  for (const row of rows) {
    if (moved.length > 0 && bytes + row.stored > MOVE_BYTES) break;
    moved.push(row);
    bytes += row.stored + RECORD_HEADER_BYTES;
  }
  context.write(() => {
    if (context.segments.position.number === segment) context.segments.begin();
    if (moved.length === 0) {
      journal(context, 'compacted', 'system', { segment });
      context.sql('UPDATE segment SET length = 0 WHERE number = ?').run(segment);
      return;
    }
    const places = context.segments.append(moved.map(row => ({ kind: KIND_PIECE, packed: packedOf(context, row) })));
    moved.forEach((row, index) => {
      const now: PieceRow = { ...row, ...(places[index] as (typeof places)[number]) };
      if (context.pieces.readRow(now) === null) throw damaged(row);
      context
        .sql('UPDATE piece SET segment = ?, offset = ?, stored = ? WHERE id = ?')
        .run(now.segment, now.offset, now.stored, row.id);
    });
  });
  return { piece: moved.at(-1)?.id ?? null, bytes };
}

/** Puts the ledger's records alone in the place of a segment that has no pieces any more; the octets that this freed. */
export function stripSegment(context: AccountContext, segment: number): number {
  const length = context.sql<number>('SELECT length FROM segment WHERE number = ?').pluck().get(segment);
  const needed = context.sql<number>('SELECT 1 FROM piece WHERE segment = ? LIMIT 1').pluck().get(segment);
  if (length !== 0 || needed !== undefined) return 0;
  const { directory, cipher } = context.segments;
  const path = segmentPath(directory, segment);
  const records: Uint8Array[] = [];
  let written = 0;
  let before = 0;
  const file = new SegmentFile(directory, segment);
  try {
    before = file.length;
    for (const found of file.walk()) {
      if (found.kind === 'gap') throw new StoreError('CORRUPTION', `Il segmento ${segment} è danneggiato`);
      if (found.header.kind !== KIND_LEDGER) continue;
      const opened = file.opened(cipher, found.at, found.header);
      if (!opened) throw new StoreError('CORRUPTION', `Il segmento ${segment} è danneggiato`);
      const header = encodeHeader(found.header);
      const sealed = cipher.seal(header, { segment, offset: written }, opened);
      const record = Buffer.concat([header, ...sealed]);
      const again = cipher.open(header, { segment, offset: written }, record.subarray(RECORD_HEADER_BYTES));
      if (!again || Buffer.compare(again, opened) !== 0) throw new StoreError('SERVERBUG', 'Registro non copiato');
      records.push(record);
      written += record.length;
    }
  } finally {
    file.close();
  }
  const octets = Buffer.concat(records);
  writeBeside(`${path}.tmp`, octets);
  renameSync(`${path}.tmp`, path);
  step('segment stripped');
  syncDirectorySync(directory);
  context.segments.forget(segment);
  context.write(() => context.sql('UPDATE segment SET length = ? WHERE number = ?').run(written, segment));
  step('stripped segment noted');
  return before - written;
}

/** A piece as it lies sealed, opened and compared with its hash. */
function packedOf(context: AccountContext, row: PieceRow): Packed {
  const stored = context.pieces.readRow(row) && context.segments.readPacked(KIND_PIECE, row);
  if (!stored) throw damaged(row);
  return { sha256: row.sha256, length: row.length, scheme: row.scheme, stored };
}

function damaged(row: PieceRow): StoreError {
  return new StoreError('CORRUPTION', `La parte ${row.id} è danneggiata e non viene spostata`);
}

function writeBeside(path: string, octets: Uint8Array): void {
  const file = openSync(path, 'w', 0o600);
  try {
    for (let done = 0; done < octets.length; ) done += writeSync(file, octets, done, octets.length - done, done);
    step('stripped segment written');
    fsyncSync(file);
    step('stripped segment flushed');
  } finally {
    closeSync(file);
  }
}
