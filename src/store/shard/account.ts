import { LRUCache } from 'lru-cache';
import { AccountContext } from '../database/context.ts';
import { openDatabase } from '../database/open.ts';
import { PIECE_CACHE_BYTES } from '../limits.ts';
import { conserveNext, unfinishedPackages } from '../queue/conserved.ts';
import { type PieceCache, PieceReader, type PieceRow } from '../segment/pieces.ts';
import { repairSegments, type SegmentRepair, Segments } from '../segment/segments.ts';

/** What start-up found and repaired in one account. */
export interface AccountRepair extends SegmentRepair {
  /** Messages of sealed packages that had not changed trees yet. */
  readonly conserved: number;
}

const cache: PieceCache = new LRUCache({ maxSize: PIECE_CACHE_BYTES, sizeCalculation: content => content.length });

/** Opens an account and brings it to the state of its last commit. */
export function openAccount(address: string, directory: string): { context: AccountContext; repair: AccountRepair } {
  const db = openDatabase(directory);
  try {
    const rows = db
      .prepare<[], { number: number; length: number }>('SELECT number, length FROM segment ORDER BY number')
      .all();
    const segmentDirectory = `${directory}/segments`;
    const repair = repairSegments(segmentDirectory, new Map(rows.map(row => [row.number, row.length])));
    const segments = new Segments(segmentDirectory, rows.at(-1) ?? { number: 1, length: 0 });
    const pieceRow = db.prepare<[number], PieceRow>('SELECT * FROM piece WHERE id = ?');
    const pieces = new PieceReader(address, segments, cache, piece => pieceRow.get(piece));
    const context = new AccountContext({ address, directory, db, segments, pieces });
    let conserved = 0;
    for (const id of unfinishedPackages(context)) while (conserveNext(context, id)) conserved += 1;
    context.takeEvents();
    return { context, repair: { ...repair, conserved } };
  } catch (error) {
    db.close();
    throw error;
  }
}
