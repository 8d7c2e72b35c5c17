import { readFile } from 'node:fs/promises';
import { move } from 'piscina';
import { MAX_TEXT_CHARS } from '../limits.ts';
import { fold } from '../search/fold.ts';
import { prepare } from './prepare.ts';
import { encodePrepared } from './prepared.ts';

export interface PrepareTask {
  readonly path: string;
  readonly parse: boolean;
}

export default async function work({ path, parse }: PrepareTask): Promise<Uint8Array> {
  const encoded = encodePrepared(prepare(await readFile(path), parse));
  return move(encoded) as Uint8Array;
}

export function foldText(text: string): Uint8Array {
  return move(new TextEncoder().encode(fold(text).slice(0, MAX_TEXT_CHARS))) as Uint8Array;
}
