import type { Failure } from '../errors.ts';
import type { FileRequest } from '../ingest/commit.ts';
import type { StoreEvent } from '../types.ts';
import type { OperationName } from './operations.ts';

/** What the main thread asks of a store thread. Requests of one account are answered in their order. */
export type Request = { readonly id: number; readonly address: string } & (
  | { readonly kind: 'open'; readonly directory: string; readonly key: Uint8Array }
  | { readonly kind: 'close' }
  | { readonly kind: 'file'; readonly file: FileRequest }
  | { readonly kind: 'call'; readonly name: OperationName; readonly parameters: readonly unknown[] }
);

export type Reply =
  | { readonly id: number; readonly ok: true; readonly value: unknown; readonly events: readonly StoreEvent[] }
  | { readonly id: number; readonly ok: false; readonly failure: Failure; readonly events: readonly StoreEvent[] };
