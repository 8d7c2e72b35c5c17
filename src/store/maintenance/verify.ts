/**
 * Looks at everything an account holds: the database's pages, its rows and counters, the ledger, each record of each
 * segment, and each message's SHA-256. Names what is damaged; mends nothing.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { deriveAccountKeys } from '../crypto/account-keys.ts';
import type { AccountContext } from '../database/context.ts';
import { wrongCounters } from '../database/counters.ts';
import { isCode, readFileOrNull, replaceFile } from '../files.ts';
import { decodeRecipe, writeRun } from '../ingest/recipe.ts';
import type { LedgerState } from '../ledger/ledger.ts';
import { surveyLedger } from '../ledger/read.ts';
import type { PieceRow } from '../segment/pieces.ts';
import { openAccount } from '../shard/account.ts';
import { StoreError } from '../types.ts';
import { type Damage, Damages } from './damage.ts';
import { pieceDamage, segmentName } from './verify-pieces.ts';

export interface VerifyOptions {
  readonly address: string;
  readonly directory: string;
  readonly dataKey: Uint8Array;
  /** Goes on where the last run was interrupted. */
  readonly resume: boolean;
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
const RUN = 200;
const LISTED = 100;

/** Never rejects because of damage: what cannot even be opened is named as well. */
export async function verifyAccount(options: VerifyOptions): Promise<Verification> {
  const { address, directory } = options;
  const progress = (options.resume ? await readProgress(directory) : null) ?? START;
  const damages = new Damages(progress.damaged, progress.damageCount);
  let outcome = { messages: progress.messages, octets: progress.octets };
  try {
    const { context, repair } = openAccount(address, directory, deriveAccountKeys(options.dataKey), false);
    try {
      if (progress === START) {
        if (repair.oldSegments && repair.short.length === 0) {
          damages.add({ kind: 'rolled-back', where: 'segments', reason: 'they end otherwise than the database says' });
        }
        checkSegments(context, repair.short, damages);
        checkDatabase(context, damages);
        checkRows(context, damages);
        checkLedger(context, damages);
        checkEvidence(context, damages);
      }
      outcome = await new Reading(context, options, damages, progress).run();
    } finally {
      context.close();
    }
  } catch (error) {
    damages.add(unopened(error));
  }
  await rm(progressFile(directory), { force: true });
  return { address, ...outcome, damageCount: damages.count, damaged: damages.found };
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

/** SQLite's own examination, of the index as well. */
function checkDatabase(context: AccountContext, damages: Damages): void {
  const add = (reason: string): void => damages.add({ kind: 'database', where: 'account.db', reason });
  try {
    const findings = context.db.pragma(`integrity_check(${LISTED})`) as { integrity_check: string }[];
    for (const { integrity_check } of findings) if (integrity_check !== 'ok') add(integrity_check);
    context.db.exec("INSERT INTO search(search) VALUES ('integrity-check')");
  } catch (error) {
    add(error instanceof Error ? error.message : String(error));
  }
}

/** Each query gives what it finds wrong as text. */
const ROWS: readonly string[] = [
  `SELECT 'entry ' || e.tree || '/' || e.uid || ': no message ' || e.message FROM entry e
   WHERE e.message NOT IN (SELECT id FROM message)`,
  `SELECT 'entry ' || e.tree || '/' || e.uid || ': no leaf ' || e.leaf || ' in its tree' FROM entry e
   WHERE NOT EXISTS (SELECT 1 FROM leaf l WHERE l.id = e.leaf AND l.tree = e.tree)`,
  `SELECT 'message ' || id || ': no structure' FROM message WHERE id NOT IN (SELECT message FROM structure)`,
  `SELECT 'message ' || id || ': no text' FROM message WHERE id NOT IN (SELECT message FROM text)`,
  `SELECT 'message ' || id || ': no sort keys' FROM message WHERE id NOT IN (SELECT message FROM sorting)`,
  `SELECT 'queue ' || position || ': no message ' || message FROM queue WHERE message NOT IN (SELECT id FROM message)`,
  `SELECT 'package ' || package || ': no message ' || message FROM package_message
   WHERE message NOT IN (SELECT id FROM message)`,
  `SELECT 'message ' || id || ': no package ' || package FROM message
   WHERE package IS NOT NULL AND package NOT IN (SELECT id FROM package)`,
];

function checkRows(context: AccountContext, damages: Damages): void {
  try {
    for (const query of ROWS) {
      for (const text of context.sql<string>(`${query} LIMIT ${LISTED}`).pluck().all()) {
        const at = text.indexOf(': ');
        damages.add({ kind: 'row', where: text.slice(0, at), reason: text.slice(at + 2) });
      }
    }
    for (const { counter, stored, counted } of wrongCounters(context.db, LISTED)) {
      damages.add({ kind: 'counter', where: counter, reason: `is ${stored}, should be ${counted}` });
    }
  } catch (error) {
    damages.add({
      kind: 'database',
      where: 'account.db',
      reason: error instanceof Error ? error.message : String(error),
    });
  }
}

/** Whether the database could be made again: the ledger is whole and ends where the database does. */
function checkLedger(context: AccountContext, damages: Damages): void {
  const survey = surveyLedger(context.segments.directory, context.segments.cipher);
  for (const { segment, offset } of survey.damaged) {
    const where = `${segmentName(segment)} at ${offset}`;
    damages.add({ kind: 'flipped', where, reason: 'no sound record lies there' });
  }
  const state = context.sql<LedgerState>('SELECT * FROM ledger').get();
  if (survey.broken) damages.add({ kind: 'ledger', where: 'segments', reason: 'the ledger has a hole' });
  if (survey.last?.seq !== state?.seq) {
    const reason = `the ledger ends with ${survey.last?.seq ?? 'nothing'}, the database with ${state?.seq ?? 'nothing'}`;
    damages.add({ kind: 'rolled-back', where: 'segments', reason });
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

interface MessageRow {
  readonly id: number;
  readonly sha256: Uint8Array;
  readonly size: number;
  readonly recipe: Uint8Array;
}

/** Reads every message, then every piece that no message led to. */
class Reading {
  readonly #context: AccountContext;
  readonly #options: VerifyOptions;
  readonly #damages: Damages;
  /** A bit for each piece that was looked at. */
  readonly #looked: Uint8Array;
  readonly #damaged = new Set<number>();
  #message: number;
  #messages: number;
  #octets: number;
  #piece: number;
  #noted = 0;

  constructor(context: AccountContext, options: VerifyOptions, damages: Damages, progress: Progress) {
    this.#context = context;
    this.#options = options;
    this.#damages = damages;
    this.#message = progress.message;
    this.#messages = progress.messages;
    this.#octets = progress.octets;
    this.#piece = progress.piece;
    const last = context.sql<number>('SELECT ifnull(max(id), 0) FROM piece').pluck().get() ?? 0;
    this.#looked = new Uint8Array((last >> 3) + 1);
  }

  async run(): Promise<{ messages: number; octets: number }> {
    const messages = this.#context.sql<MessageRow>(
      'SELECT id, sha256, size, recipe FROM message WHERE id > ? ORDER BY id LIMIT ?',
    );
    for (let run = messages.all(this.#message, RUN); run.length > 0; run = messages.all(this.#message, RUN)) {
      for (const row of run) {
        this.#readMessage(row);
        this.#message = row.id;
        await this.#pause(row.size);
      }
    }
    const pieces = this.#context.sql<PieceRow>('SELECT * FROM piece WHERE id > ? ORDER BY id LIMIT ?');
    for (let run = pieces.all(this.#piece, RUN); run.length > 0; run = pieces.all(this.#piece, RUN)) {
      for (const row of run) {
        this.#piece = row.id;
        if (this.#hasLooked(row.id)) continue;
        this.#readPiece(row);
        await this.#pause(row.length);
      }
    }
    return { messages: this.#messages, octets: this.#octets };
  }

  #readMessage(row: MessageRow): void {
    this.#messages += 1;
    this.#octets += row.size;
    const fault = this.#messageFault(row);
    if (fault !== null) this.#addMessage(row, fault);
  }

  #messageFault({ sha256, size, recipe }: MessageRow): string | null {
    const digest = createHash('sha256');
    let length = 0;
    for (const run of decodeRecipe(recipe)) {
      const row = this.#context.sql<PieceRow>('SELECT * FROM piece WHERE id = ?').get(run.piece);
      if (!row) return `piece ${run.piece} of its recipe is unknown`;
      const content = this.#readPiece(row);
      if (!content) return `piece ${run.piece} is damaged`;
      const octets = writeRun(content, run, 0, run.length);
      digest.update(octets);
      length += octets.length;
    }
    if (length !== size) return `has ${length} octets, should have ${size}`;
    const found = digest.digest();
    return Buffer.compare(found, sha256) === 0 ? null : `its SHA-256 is ${found.toString('hex')}`;
  }

  /** From disk, each time: what a cache holds proves nothing. Damage is told once. */
  #readPiece(row: PieceRow): Uint8Array | null {
    const content = this.#context.pieces.readRow(row);
    const slot = row.id >> 3;
    this.#looked[slot] = (this.#looked[slot] ?? 0) | (1 << (row.id & 7));
    if (!content && !this.#damaged.has(row.id)) {
      this.#damaged.add(row.id);
      this.#damages.add(pieceDamage(this.#context, row));
    }
    return content;
  }

  #hasLooked(piece: number): boolean {
    return ((this.#looked[piece >> 3] ?? 0) & (1 << (piece & 7))) !== 0;
  }

  #addMessage({ id, sha256 }: MessageRow, reason: string): void {
    const place = this.#context
      .sql<{ kind: string; name: string; uid: number }>(
        'SELECT t.kind, t.name, e.uid FROM entry e JOIN tree t ON t.id = e.tree WHERE e.message = ? LIMIT 1',
      )
      .get(id);
    this.#damages.add({
      kind: 'message',
      where: place ? `${place.name || place.kind} UID ${place.uid}` : 'in no folder',
      reason,
      message: `M${id}`,
      sha256: Buffer.from(sha256).toString('hex'),
      ...(place && { tree: place.name || place.kind, uid: place.uid }),
    });
  }

  async #pause(octets: number): Promise<void> {
    this.#noted += octets;
    if (this.#noted < NOTE_BYTES) return;
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
    await setImmediate();
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
