import { closeSync, existsSync, fsyncSync, ftruncateSync, openSync, statSync, unlinkSync } from 'node:fs';
import type { RecordCipher } from '../crypto/record-cipher.ts';
import { decodeLedger } from '../ledger/record.ts';
import { step } from '../steps.ts';
import { StoreError } from '../types.ts';
import { segmentNumbers, segmentPath, syncDirectorySync } from './files.ts';
import { KIND_LEDGER } from './format.ts';
import { SegmentFile } from './walk.ts';

/** What start-up did to the segment files. */
export interface SegmentRepair {
  readonly cutBytes: number;
  readonly removedFiles: number;
  /** Segments shorter than the database says: damage that verify must look into. */
  readonly short: readonly number[];
}

const OLD_DATABASE = 'Il database è più vecchio dei suoi segmenti: va ricostruito (archivia rebuild)';

export function olderThanSegments(): StoreError {
  return new StoreError('CORRUPTION', OLD_DATABASE);
}

/**
 * Brings the files back to what the database has committed: the torn tail of the last batch is cut, a file begun by it
 * is removed. Refuses with CORRUPTION where the database is older than its segments, which no crash explains: one
 * transaction may have been on its way, not two.
 */
export function repairSegments(
  directory: string,
  committed: ReadonlyMap<number, number>,
  cipher: RecordCipher,
): SegmentRepair {
  const last = Math.max(0, ...committed.keys());
  const found = segmentNumbers(directory);
  const unknown = found.filter(number => !committed.has(number));
  if (unknown.some(number => number !== last + 1)) throw olderThanSegments();
  const short: number[] = [];
  const tails: { readonly number: number; readonly length: number; readonly size: number }[] = [];
  for (const [number, length] of committed) {
    const path = segmentPath(directory, number);
    const size = existsSync(path) ? statSync(path).size : 0;
    // Nothing but the ledger counts there, until compaction has put that alone in its place.
    if (length === 0 && number < last) continue;
    if (size < length) short.push(number);
    else if (size > length) tails.push({ number, length, size });
  }
  let transactions = 0;
  for (const { number, length } of [...tails, ...unknown.map(number => ({ number, length: 0 }))]) {
    transactions += transactionsAfter(directory, number, length, cipher);
  }
  if (transactions > 1) throw olderThanSegments();
  let cutBytes = 0;
  for (const { number, length, size } of tails) {
    cut(segmentPath(directory, number), length);
    cutBytes += size - length;
  }
  for (const number of unknown) unlinkSync(segmentPath(directory, number));
  if (unknown.length > 0) syncDirectorySync(directory);
  return { cutBytes, removedFiles: unknown.length, short };
}

/** Complete transactions of the ledger in a file's octets from `offset` on. */
function transactionsAfter(directory: string, number: number, offset: number, cipher: RecordCipher): number {
  const file = new SegmentFile(directory, number);
  try {
    let count = 0;
    for (const found of file.walk(offset)) {
      if (found.kind !== 'record' || found.header.kind !== KIND_LEDGER) continue;
      const content = file.content(cipher, found.at, found.header);
      if (content && decodeLedger(content)?.last) count += 1;
    }
    return count;
  } finally {
    file.close();
  }
}

function cut(path: string, length: number): void {
  const file = openSync(path, 'r+');
  try {
    ftruncateSync(file, length);
    step('tail cut');
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
