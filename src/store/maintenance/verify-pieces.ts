/** What is wrong with a piece, by its place. */
import { existsSync, statSync } from 'node:fs';
import type { AccountContext } from '../database/context.ts';
import { segmentPath } from '../segment/files.ts';
import { KIND_PIECE, RECORD_HEADER_BYTES, sha256 } from '../segment/format.ts';
import type { PieceRow } from '../segment/pieces.ts';
import { SegmentFile } from '../segment/walk.ts';
import type { Damage } from './damage.ts';

/** Why a piece cannot be read. */
export function pieceDamage(context: AccountContext, row: PieceRow): Damage {
  const { directory, cipher } = context.segments;
  const path = segmentPath(directory, row.segment);
  const where = `${segmentName(row.segment)} at ${row.offset} (piece ${row.id})`;
  if (!existsSync(path)) return { kind: 'missing', where, reason: 'the segment file is not there' };
  const end = row.offset + RECORD_HEADER_BYTES + row.stored;
  if (statSync(path).size < end) return { kind: 'truncated', where, reason: `the file ends before ${end}` };
  const file = new SegmentFile(directory, row.segment);
  try {
    const [found] = file.walk(row.offset);
    if (found?.kind !== 'record') return { kind: 'flipped', where, reason: 'the header of the record is damaged' };
    const { header } = found;
    const other = header.kind !== KIND_PIECE || header.length !== row.length || header.stored !== row.stored;
    const content = file.content(cipher, found.at, header);
    if (content) {
      const digest = Buffer.from(sha256(content)).toString('hex');
      return { kind: 'rolled-back', where, reason: `a sound record with other content lies there (SHA-256 ${digest})` };
    }
    const from = origin(context, file, row);
    if (from) {
      return {
        kind: 'swapped',
        where,
        reason: `the record of ${segmentName(from.segment)} at ${from.offset} lies there`,
      };
    }
    if (other) return { kind: 'swapped', where, reason: 'the header is that of another record' };
    return { kind: 'flipped', where, reason: 'the octets are not the ones that were sealed there' };
  } finally {
    file.close();
  }
}

/** Whose record lies in a piece's place: one of the same size opens with its own place. */
function origin(context: AccountContext, file: SegmentFile, row: PieceRow): PieceRow | null {
  const [found] = file.walk(row.offset);
  if (found?.kind !== 'record') return null;
  const { header } = found;
  const candidates = context
    .sql<PieceRow>('SELECT * FROM piece WHERE stored = ? AND length = ? AND id <> ? LIMIT 1000')
    .all(header.stored, header.length, row.id);
  return candidates.find(candidate => file.content(context.segments.cipher, found.at, header, candidate)) ?? null;
}

export function segmentName(segment: number): string {
  return `segments/${String(segment).padStart(8, '0')}.seg`;
}
