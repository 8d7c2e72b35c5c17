import { join } from 'node:path';
import type Database from 'better-sqlite3-multiple-ciphers';
import { LRUCache } from 'lru-cache';
import type { LedgerHead } from '../ledger/head.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { PieceReader } from '../segment/pieces.ts';
import type { Segments } from '../segment/segments.ts';
import type { StoreEvent } from '../types.ts';
import { nextUidValidity } from './open.ts';

/** One tree's row. */
export interface TreeRow {
  readonly id: number;
  readonly kind: StoreEvent['tree'];
  readonly name: string;
  readonly uidvalidity: number;
  readonly special_use: string | null;
}

/** Whoever prepares statements on an account's database. */
export type Rows = Pick<AccountContext, 'sql'>;

/** All that the operations of one open account work with. Lives in a store thread. */
export class AccountContext {
  readonly address: string;
  readonly directory: string;
  readonly db: Database.Database;
  readonly segments: Segments;
  readonly pieces: PieceReader;
  readonly ledger: Ledger;
  readonly #head: LedgerHead;
  readonly #statements = new LRUCache<string, Database.Statement<unknown[], unknown>>({ max: 300 });
  readonly #savepoint: (work: () => unknown) => unknown;
  #events: StoreEvent[] = [];
  #broken = false;

  constructor(
    parts: Pick<AccountContext, 'address' | 'directory' | 'db' | 'segments' | 'pieces' | 'ledger'> & {
      readonly head: LedgerHead;
    },
  ) {
    this.address = parts.address;
    this.directory = parts.directory;
    this.db = parts.db;
    this.segments = parts.segments;
    this.pieces = parts.pieces;
    this.ledger = parts.ledger;
    this.#head = parts.head;
    this.#savepoint = parts.db.transaction(work => work());
  }

  /** A prepared statement, kept for the next time. */
  sql<Row>(source: string): Database.Statement<unknown[], Row> {
    let statement = this.#statements.get(source);
    if (!statement) {
      statement = this.db.prepare(source);
      this.#statements.set(source, statement);
    }
    return statement as Database.Statement<unknown[], Row>;
  }

  /**
   * A write to disk failed, so nobody knows what the files hold: the account must be opened anew, from what the
   * database finds committed, before it does anything else.
   */
  get broken(): boolean {
    return this.#broken;
  }

  markBroken(): void {
    this.#broken = true;
  }

  /** Runs `work` as one transaction; its events are told only when it is on disk. */
  write<T>(work: (change: Change) => T): T {
    const change = new Change(this);
    const before = this.segments.position;
    this.segments.roll();
    try {
      const result = this.db
        .transaction(() => {
          const made = work(change);
          this.ledger.flush();
          return made;
        })
        .immediate();
      this.ledger.committed();
      this.#events.push(...change.events());
      return result;
    } catch (error) {
      // Whether what was written down is committed is known only when the account has been opened anew.
      if (isWriteFailure(error) || this.ledger.pending || this.segments.failed) this.markBroken();
      else this.segments.reset(before);
      throw error;
    }
  }

  /** Like `write`, inside a transaction that the caller commits: its failure undoes this work only. */
  nested<T>(work: (change: Change) => T): { readonly result: T; readonly events: readonly StoreEvent[] } {
    const change = new Change(this);
    const result = this.#savepoint(() => work(change)) as T;
    return { result, events: change.events() };
  }

  tell(events: Iterable<StoreEvent>): void {
    this.#events.push(...events);
  }

  /** Events since the last call, one for each tree. */
  takeEvents(): StoreEvent[] {
    const merged = new Map<string, StoreEvent>();
    for (const event of this.#events) {
      const key = `${event.tree}/${event.name ?? ''}`;
      const before = merged.get(key);
      merged.set(key, {
        ...event,
        modseq: Math.max(event.modseq, before?.modseq ?? 0),
        viewsChanged: event.viewsChanged || (before?.viewsChanged ?? false),
        queued: event.queued || (before?.queued ?? false),
      });
    }
    this.#events = [];
    return [...merged.values()];
  }

  /** Gives back the memory that only speeds up what comes next: the account is not used for now. */
  cool(): void {
    this.#statements.clear();
    this.db.pragma('shrink_memory');
  }

  path(...names: string[]): string {
    return join(this.directory, ...names);
  }

  close(): void {
    this.segments.close();
    this.#head.close();
    this.db.close();
  }
}

function isWriteFailure(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return code.startsWith('SQLITE_IOERR') || code === 'SQLITE_FULL';
}

/** One transaction's marks on the trees: a MODSEQ for each tree that it touches. */
export class Change {
  readonly #context: AccountContext;
  readonly #trees = new Map<number, { tree: TreeRow; modseq: number; viewsChanged: boolean; queued: boolean }>();
  #mailboxesChanged = false;
  readonly at = Date.now();

  constructor(context: AccountContext) {
    this.#context = context;
  }

  /** MODSEQ of this transaction in that tree. */
  modseq(tree: TreeRow): number {
    return this.#mark(tree).modseq;
  }

  viewsChanged(tree: TreeRow): void {
    this.#mark(tree).viewsChanged = true;
  }

  queued(tree: TreeRow): void {
    this.#mark(tree).queued = true;
  }

  /** Local mailboxes came, went or changed their names. */
  mailboxesChanged(): void {
    this.#mailboxesChanged = true;
  }

  uidValidity(): number {
    return nextUidValidity(this.#context.db);
  }

  events(): StoreEvent[] {
    const events: StoreEvent[] = [...this.#trees.values()].map(({ tree, modseq, viewsChanged, queued }) => ({
      tree: tree.kind,
      ...(tree.kind === 'local' && { name: tree.name }),
      modseq,
      viewsChanged,
      queued,
    }));
    if (this.#mailboxesChanged) events.push({ tree: 'local', modseq: 0, viewsChanged: true, queued: false });
    return events;
  }

  #mark(tree: TreeRow): { modseq: number; viewsChanged: boolean; queued: boolean } {
    let mark = this.#trees.get(tree.id);
    if (!mark) {
      const row = this.#context
        .sql<{ modseq: number }>('UPDATE tree SET modseq = modseq + 1 WHERE id = ? RETURNING modseq')
        .get(tree.id);
      mark = { tree, modseq: row?.modseq ?? 0, viewsChanged: false, queued: false };
      this.#trees.set(tree.id, mark);
    }
    return mark;
  }
}
