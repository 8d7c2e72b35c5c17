import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { workerData } from 'node:worker_threads';
import { move } from 'piscina';
import { openSpool } from '../crypto/spool-cipher.ts';
import { MAX_TEXT_CHARS } from '../limits.ts';
import { release } from '../release.ts';
import { fold } from '../search/fold.ts';
import { prepare } from './prepare.ts';
import { encodePrepared } from './prepared.ts';
import type { SpooledOctets } from './spool.ts';

const READ_BYTES = 1024 * 1024;
const { anchors }: { readonly anchors: readonly Uint8Array[] } = workerData;

export interface PrepareTask {
  readonly source: SpooledOctets;
  readonly parse: boolean;
}

export default async function work({ source, parse }: PrepareTask): Promise<Uint8Array> {
  const raw = 'octets' in source ? source.octets : readSpool(source.path, source.key);
  const prepared = prepare(raw, parse, anchors);
  // Most often the pieces are copies, decoded or compressed: what they were made from goes before they are copied.
  if (!prepared.pieces.some(({ stored }) => stored.buffer === raw.buffer)) release(raw);
  const encoded = encodePrepared(prepared);
  release(raw, ...prepared.pieces.map(({ stored }) => stored));
  return move(encoded) as Uint8Array;
}

export function foldText(text: string): Uint8Array {
  return move(new TextEncoder().encode(fold(text).slice(0, MAX_TEXT_CHARS))) as Uint8Array;
}

/** The file's octets, put in clear a little at a time: they are here once. */
function readSpool(path: string, key: Uint8Array): Uint8Array {
  const cipher = openSpool(key);
  const file = openSync(path, 'r');
  try {
    const raw = new Uint8Array(fstatSync(file).size);
    const sealed = Buffer.allocUnsafe(Math.min(raw.length, READ_BYTES));
    for (let at = 0; at < raw.length; ) {
      const length = readSync(file, sealed, 0, sealed.length, at);
      if (length === 0) throw new Error('a spool file is shorter than it was');
      raw.set(cipher.update(sealed.subarray(0, length)), at);
      at += length;
    }
    return raw;
  } finally {
    closeSync(file);
  }
}
