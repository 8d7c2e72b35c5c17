import { readFile } from 'node:fs/promises';
import { workerData } from 'node:worker_threads';
import { move } from 'piscina';
import { openSpool } from '../crypto/spool-cipher.ts';
import { MAX_TEXT_CHARS } from '../limits.ts';
import { fold } from '../search/fold.ts';
import { prepare } from './prepare.ts';
import { encodePrepared } from './prepared.ts';

const { anchors }: { readonly anchors: readonly Uint8Array[] } = workerData;

export interface PrepareTask {
  /** Of the spool file, and its key. */
  readonly path: string;
  readonly key: Uint8Array;
  readonly parse: boolean;
}

export default async function work({ path, key, parse }: PrepareTask): Promise<Uint8Array> {
  const raw = openSpool(key).update(await readFile(path));
  const encoded = encodePrepared(prepare(raw, parse, anchors));
  return move(encoded) as Uint8Array;
}

export function foldText(text: string): Uint8Array {
  return move(new TextEncoder().encode(fold(text).slice(0, MAX_TEXT_CHARS))) as Uint8Array;
}
