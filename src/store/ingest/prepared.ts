import { deserialize, serialize } from 'node:v8';
import type { MailAddress, SortKeys } from '../../mime/types.ts';
import type { PecFacts, SignatureSummary } from '../../pec/types.ts';
import type { PackedText } from '../database/packed-text.ts';
import type { Packed } from '../segment/format.ts';
import type { KeptHeader } from '../structure/kept-header.ts';
import type { DocumentWords } from '../words/document.ts';
import type { RecipeItem } from './recipe.ts';

/** All that the store keeps of a message, computed away from the threads that carry connections or databases. */
export interface Prepared {
  readonly sha256: Uint8Array;
  readonly size: number;
  /** Distinct contents; `runs` name them by index. */
  readonly pieces: readonly Packed[];
  readonly runs: readonly RecipeItem[];
  /** Rows of `structure`. */
  readonly listing: Uint8Array;
  readonly tree: Uint8Array;
  readonly facts: Uint8Array;
  readonly summary: Summary;
  readonly pec: PecFacts;
  /** Of the gestore; null for ordinary mail. */
  readonly signature: SignatureSummary | null;
  /** `YYYY-MM-DD` of the Date field as written, zone disregarded. */
  readonly sentDay: string | null;
  readonly thread: string;
  readonly sortKeys: SortKeys;
  /** The top header; null where it is too long to be kept apart. */
  readonly header: KeptHeader | null;
  /** The folded text for its row, and what the index takes of it; null where it is too long for that. */
  readonly packedText: PackedText;
  readonly words: DocumentWords | null;
  readonly unreadable: readonly { readonly section: string; readonly reason: string }[];
}

/** Decoded top-level fields. */
export interface Summary {
  readonly subject: string;
  readonly from: readonly MailAddress[];
  readonly to: readonly MailAddress[];
  readonly cc: readonly MailAddress[];
  readonly sentAt: number | null;
  readonly messageId: string | null;
}

/** One buffer, so that the main thread hands it on without looking inside. */
export function encodePrepared(prepared: Prepared): Uint8Array {
  return serialize(prepared);
}

export function decodePrepared(octets: Uint8Array): Prepared {
  return deserialize(octets);
}
