/**
 * Looks at everything an account holds: the database's pages, its rows and counters, the ledger, each record of each
 * segment, and each message's SHA-256. Names what is damaged; mends nothing.
 */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { deriveAccountKeys } from '../crypto/account-keys.ts';
import type { AccountContext } from '../database/context.ts';
import { isCode, readFileOrNull, replaceFile } from '../files.ts';
import { segmentNumbers, segmentPath } from '../segment/files.ts';
import type { PieceRow } from '../segment/pieces.ts';
import { openAccount } from '../shard/account.ts';
import { StoreError } from '../types.ts';
import { type Damage, Damages } from './damage.ts';
import { EXAMINATIONS, type Examination } from './verify-database.ts';
import type { MessageFault, Range, Reading } from './verify-messages.ts';
import { pieceDamage, segmentName } from './verify-pieces.ts';
import { crewOfOne, crewOfThreads, type VerifyCrew } from './verify-threads.ts';

export interface VerifyOptions {
  readonly address: string;
  readonly directory: string;
  readonly dataKey: Uint8Array;
  /** Goes on where the last run was interrupted. */
  readonly resume: boolean;
  /** That read beside this one; as many as there are processors when absent, none for a small account. */
  readonly threads?: number;
  readonly progress?: (octets: number) => void;
}

export interface Verification {
  readonly address: string;
  readonly messages: number;
  /** Of the messages as they came. */
  readonly octets: number;
  readonly damageCount: number;
  /** The first thousand. */
  readonly damaged: readonly Damage[];
}

/** How far a run has come, for the one that goes on. */
interface Progress {
  readonly message: number;
  readonly messages: number;
  readonly octets: number;
  readonly piece: number;
  readonly damageCount: number;
  readonly damaged: readonly Damage[];
}

const START: Progress = { message: 0, messages: 0, octets: 0, piece: 0, damageCount: 0, damaged: [] };
/** Octets between two notes of how far it has come. */
const NOTE_BYTES = 256 * 1024 * 1024;
/** Octets that one task reads, and rows looked at for that. */
const RUN_BYTES = 8 * 1024 * 1024;
const ROWS = 1000;
/** A smaller archive is read before threads have started. */
const SMALL_BYTES = 64 * 1024 * 1024;
const MAX_THREADS = 8;

/** Rows that one task reads. */
interface Run extends Range {
  readonly rows: number;
  readonly octets: number;
}

/** Never rejects because of damage: what cannot even be opened is named as well. */
export async function verifyAccount(options: VerifyOptions): Promise<Verification> {
  const { address, directory } = options;
  const progress = (options.resume ? await readProgress(directory) : null) ?? START;
  const damages = new Damages(progress.damaged, progress.damageCount);
  let outcome = { messages: progress.messages, octets: progress.octets };
  try {
    const threads = options.threads ?? threadsFor(directory);
    const keys = deriveAccountKeys(options.dataKey);
    const { context, repair } = openAccount(address, directory, keys, { mend: false, shared: threads > 0 });
    try {
      const looked = roomForPieces(context);
      const crew =
        threads === 0
          ? crewOfOne({ db: context.db, segments: context.segments, looked })
          : crewOfThreads(threads, { directory, segments: context.segments.directory, keys, looked });
      try {
        if (progress === START) {
          if (repair.oldSegments && repair.short.length === 0) {
            damages.add({
              kind: 'rolled-back',
              where: 'segments',
              reason: 'they end otherwise than the database says',
            });
          }
          checkSegments(context, repair.short, damages);
          checkEvidence(context, damages);
        }
        const examinations = progress === START ? EXAMINATIONS : [];
        outcome = await new Progression(context, options, damages, progress, crew).run(examinations);
      } finally {
        await crew.close();
      }
    } finally {
      context.close();
    }
  } catch (error) {
    damages.add(unopened(error));
  }
  await rm(progressFile(directory), { force: true });
  return { address, ...outcome, damageCount: damages.count, damaged: damages.found };
}

function threadsFor(directory: string): number {
  const segments = join(directory, 'segments');
  if (!existsSync(segments)) return 0;
  let octets = 0;
  for (const number of segmentNumbers(segments)) octets += statSync(segmentPath(segments, number)).size;
  return octets < SMALL_BYTES ? 0 : Math.min(MAX_THREADS, availableParallelism());
}

/** A bit for each piece, which threads share. */
function roomForPieces({ db }: AccountContext): Uint8Array {
  const last = db.prepare<[], number>('SELECT ifnull(max(id), 0) FROM piece').pluck().get() ?? 0;
  return new Uint8Array(new SharedArrayBuffer((last >> 3) + 1));
}

function unopened(error: unknown): Damage {
  const reason = error instanceof Error ? error.message : String(error);
  const where = 'account.db';
  if (error instanceof StoreError && error.code === 'CORRUPTION') {
    return { kind: reason.includes('più vecchio') ? 'rolled-back' : 'missing', where, reason };
  }
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code.startsWith('SQLITE_CORRUPT') || code.startsWith('SQLITE_NOTADB') || code.startsWith('SQLITE_IOERR')) {
    return { kind: 'database', where, reason };
  }
  return { kind: 'account', where, reason };
}

function checkSegments(context: AccountContext, short: readonly number[], damages: Damages): void {
  for (const number of short) {
    const name = `${String(number).padStart(8, '0')}.seg`;
    const there = existsSync(join(context.segments.directory, name));
    damages.add({
      kind: there ? 'truncated' : 'missing',
      where: segmentName(number),
      reason: there ? 'shorter than what was committed' : 'the segment file is not there',
    });
  }
}

/** Evidence is what its own signatures say; here only that it is there. */
function checkEvidence(context: AccountContext, damages: Damages): void {
  for (const id of context.sql<string>('SELECT id FROM package ORDER BY id').pluck().all()) {
    let files: string[] = [];
    try {
      files = readdirSync(context.path('evidence', id));
    } catch (error) {
      if (!isCode(error, 'ENOENT')) throw error;
    }
    if (files.length === 0)
      damages.add({ kind: 'evidence', where: `evidence/${id}`, reason: 'the evidence is missing' });
  }
}

/** Has every message read, then every piece that no message led to. */
class Progression {
  readonly #context: AccountContext;
  readonly #options: VerifyOptions;
  readonly #damages: Damages;
  readonly #crew: VerifyCrew;
  readonly #damaged = new Set<number>();
  #message: number;
  #messages: number;
  #octets: number;
  #piece: number;
  #noted = 0;
  /** Damage that is not known yet must not be passed over by the run that goes on from a note. */
  #examined = false;

  constructor(context: AccountContext, options: VerifyOptions, damages: Damages, progress: Progress, crew: VerifyCrew) {
    this.#context = context;
    this.#options = options;
    this.#damages = damages;
    this.#crew = crew;
    this.#message = progress.message;
    this.#messages = progress.messages;
    this.#octets = progress.octets;
    this.#piece = progress.piece;
  }

  async run(examinations: readonly Examination[]): Promise<{ messages: number; octets: number }> {
    const examined = Promise.all(
      examinations.map(async what => {
        for (const damage of await this.#crew.run('examine', what)) this.#damages.add(damage);
      }),
    ).then(() => {
      this.#examined = true;
    });
    const outcomes = await Promise.allSettled([examined, this.#readAll()]);
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
    return { messages: this.#messages, octets: this.#octets };
  }

  async #readAll(): Promise<void> {
    await this.#inOrder(this.#runs('message', 'size', this.#message), 'readMessages', run => {
      this.#messages += run.rows;
      this.#octets += run.octets;
      this.#message = run.last;
    });
    await this.#inOrder(this.#runs('piece', 'length', this.#piece), 'readPieces', run => {
      this.#piece = run.last;
    });
  }

  /** As many at a time as there are hands; their outcomes in the order of the rows. */
  async #inOrder(runs: Iterable<Run>, task: 'readMessages' | 'readPieces', done: (run: Run) => void): Promise<void> {
    const under: { readonly run: Run; readonly reading: Promise<Reading> }[] = [];
    const settle = async (): Promise<void> => {
      const first = under.shift();
      if (first === undefined) return;
      const { faults, pieces } = await first.reading;
      for (const piece of pieces) this.#addPiece(piece);
      for (const fault of faults) this.#addMessage(fault);
      done(first.run);
      await this.#note(first.run.octets);
    };
    for (const run of runs) {
      const reading = this.#crew.run(task, run);
      // Whoever waits for it is told; until then nobody is.
      reading.catch(() => {});
      under.push({ run, reading });
      if (under.length >= this.#crew.width) await settle();
    }
    while (under.length > 0) await settle();
  }

  *#runs(table: 'message' | 'piece', size: string, after: number): Generator<Run> {
    const rows = this.#context.sql<{ id: number; octets: number }>(
      `SELECT id, ${size} AS octets FROM ${table} WHERE id > ? ORDER BY id LIMIT ${ROWS}`,
    );
    let run: Run = { after, last: after, rows: 0, octets: 0 };
    for (let page = rows.all(after); page.length > 0; page = rows.all(run.last)) {
      for (const { id, octets } of page) {
        run = { ...run, last: id, rows: run.rows + 1, octets: run.octets + octets };
        if (run.octets < RUN_BYTES) continue;
        yield run;
        run = { after: id, last: id, rows: 0, octets: 0 };
      }
    }
    if (run.rows > 0) yield run;
  }

  /** Told once, however many messages hold it. */
  #addPiece(row: PieceRow): void {
    if (this.#damaged.has(row.id)) return;
    this.#damaged.add(row.id);
    this.#damages.add(pieceDamage(this.#context, row));
  }

  #addMessage({ message, sha256, reason }: MessageFault): void {
    const place = this.#context
      .sql<{ kind: string; name: string; uid: number }>(
        'SELECT t.kind, t.name, e.uid FROM entry e JOIN tree t ON t.id = e.tree WHERE e.message = ? LIMIT 1',
      )
      .get(message);
    this.#damages.add({
      kind: 'message',
      where: place ? `${place.name || place.kind} UID ${place.uid}` : 'in no folder',
      reason,
      message: `M${message}`,
      sha256: Buffer.from(sha256).toString('hex'),
      ...(place && { tree: place.name || place.kind, uid: place.uid }),
    });
  }

  async #note(octets: number): Promise<void> {
    this.#noted += octets;
    if (this.#noted < NOTE_BYTES || !this.#examined) return;
    this.#noted = 0;
    this.#options.progress?.(this.#octets);
    await replaceFile(
      progressFile(this.#options.directory),
      JSON.stringify({
        message: this.#message,
        messages: this.#messages,
        octets: this.#octets,
        piece: this.#piece,
        damageCount: this.#damages.count,
        damaged: this.#damages.found,
      } satisfies Progress),
    );
  }
}

function progressFile(directory: string): string {
  return join(directory, 'verify.progress');
}

async function readProgress(directory: string): Promise<Progress | null> {
  const content = await readFileOrNull(progressFile(directory));
  try {
    return content === null ? null : (JSON.parse(content.toString('utf8')) as Progress);
  } catch {
    return null;
  }
}
