/**
 * Group commit: what waits goes into the segments with one fdatasync and into the database with one transaction. Each
 * message is rebuilt from what was written there and compared by SHA-256 before its transaction.
 */
import { type MessageRow, messageBySha256, messageHandle } from '../catalog/messages.ts';
import { categoryOf, checkPlace, filingDate, place } from '../catalog/placing.ts';
import type { AccountContext, Change } from '../database/context.ts';
import { type Failure, toFailure } from '../errors.ts';
import { isSmall, KIND_PIECE, type Packed } from '../segment/format.ts';
import type { PieceRow } from '../segment/pieces.ts';
import type { Filed, Filing, StoreEvent, View } from '../types.ts';
import { mergeDue } from '../words/merging.ts';
import { type Arrival, insertWords } from '../words/writing.ts';
import { insertDerived } from './derived.ts';
import { decodePrepared, type Prepared } from './prepared.ts';
import { ReadBack, TOGETHER_BYTES } from './read-back.ts';
import { encodeRecipe } from './recipe.ts';

export interface FileRequest {
  readonly view: View;
  readonly filing: Filing;
  readonly prepared: Uint8Array;
  /** False: the octets are taken and nothing shows them yet. */
  readonly place: boolean;
}
export type FileOutcome = { readonly filed: Filed } | { readonly failure: Failure };

/** A message of the batch, on its way from octets to rows. */
interface Candidate {
  readonly request: FileRequest;
  readonly message: Prepared;
  /** Rows of the pieces by index. */
  rows: PieceRow[];
  recipe: Uint8Array;
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

const NO_RECIPE = new Uint8Array(0);

function admit(context: AccountContext, request: FileRequest): Candidate {
  const message = decodePrepared(request.prepared);
  try {
    checkPlace(context, request.view, request.filing.origin.source);
    return { request, message, rows: [], recipe: NO_RECIPE, failure: null };
  } catch (error) {
    return { request, message, rows: [], recipe: NO_RECIPE, failure: toFailure(error) };
  }
}

class Batch {
  readonly #context: AccountContext;
  /** Pieces that this batch wrote, by hash: rows to be inserted, or moved when the old octets are damaged. */
  readonly #written = new Map<string, PieceRow>();
  /** Pieces that were there before, by hash. */
  readonly #known = new Map<string, PieceRow>();
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
    for (const candidate of this.#different(candidates)) {
      // A piece that was there before is damaged: this message brings the right octets, so they are written anew.
      this.#append(candidate, true);
      if (this.#different([candidate]).length === 0) continue;
      candidate.failure = {
        code: 'SERVERBUG',
        message: 'Il messaggio riletto dal disco non è uguale a quello ricevuto',
      };
    }
  }

  /** Those whose pieces, read from disk, do not give the message's octets. */
  #different(candidates: readonly Candidate[]): Candidate[] {
    const { segments, pieces } = this.#context;
    const different: Candidate[] = [];
    for (const group of groups(candidates.filter(candidate => candidate.failure === null))) {
      const rows = group.flatMap(candidate => candidate.rows);
      const readBack = new ReadBack(segments, pieces, rows);
      different.push(
        ...group.filter(candidate => !readBack.gives(candidate.message, candidate.recipe, candidate.rows)),
      );
    }
    return different;
  }

  commit(candidates: readonly Candidate[]): FileOutcome[] {
    const { db } = this.#context;
    const events: StoreEvent[] = [];
    const outcomes = db
      .transaction(() => {
        this.#insertPieces();
        const arrived: Arrival[] = [];
        const filed = candidates.map((candidate): FileOutcome => {
          if (candidate.failure !== null) return { failure: candidate.failure };
          try {
            const { result, events: told } = this.#context.nested(change => this.#file(change, candidate));
            events.push(...told);
            const { words } = candidate.message;
            if (result.inserted !== null && words) arrived.push([result.inserted, words]);
            return { filed: result.filed };
          } catch (error) {
            return { failure: toFailure(error) };
          }
        });
        insertWords(this.#context, arrived);
        mergeDue(this.#context);
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
      this.#written.set(latin1(packed.sha256), {
        id,
        sha256: packed.sha256,
        ...location,
        scheme: packed.scheme,
        length: packed.length,
      });
    });
    const rows = candidate.message.pieces.map(packed => this.#find(packed.sha256) as PieceRow);
    candidate.rows = rows;
    candidate.recipe = encodeRecipe(
      candidate.message.runs.map(run => ({ ...run, piece: (rows[run.piece] as PieceRow).id })),
    );
  }

  #find(sha256: Uint8Array): PieceRow | undefined {
    const key = latin1(sha256);
    const known = this.#written.get(key) ?? this.#known.get(key);
    if (known) return known;
    const row = this.#context
      .sql<PieceRow>('SELECT * FROM piece WHERE substr(sha256, 1, 8) = substr(?, 1, 8) AND sha256 = ?')
      .get(sha256, sha256);
    if (row) this.#known.set(key, row);
    return row;
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

  #insertMessage(change: Change, { request, message, recipe }: Candidate, internalDate: number): MessageRow {
    const id = this.#nextMessage++;
    const { origin } = request.filing;
    const certifiedAt = message.pec.daticert?.at ?? null;
    const kind = {
      kind_category: message.pec.category,
      from_self: message.summary.from[0]?.address.toLowerCase() === this.#context.address ? 1 : 0,
      certified_at: certifiedAt,
    };
    const toArchive = request.view.tree === 'archive' || request.view.tree === 'intake';
    const row: MessageRow = {
      ...kind,
      id,
      sha256: message.sha256,
      size: message.size,
      internal_date: internalDate,
      // As placing would set them, so that the row is written once.
      filed_at: toArchive ? filingDate(kind, internalDate) : (certifiedAt ?? internalDate),
      category: toArchive ? categoryOf(kind, origin.direction) : message.pec.category,
      entries: 0,
      package: null,
      conserved_at: null,
    };
    this.#context
      .sql(
        `INSERT INTO message (id, sha256, size, internal_date, filed_at, category, kind_category, from_self, certified_at,
           sent_day, thread, direction, source, folder, stored_at, recipe, orphaned_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      )
      .run(
        id,
        row.sha256,
        row.size,
        row.internal_date,
        row.filed_at,
        row.category,
        row.kind_category,
        row.from_self,
        row.certified_at,
        message.sentDay,
        message.thread,
        origin.direction,
        origin.source,
        origin.folder ?? null,
        change.at,
        recipe,
        change.at,
      );
    insertDerived(this.#context, id, message, { ...row, direction: origin.direction });
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

/** Candidates whose small pieces are read together. */
function* groups(candidates: readonly Candidate[]): Generator<Candidate[]> {
  let group: Candidate[] = [];
  let bytes = 0;
  for (const candidate of candidates) {
    bytes += smallBytes(candidate);
    if (group.length > 0 && bytes > TOGETHER_BYTES) {
      yield group;
      group = [];
      bytes = smallBytes(candidate);
    }
    group.push(candidate);
  }
  if (group.length > 0) yield group;
}

function smallBytes({ rows }: Candidate): number {
  return rows.reduce((sum, row) => sum + (isSmall(row) ? row.length : 0), 0);
}

/** A key for a map. */
function latin1(digest: Uint8Array): string {
  return Buffer.from(digest.buffer, digest.byteOffset, digest.length).toString('latin1');
}

function hex(digest: Uint8Array): string {
  return Buffer.from(digest.buffer, digest.byteOffset, digest.length).toString('hex');
}
