/**
 * Group commit: what waits goes into the segments with one fdatasync and into the database with one transaction. Each
 * message is rebuilt from what was written there and compared by SHA-256 before its transaction.
 */
import { createHash } from 'node:crypto';
import { type MessageRow, messageBySha256, messageHandle } from '../catalog/messages.ts';
import { checkPlace, place } from '../catalog/placing.ts';
import type { AccountContext, Change } from '../database/context.ts';
import { type Failure, toFailure } from '../errors.ts';
import { KIND_PIECE, type Packed } from '../segment/format.ts';
import type { PieceRow } from '../segment/pieces.ts';
import { type Filed, type Filing, StoreError, type StoreEvent, type View } from '../types.ts';
import { indexDerived, insertDerived } from './derived.ts';
import { decodePrepared, type Prepared } from './prepared.ts';
import { encodeRecipe, writeRun } from './recipe.ts';

export interface FileRequest {
  readonly view: View;
  readonly filing: Filing;
  readonly prepared: Uint8Array;
  /** False: the octets are taken and nothing shows them yet. */
  readonly place: boolean;
}
export type FileOutcome = { readonly filed: Filed } | { readonly failure: Failure };

/** Octets rebuilt at a time. */
const COMPARED_BYTES = 16 * 1024;

/** A message of the batch, on its way from octets to rows. */
interface Candidate {
  readonly request: FileRequest;
  readonly message: Prepared;
  /** Rows of the pieces by index. */
  rows: PieceRow[];
  failure: Failure | null;
}

/** Outcomes in the order of the requests. A failure of one leaves the others untouched. */
export function fileBatch(context: AccountContext, requests: readonly FileRequest[]): FileOutcome[] {
  const before = context.segments.position;
  const candidates = requests.map(request => admit(context, request));
  const batch = new Batch(context);
  const failed = (error: unknown): FileOutcome[] => {
    const failure = toFailure(error);
    return candidates.map(candidate => ({ failure: candidate.failure ?? failure }));
  };
  try {
    batch.write(candidates);
  } catch (error) {
    if (context.segments.failed) context.markBroken();
    else context.segments.reset(before);
    return failed(error);
  }
  try {
    return batch.commit(candidates);
  } catch (error) {
    // The commit may be on disk in spite of its failure: the segments are not cut before that is known.
    context.markBroken();
    return failed(error);
  }
}

function admit(context: AccountContext, request: FileRequest): Candidate {
  const message = decodePrepared(request.prepared);
  try {
    checkPlace(context, request.view, request.filing.origin.source);
    return { request, message, rows: [], failure: null };
  } catch (error) {
    return { request, message, rows: [], failure: toFailure(error) };
  }
}

class Batch {
  readonly #context: AccountContext;
  /** Pieces that this batch wrote, by hash: rows to be inserted, or moved when the old octets are damaged. */
  readonly #written = new Map<string, PieceRow>();
  #nextPiece: number;
  #nextMessage: number;

  constructor(context: AccountContext) {
    this.#context = context;
    this.#nextPiece = (context.sql<number>('SELECT ifnull(max(id), 0) FROM piece').pluck().get() ?? 0) + 1;
    this.#nextMessage = (context.sql<number>('SELECT ifnull(max(id), 0) FROM message').pluck().get() ?? 0) + 1;
  }

  /** Octets to disk, and read again. They are flushed with the ledger, before the commit. */
  write(candidates: readonly Candidate[]): void {
    const { segments } = this.#context;
    segments.roll();
    for (const candidate of candidates) {
      if (candidate.failure === null) this.#append(candidate, false);
    }
    for (const candidate of candidates) {
      if (candidate.failure !== null || this.#rebuilds(candidate)) continue;
      // A piece that was there before is damaged: this message brings the right octets, so they are written anew.
      this.#append(candidate, true);
      if (!this.#rebuilds(candidate)) {
        candidate.failure = {
          code: 'SERVERBUG',
          message: 'Il messaggio riletto dal disco non è uguale a quello ricevuto',
        };
      }
    }
  }

  commit(candidates: readonly Candidate[]): FileOutcome[] {
    const { db } = this.#context;
    const events: StoreEvent[] = [];
    const outcomes = db
      .transaction(() => {
        this.#insertPieces();
        const unindexed: [number, Prepared][] = [];
        const filed = candidates.map((candidate): FileOutcome => {
          if (candidate.failure !== null) return { failure: candidate.failure };
          try {
            const { result, events: told } = this.#context.nested(change => this.#file(change, candidate));
            events.push(...told);
            if (result.inserted !== null) unindexed.push([result.inserted, candidate.message]);
            return { filed: result.filed };
          } catch (error) {
            return { failure: toFailure(error) };
          }
        });
        // All at once, after every savepoint: at each one FTS5 would write what it has to its file.
        for (const [id, message] of unindexed) indexDerived(this.#context, id, message);
        this.#context.ledger.flush();
        return filed;
      })
      .immediate();
    this.#context.ledger.committed();
    this.#context.tell(events);
    return outcomes;
  }

  #append(candidate: Candidate, anew: boolean): void {
    const missing: Packed[] = [];
    for (const packed of candidate.message.pieces) {
      if (anew || !this.#find(packed.sha256)) missing.push(packed);
    }
    const locations = this.#context.segments.append(missing.map(packed => ({ kind: KIND_PIECE, packed })));
    missing.forEach((packed, index) => {
      const location = locations[index];
      if (!location) return;
      const id = this.#find(packed.sha256)?.id ?? this.#nextPiece++;
      this.#written.set(hex(packed.sha256), {
        id,
        sha256: packed.sha256,
        ...location,
        scheme: packed.scheme,
        length: packed.length,
      });
    });
    candidate.rows = candidate.message.pieces.map(packed => this.#find(packed.sha256) as PieceRow);
  }

  #find(sha256: Uint8Array): PieceRow | undefined {
    return (
      this.#written.get(hex(sha256)) ?? this.#context.sql<PieceRow>('SELECT * FROM piece WHERE sha256 = ?').get(sha256)
    );
  }

  /** Whether the stored pieces, read from disk, give the message's octets. */
  #rebuilds(candidate: Candidate): boolean {
    const { message } = candidate;
    const digest = createHash('sha256');
    let size = 0;
    for (const run of message.runs) {
      const row = candidate.rows[run.piece];
      const content = row ? this.#context.pieces.readRow(this.#written.get(hex(row.sha256)) ?? row) : null;
      if (!content) return false;
      for (let at = 0; at < run.length; at += COMPARED_BYTES) {
        const octets = writeRun(content, run, at, Math.min(at + COMPARED_BYTES, run.length));
        digest.update(octets);
        size += octets.length;
      }
    }
    return size === message.size && Buffer.compare(digest.digest(), message.sha256) === 0;
  }

  #insertPieces(): void {
    for (const row of this.#written.values()) {
      this.#context
        .sql(
          `INSERT INTO piece (id, sha256, segment, offset, scheme, length, stored) VALUES (?, ?, ?, ?, ?, ?, ?)
           ON CONFLICT (id) DO UPDATE SET segment = excluded.segment, offset = excluded.offset,
             scheme = excluded.scheme, stored = excluded.stored`,
        )
        .run(row.id, row.sha256, row.segment, row.offset, row.scheme, row.length, row.stored);
      this.#context.pieces.forget(row.id);
    }
  }

  /** The message's place, and its id where it was not here before. */
  #file(change: Change, candidate: Candidate): { readonly filed: Filed; readonly inserted: number | null } {
    const { request, message } = candidate;
    const given = request.filing.internalDate;
    const internalDate = given !== undefined && Number.isFinite(given) ? Math.trunc(given) : change.at;
    const known = messageBySha256(this.#context, message.sha256);
    const row = known ?? this.#insertMessage(change, candidate, internalDate);
    const inserted = known ? null : row.id;
    if (!request.place) return { filed: held(row), inserted };
    const placed = place(this.#context, change, row, request.view, {
      flags: request.filing.flags,
      internalDate,
      origin: request.filing.origin,
    });
    const filed = {
      view: placed.view,
      uidValidity: placed.tree.uidvalidity,
      uid: placed.uid,
      message: messageHandle(row.id),
      sha256: hex(message.sha256),
      duplicate: placed.duplicate,
    };
    return { filed, inserted };
  }

  #insertMessage(change: Change, { request, message, rows }: Candidate, internalDate: number): MessageRow {
    const id = this.#nextMessage++;
    const { origin } = request.filing;
    const recipe = encodeRecipe(message.runs.map(run => ({ ...run, piece: (rows[run.piece] as PieceRow).id })));
    const self = message.summary.from[0]?.address.toLowerCase() === this.#context.address ? 1 : 0;
    this.#context
      .sql(
        `INSERT INTO message (id, sha256, size, internal_date, filed_at, category, kind_category, from_self, certified_at,
           sent_day, message_id, thread, direction, source, folder, stored_at, recipe, orphaned_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      )
      .run(
        id,
        message.sha256,
        message.size,
        internalDate,
        message.pec.daticert?.at ?? internalDate,
        message.pec.category,
        message.pec.category,
        self,
        message.pec.daticert?.at ?? null,
        message.sentDay,
        message.summary.messageId,
        message.thread,
        origin.direction,
        origin.source,
        origin.folder ?? null,
        change.at,
        recipe,
        change.at,
      );
    insertDerived(this.#context, id, message);
    const row = messageBySha256(this.#context, message.sha256);
    if (!row) throw new StoreError('SERVERBUG', "Errore interno dell'archivio");
    return row;
  }
}

/** Stands for a message that has no place yet. */
function held(row: MessageRow): Filed {
  return {
    view: { tree: 'archive' },
    uidValidity: 0,
    uid: 0,
    message: messageHandle(row.id),
    sha256: hex(row.sha256),
    duplicate: false,
  };
}

function hex(digest: Uint8Array): string {
  return Buffer.from(digest.buffer, digest.byteOffset, digest.length).toString('hex');
}
