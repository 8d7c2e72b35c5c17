import type { Location, RecordCipher } from '../crypto/record-cipher.ts';
import { segmentNumbers } from '../segment/files.ts';
import { KIND_LEDGER, RECORD_HEADER_BYTES, sha256 } from '../segment/format.ts';
import type { Position } from '../segment/segments.ts';
import { SegmentFile } from '../segment/walk.ts';
import type { LedgerState } from './ledger.ts';
import { decodeLedger, type LedgerRecord } from './record.ts';

/** What a reader of the ledger meets, in order. */
export type LedgerStep =
  | { readonly kind: 'record'; readonly record: LedgerRecord; readonly state: LedgerState; readonly end: Position }
  /** Octets that are no record, or a record of the ledger that does not open. */
  | { readonly kind: 'damage'; readonly at: Location; readonly end: number; readonly tail: boolean };

/** Reads the ledger out of the segments, from `from` on. Pieces are passed over unread. */
export function* readLedger(
  directory: string,
  cipher: RecordCipher,
  from: Location = { segment: 0, offset: 0 },
): Generator<LedgerStep> {
  for (const number of segmentNumbers(directory)) {
    if (number < from.segment) continue;
    const file = new SegmentFile(directory, number);
    try {
      for (const found of file.walk(number === from.segment ? from.offset : 0)) {
        if (found.kind === 'gap') {
          yield { kind: 'damage', at: found.at, end: found.end, tail: found.tail };
          continue;
        }
        const { at, header, end } = found;
        if (header.kind !== KIND_LEDGER) continue;
        const content = file.content(cipher, at, header);
        const record = content && decodeLedger(content);
        if (!content || !record) {
          yield { kind: 'damage', at, end, tail: false };
          continue;
        }
        const { scheme, length, stored } = header;
        const state = { seq: record.seq, sha256: sha256(content), ...at, scheme, length, stored, renumber: 0 };
        yield { kind: 'record', record, state, end: { number, length: at.offset + RECORD_HEADER_BYTES + stored } };
      }
    } finally {
      file.close();
    }
  }
}

/** What the ledger amounts to. */
export interface LedgerSurvey {
  /** Where the last complete snapshot begins; null when there is none. */
  readonly start: Location | null;
  /** The last record of the last complete transaction. */
  readonly last: LedgerState | null;
  /** Where that transaction ends. */
  readonly end: Position;
  /** Something is missing or unreadable between `start` and `last`. */
  readonly broken: boolean;
  /** Damage other than a torn tail. */
  readonly damaged: readonly Location[];
}

/** Reads the whole ledger once: from where to where it can be replayed, and whether anything is missing. */
export function surveyLedger(directory: string, cipher: RecordCipher): LedgerSurvey {
  let start: Location | null = null;
  let snapshot: Location | null = null;
  let last: LedgerState | null = null;
  let end: Position = { number: 1, length: 0 };
  let before: LedgerState | null = null;
  let broken = false;
  let snapshotBroken = false;
  const damaged: Location[] = [];
  for (const found of readLedger(directory, cipher)) {
    if (found.kind === 'damage') {
      if (!found.tail) damaged.push(found.at);
      continue;
    }
    const { record, state } = found;
    if (!follows(record, before)) {
      broken = true;
      snapshotBroken = true;
    }
    before = state;
    if (record.snapshot) {
      snapshot = { segment: state.segment, offset: state.offset };
      snapshotBroken = false;
    }
    if (!record.last) continue;
    if (snapshot !== null && !snapshotBroken) {
      start = snapshot;
      broken = false;
    }
    snapshot = null;
    last = state;
    end = found.end;
  }
  return { start, last, end, broken: broken || start === null, damaged };
}

/** Whether a record is the next one after another. */
function follows(record: LedgerRecord, before: LedgerState | null): boolean {
  if (before === null) return record.seq === 1 && record.previous === '';
  return record.seq === before.seq + 1 && record.previous === Buffer.from(before.sha256).toString('hex');
}
