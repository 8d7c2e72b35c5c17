/** What is known of a message's sense and of its MIME tree, for those who look at one message at a time. */
import { packTree, unpackTree } from '../../mime/index.ts';
import type { MimeNode } from '../../mime/types.ts';
import type { PecFacts } from '../../pec/types.ts';
import type { Summary } from '../ingest/prepared.ts';
import { compact, expand, SMALL } from './compact.ts';
import { FACTS_DICTIONARY, TREE_DICTIONARY } from './dictionaries.ts';

export interface Facts {
  readonly summary: Summary;
  readonly pec: PecFacts;
}

export function compactFacts({ summary, pec }: Facts): Uint8Array {
  return compact(`${JSON.stringify({ summary, pec })}\n`, FACTS_DICTIONARY, SMALL);
}

export function expandFacts(octets: Uint8Array): Facts {
  return JSON.parse(expand(octets, 1, FACTS_DICTIONARY).toString('utf8'));
}

/** Those of so many messages, in their order. */
export function expandAllFacts(frames: Uint8Array, count: number): Facts[] {
  const lines = expand(frames, count, FACTS_DICTIONARY).toString('utf8').split('\n');
  return lines.slice(0, count).map(line => JSON.parse(line));
}

export function compactTree(root: MimeNode): Uint8Array {
  return compact(`${packTree(root)}\n`, TREE_DICTIONARY, SMALL);
}

/** So many trees as `packTree` packs them, in their order. */
export function expandTrees(frames: Uint8Array, count: number): string[] {
  return expand(frames, count, TREE_DICTIONARY).toString('utf8').split('\n').slice(0, count);
}

export function expandTree(octets: Uint8Array): MimeNode {
  return unpackTree(expandTrees(octets, 1)[0] ?? '');
}
