/** What an account's database says of itself: its pages, its index, its rows and counters, and the ledger behind it. */
import type Database from 'better-sqlite3-multiple-ciphers';
import type { RecordCipher } from '../crypto/record-cipher.ts';
import { wrongCounters } from '../database/counters.ts';
import type { LedgerState } from '../ledger/ledger.ts';
import { surveyLedger } from '../ledger/read.ts';
import { wrongIndex } from '../words/examine.ts';
import type { Damage } from './damage.ts';
import { segmentName } from './verify-pieces.ts';

/** Each looks at all of the database for itself. */
export const EXAMINATIONS = ['pages', 'index', 'rows', 'ledger'] as const;
export type Examination = (typeof EXAMINATIONS)[number];

const LISTED = 100;

interface Premises {
  readonly db: Database.Database;
  readonly segments: { readonly directory: string; readonly cipher: RecordCipher };
}

/** Never throws for what is wrong with the database: that is damage. */
export function examine(what: Examination, { db, segments }: Premises): Damage[] {
  try {
    if (what === 'pages') return examinePages(db);
    if (what === 'index') return examineIndex(db);
    if (what === 'rows') return examineRows(db);
  } catch (error) {
    return [ofDatabase(error instanceof Error ? error.message : String(error))];
  }
  return examineLedger(db, segments);
}

function ofDatabase(reason: string): Damage {
  return { kind: 'database', where: 'account.db', reason };
}

/** SQLite's own examination. */
function examinePages(db: Database.Database): Damage[] {
  const findings = db.pragma(`integrity_check(${LISTED})`) as { integrity_check: string }[];
  return findings.flatMap(({ integrity_check: found }) => (found === 'ok' ? [] : [ofDatabase(found)]));
}

/** Whether the index can be read to its end and has every message that it should. */
function examineIndex(db: Database.Database): Damage[] {
  return wrongIndex(db, LISTED).map(ofDatabase);
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
  `SELECT 'message ' || max(id) || ': the same as message ' || min(id) FROM message GROUP BY sha256 HAVING count(*) > 1`,
  `SELECT 'piece ' || max(id) || ': the same as piece ' || min(id) FROM piece GROUP BY sha256 HAVING count(*) > 1`,
  `SELECT 'queue ' || position || ': no message ' || message FROM queue WHERE message NOT IN (SELECT id FROM message)`,
  `SELECT 'package ' || package || ': no message ' || message FROM package_message
   WHERE message NOT IN (SELECT id FROM message)`,
  `SELECT 'message ' || id || ': no package ' || package FROM message
   WHERE package IS NOT NULL AND package NOT IN (SELECT id FROM package)`,
];

function examineRows(db: Database.Database): Damage[] {
  const damages: Damage[] = [];
  for (const query of ROWS) {
    for (const text of db.prepare<[], string>(`${query} LIMIT ${LISTED}`).pluck().all()) {
      const at = text.indexOf(': ');
      damages.push({ kind: 'row', where: text.slice(0, at), reason: text.slice(at + 2) });
    }
  }
  for (const { counter, stored, counted } of wrongCounters(db, LISTED)) {
    damages.push({ kind: 'counter', where: counter, reason: `is ${stored}, should be ${counted}` });
  }
  return damages;
}

/** Whether the database could be made again: the ledger is whole and ends where the database does. */
function examineLedger(db: Database.Database, { directory, cipher }: Premises['segments']): Damage[] {
  const survey = surveyLedger(directory, cipher);
  const damages = survey.damaged.map(({ segment, offset }): Damage => {
    const where = `${segmentName(segment)} at ${offset}`;
    return { kind: 'flipped', where, reason: 'no sound record lies there' };
  });
  const state = db.prepare<[], LedgerState>('SELECT * FROM ledger').get();
  if (survey.broken) damages.push({ kind: 'ledger', where: 'segments', reason: 'the ledger has a hole' });
  if (survey.last?.seq !== state?.seq) {
    const reason = `the ledger ends with ${survey.last?.seq ?? 'nothing'}, the database with ${state?.seq ?? 'nothing'}`;
    damages.push({ kind: 'rolled-back', where: 'segments', reason });
  }
  return damages;
}
