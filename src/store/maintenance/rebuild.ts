/**
 * Makes an account's database again from its segments: rows from the ledger, structure, text and index from the messages
 * themselves, counters by counting. The old database is kept beside the new one.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type Database from 'better-sqlite3-multiple-ciphers';
import { LRUCache } from 'lru-cache';
import { deriveAccountKeys } from '../crypto/account-keys.ts';
import { RecordCipher } from '../crypto/record-cipher.ts';
import { AccountContext } from '../database/context.ts';
import { recount } from '../database/counters.ts';
import { databasePath, openDatabaseFile } from '../database/open.ts';
import { clearSpool } from '../directory.ts';
import type { Arrival } from '../exchange/facts.ts';
import { syncDirectory } from '../files.ts';
import { insertDerived } from '../ingest/derived.ts';
import { prepare } from '../ingest/prepare.ts';
import { decodePrepared, encodePrepared } from '../ingest/prepared.ts';
import type { Preparing } from '../ingest/preparing.ts';
import { LedgerHead } from '../ledger/head.ts';
import { Ledger, type LedgerState, saveLedgerState } from '../ledger/ledger.ts';
import { type LedgerSurvey, surveyLedger } from '../ledger/read.ts';
import { replayLedger } from '../ledger/replay.ts';
import { PIECE_CACHE_BYTES } from '../limits.ts';
import { segmentNumbers } from '../segment/files.ts';
import { PieceReader, type PieceRow } from '../segment/pieces.ts';
import { Segments } from '../segment/segments.ts';
import { SegmentFile } from '../segment/walk.ts';
import { openAccount, startLedger } from '../shard/account.ts';
import { step } from '../steps.ts';
import { StoreError } from '../types.ts';
import { mergeDue } from '../words/merging.ts';
import { insertWords, type Arrival as Words } from '../words/writing.ts';

export interface RebuildOptions {
  readonly address: string;
  readonly directory: string;
  readonly dataKey: Uint8Array;
  readonly preparing: Preparing;
  /** Clients may have seen a later state: every tree gets a new UIDVALIDITY. */
  readonly renumber: boolean;
  /** Also where the database that is there knows more than the segments tell. */
  readonly force: boolean;
  readonly progress?: (done: number, total: number) => void;
}

export interface Rebuilt {
  readonly address: string;
  readonly messages: number;
  /** Records of the ledger that were replayed. */
  readonly records: number;
  /** Part of the ledger is missing: what it told is lost, and the trees have new UIDVALIDITYs. */
  readonly lost: boolean;
  readonly renumbered: boolean;
  /** Messages that cannot be read back, by SHA-256: their places and flags are kept. */
  readonly unreadable: readonly string[];
  /** Places of messages of which nothing else is known. */
  readonly droppedEntries: number;
}

/** Messages whose rows go into one transaction. */
const RUN = 64;
const PARALLEL = 8;
const READ_LENGTH = 1 << 20;
const EMPTY = encodePrepared(prepare(new Uint8Array(0), false));

/** Rejects with a StoreError: CANNOT when the database that is there is worth more than what the segments tell. */
export async function rebuildAccount(options: RebuildOptions): Promise<Rebuilt> {
  const { directory, dataKey } = options;
  const keys = deriveAccountKeys(dataKey);
  const cipher = new RecordCipher(keys.segments);
  const segmentDirectory = join(directory, 'segments');
  const head = new LedgerHead(directory);
  const survey = surveyLedger(segmentDirectory, cipher);
  const { last } = survey;
  if (!last) throw new StoreError('CORRUPTION', 'Nei segmenti non si trova nulla da cui ricostruire');
  const known = head.read();
  const lost = survey.broken || known === null || known > last.seq;
  if (!options.force) refuseLoss(directory, keys.database, last, lost);

  const path = `${databasePath(directory)}.new`;
  await removeDatabase(path);
  await clearSpool(directory);
  const db = openDatabaseFile(path, keys.database);
  const segments = new Segments(segmentDirectory, { number: survey.end.number, length: survey.end.length }, cipher);
  let made: Pick<Rebuilt, 'messages' | 'records' | 'unreadable' | 'droppedEntries'>;
  try {
    db.pragma('synchronous = OFF');
    db.pragma('foreign_keys = OFF');
    const triggers = dropTriggers(db);
    const records = replayLedger(db, segmentDirectory, cipher, { start: survey.start, last: last.seq });
    const droppedEntries = dropDangling(db);
    recount(db);
    saveSegments(db, segmentDirectory, survey, lost);
    const renumber = options.renumber || lost ? 1 : 0;
    saveLedgerState(db, { ...last, renumber });
    for (const sql of triggers) db.exec(sql);
    const unreadable = await derive(options, db, segments, head);
    const messages = db.prepare<[], number>('SELECT count(*) FROM message').pluck().get() ?? 0;
    made = { messages, records, unreadable, droppedEntries };
    db.pragma('wal_checkpoint(TRUNCATE)');
  } finally {
    segments.close();
    db.close();
  }
  step('rebuilt');
  head.write(last.seq);
  head.close();
  await swap(directory, path);
  const { context } = openAccount(options.address, directory, keys);
  context.close();
  return { address: options.address, ...made, lost, renumbered: options.renumber || lost };
}

/**
 * Writes everything that the database knows into the segments, as the ledger's new beginning: what is damaged of it
 * before does not count any more. The number of its last record.
 */
export function renewLedger({
  address,
  directory,
  dataKey,
}: Pick<RebuildOptions, 'address' | 'directory' | 'dataKey'>): number {
  const { context } = openAccount(address, directory, deriveAccountKeys(dataKey));
  try {
    startLedger(context, false);
    return context.db.prepare<[], number>('SELECT seq FROM ledger').pluck().get() ?? 0;
  } finally {
    context.close();
  }
}

/** A sound database that knows more than the segments is not given up for them. */
function refuseLoss(directory: string, key: Uint8Array, last: LedgerState, lost: boolean): void {
  if (!existsSync(databasePath(directory))) return;
  let db: Database.Database | null = null;
  try {
    db = openDatabaseFile(databasePath(directory), key);
    const seq = db.prepare<[], number>('SELECT seq FROM ledger').pluck().get() ?? 0;
    if (seq < last.seq || (seq === last.seq && !lost)) return;
    if (db.pragma('quick_check(1)', { simple: true }) !== 'ok') return;
  } catch {
    return;
  } finally {
    db?.close();
  }
  throw new StoreError(
    'CANNOT',
    'Il database è integro e sa più dei segmenti: ricostruirlo perderebbe dati (--ledger riscrive il registro, --force procede)',
  );
}

function dropTriggers(db: Database.Database): string[] {
  const triggers = db
    .prepare<[], { name: string; sql: string }>("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'")
    .all();
  for (const { name } of triggers) db.exec(`DROP TRIGGER ${name}`);
  return triggers.map(({ sql }) => sql);
}

/** Rows that point to what a hole in the ledger swallowed. */
function dropDangling(db: Database.Database): number {
  const { changes } = db
    .prepare(
      `DELETE FROM entry WHERE message NOT IN (SELECT id FROM message) OR tree NOT IN (SELECT id FROM tree)
         OR leaf NOT IN (SELECT id FROM leaf)`,
    )
    .run();
  for (const table of ['queue', 'refusal', 'package_message']) {
    db.exec(`DELETE FROM ${table} WHERE message NOT IN (SELECT id FROM message)`);
  }
  for (const table of ['leaf', 'expunged', 'keyword']) {
    db.exec(`DELETE FROM ${table} WHERE tree NOT IN (SELECT id FROM tree)`);
  }
  return changes;
}

/** Nothing of a damaged file is cut away; of a whole one, what was never committed is. */
function saveSegments(db: Database.Database, directory: string, { end }: LedgerSurvey, lost: boolean): void {
  db.exec('DELETE FROM segment');
  const insert = db.prepare('INSERT INTO segment (number, length) VALUES (?, ?)');
  for (const number of segmentNumbers(directory)) {
    if (!lost && number > end.number) continue;
    const file = new SegmentFile(directory, number);
    insert.run(number, !lost && number === end.number ? end.length : file.length);
    file.close();
  }
}

/** Takes each message apart again, as when it came. SHA-256 of those that cannot be read. */
async function derive(
  options: RebuildOptions,
  db: Database.Database,
  segments: Segments,
  head: LedgerHead,
): Promise<string[]> {
  const { address, directory, preparing } = options;
  const cache = new LRUCache<string, Uint8Array>({
    maxSize: PIECE_CACHE_BYTES,
    sizeCalculation: content => Math.max(1, content.length),
  });
  const row = db.prepare<[number], PieceRow>('SELECT * FROM piece WHERE id = ?');
  const pieces = new PieceReader(address, segments, cache, piece => row.get(piece));
  const ledger = new Ledger(db, segments, head);
  const context = new AccountContext({ address, directory, db, segments, pieces, ledger, head });
  const total = db.prepare<[], number>('SELECT count(*) FROM message').pluck().get() ?? 0;
  const next = db.prepare<[number, number], MessageRow>(
    `SELECT id, sha256, size, recipe, internal_date, direction, from_self FROM message WHERE id > ? ORDER BY id LIMIT ?`,
  );
  const unreadable: string[] = [];
  let done = 0;
  for (let run = next.all(0, RUN); run.length > 0; run = next.all(run.at(-1)?.id ?? 0, RUN)) {
    const waiting = [...run];
    const arrived: Words[] = [];
    const lane = async (): Promise<void> => {
      for (let message = waiting.shift(); message; message = waiting.shift()) {
        if (await deriveOne(context, preparing, message, arrived)) continue;
        unreadable.push(Buffer.from(message.sha256).toString('hex'));
        derived(context, message, EMPTY, arrived);
      }
    };
    db.exec('BEGIN');
    await Promise.all(Array.from({ length: PARALLEL }, lane));
    insertWords(context, arrived);
    mergeDue(context);
    db.exec('COMMIT');
    done += run.length;
    options.progress?.(done, total);
  }
  return unreadable;
}

interface MessageRow extends Arrival {
  readonly id: number;
  readonly sha256: Uint8Array;
  readonly size: number;
  readonly recipe: Uint8Array;
}

/** False when the message cannot be read back as it was. */
async function deriveOne(
  context: AccountContext,
  preparing: Preparing,
  row: MessageRow,
  arrived: Words[],
): Promise<boolean> {
  const { sha256, size, recipe } = row;
  const spool = preparing.spool(context.directory);
  try {
    const digest = createHash('sha256');
    for (let start = 0; start < size; start += READ_LENGTH) {
      const octets = context.pieces.range(recipe, start, READ_LENGTH);
      digest.update(octets);
      await spool.write(octets);
    }
    if (Buffer.compare(digest.digest(), sha256) !== 0) return false;
    await spool.end();
    await preparing.run(spool, async prepared => derived(context, row, prepared, arrived));
    return true;
  } catch (error) {
    if (error instanceof StoreError && error.code === 'CORRUPTION') return false;
    throw error;
  } finally {
    await spool.discard();
  }
}

function derived(context: AccountContext, row: MessageRow, prepared: Uint8Array, arrived: Words[]): void {
  const message = decodePrepared(prepared);
  insertDerived(context, row.id, message, row);
  if (message.words) arrived.push([row.id, message.words]);
}

/** The new database in the old one's place; whatever a crash leaves is refused at the next start, and made again. */
async function swap(directory: string, path: string): Promise<void> {
  const target = databasePath(directory);
  const file = await open(path, 'r+');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
  step('new database flushed');
  await removeDatabase(`${target}.old`);
  for (const suffix of ['-wal', '']) {
    if (existsSync(target + suffix)) await rename(target + suffix, `${target}.old${suffix}`);
    step(`old database${suffix} put aside`);
  }
  await rename(path, target);
  step('new database in place');
  await syncDirectory(directory);
}

async function removeDatabase(path: string): Promise<void> {
  for (const suffix of ['', '-wal', '-shm']) await rm(path + suffix, { force: true });
}
