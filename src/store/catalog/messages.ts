import type { AccountContext } from '../database/context.ts';
import { StoreError } from '../types.ts';

/** What placing, copying and conserving need to know of a message. */
export interface MessageRow {
  readonly id: number;
  readonly sha256: Uint8Array;
  readonly size: number;
  readonly internal_date: number;
  readonly filed_at: number;
  readonly category: string;
  readonly kind_category: string;
  readonly from_self: number;
  readonly certified_at: number | null;
  readonly entries: number;
  readonly package: string | null;
  readonly conserved_at: number | null;
}

const COLUMNS =
  'id, sha256, size, internal_date, filed_at, category, kind_category, from_self, certified_at, entries, package, conserved_at';

export function messageById(context: AccountContext, id: number): MessageRow {
  const row = context.sql<MessageRow>(`SELECT ${COLUMNS} FROM message WHERE id = ?`).get(id);
  if (!row) throw new StoreError('NONEXISTENT', 'Il messaggio non esiste');
  return row;
}

export function messageBySha256(context: AccountContext, sha256: Uint8Array): MessageRow | null {
  return (
    context
      .sql<MessageRow>(`SELECT ${COLUMNS} FROM message WHERE substr(sha256, 1, 8) = substr(?, 1, 8) AND sha256 = ?`)
      .get(sha256, sha256) ?? null
  );
}

/** The handle of a message outside the store: letters and digits, as OBJECTID wants an EMAILID (RFC 8474). */
export function messageHandle(id: number): string {
  return `M${id}`;
}

export function messageId(handle: string): number {
  const id = numberOfHandle(handle);
  if (id === 0) throw new StoreError('NONEXISTENT', 'Il messaggio non esiste');
  return id;
}

/** 0 for what is no handle. */
export function numberOfHandle(handle: string): number {
  return Number(/^M([1-9]\d{0,14})$/.exec(handle)?.[1] ?? 0);
}
