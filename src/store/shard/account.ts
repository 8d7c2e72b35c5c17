import { join } from 'node:path';
import type Database from 'better-sqlite3-multiple-ciphers';
import type { AccountKeys } from '../crypto/account-keys.ts';
import { RecordCipher } from '../crypto/record-cipher.ts';
import { AccountContext } from '../database/context.ts';
import { nextUidValidity, openDatabase } from '../database/open.ts';
import { LedgerHead } from '../ledger/head.ts';
import { Ledger, type LedgerState } from '../ledger/ledger.ts';
import { conserveNext, unfinishedPackages } from '../queue/conserved.ts';
import { segmentNumbers } from '../segment/files.ts';
import { KIND_LEDGER, sha256 } from '../segment/format.ts';
import { makePieceCache, PieceReader, type PieceRow } from '../segment/pieces.ts';
import { olderThanSegments, repairSegments, type SegmentRepair } from '../segment/repair.ts';
import { Segments } from '../segment/segments.ts';

/** What start-up found and repaired in one account. */
export interface AccountRepair extends SegmentRepair {
  /** Messages of sealed packages that had not changed trees yet. */
  readonly conserved: number;
  /** The segments do not hold the last thing that the database wrote there: they are damaged, or an old copy. */
  readonly oldSegments: boolean;
}

const cache = makePieceCache();

/**
 * Opens an account and brings it to the state of its last commit. Throws a StoreError.
 * @param options mend: false: does not go on with what was begun, nor start the ledger anew; for who only looks; shared:
 * other threads of this process open the database as well
 */
export function openAccount(
  address: string,
  directory: string,
  keys: AccountKeys,
  { mend = true, shared = false }: { readonly mend?: boolean; readonly shared?: boolean } = {},
): { context: AccountContext; repair: AccountRepair } {
  const db = openDatabase(directory, keys.database, shared);
  const head = new LedgerHead(directory);
  try {
    const state = db.prepare<[], LedgerState>('SELECT * FROM ledger').get();
    if ((head.read() ?? 0) > (state?.seq ?? 0)) throw olderThanSegments();
    const rows = db
      .prepare<[], { number: number; length: number }>('SELECT number, length FROM segment ORDER BY number')
      .all();
    const cipher = new RecordCipher(keys.segments);
    const segmentDirectory = join(directory, 'segments');
    const repair = repairSegments(segmentDirectory, new Map(rows.map(row => [row.number, row.length])), cipher);
    const last = rows.at(-1) ?? { number: 1, length: 0 };
    let segments = new Segments(segmentDirectory, last, cipher);
    const oldSegments = state !== undefined && !holdsLast(segments, state);
    if (oldSegments) {
      // Nothing is written over what may still be saved.
      segments.close();
      const next = Math.max(last.number, ...segmentNumbers(segmentDirectory)) + 1;
      segments = new Segments(segmentDirectory, { number: next, length: 0 }, cipher);
    }
    const pieceRow = db.prepare<[number], PieceRow>('SELECT * FROM piece WHERE id = ?');
    const pieces = new PieceReader(address, segments, cache, piece => pieceRow.get(piece));
    const ledger = new Ledger(db, segments, head);
    const context = new AccountContext({ address, directory, db, segments, pieces, ledger, head });
    let conserved = 0;
    if (mend) {
      if (state === undefined || oldSegments || state.renumber === 1) startLedger(context, state?.renumber === 1);
      for (const id of unfinishedPackages(context)) {
        for (let moved = conserveNext(context, id); moved > 0; moved = conserveNext(context, id)) conserved += moved;
      }
    }
    context.takeEvents();
    return { context, repair: { ...repair, conserved, oldSegments } };
  } catch (error) {
    head.close();
    db.close();
    throw error;
  }
}

function holdsLast(segments: Segments, state: LedgerState): boolean {
  const content = segments.read(KIND_LEDGER, state);
  return content !== null && Buffer.compare(sha256(content), state.sha256) === 0;
}

/** Writes down all there is, as the ledger's new beginning. */
export function startLedger(context: AccountContext, renumber: boolean): void {
  context.db
    .transaction(() => {
      if (renumber) newUidValidities(context.db);
      context.ledger.snapshot();
    })
    .immediate();
  context.ledger.committed();
}

/** Clients forget the UIDs that they know. */
function newUidValidities(db: Database.Database): void {
  const set = db.prepare('UPDATE tree SET uidvalidity = ? WHERE id = ?');
  for (const tree of db.prepare<[], number>('SELECT id FROM tree ORDER BY id').pluck().all()) {
    set.run(nextUidValidity(db), tree);
  }
}
