import type { SearchCriteria } from '../../store/criteria.ts';
import type { AccountStore, View } from '../../store/types.ts';
import { SyntaxFailure } from '../errors.ts';
import type { Numbering } from '../numbering.ts';
import { formatSet } from '../sets.ts';
import type { ResponseWriter } from '../wire/writer.ts';

/** Searches of one session whose results are kept up to date: each is looked at whenever something changes. */
const MAXIMUM = 32;

/** A search whose client wants to hear of changes of its result. */
interface SearchContext {
  readonly criteria: SearchCriteria;
  readonly byUid: boolean;
  readonly uids: Set<number>;
}

/**
 * CONTEXT=SEARCH (RFC 5267 section 4): after what has changed in the mailbox, the client hears what that means for
 * the results of its searches. Only what has changed is looked at again. What goes is told before its EXPUNGE, what
 * comes after its EXISTS.
 */
export class SearchContexts {
  readonly #writer: ResponseWriter;
  readonly #numbering: Numbering;
  readonly #contexts = new Map<string, SearchContext>();
  readonly #touched = new Set<number>();

  constructor(writer: ResponseWriter, numbering: Numbering) {
    this.#writer = writer;
    this.#numbering = numbering;
  }

  /** Refuses a tag that another search has (RFC 5267 section 4.2). */
  checkTag(tag: string): void {
    if (this.#contexts.has(tag)) throw new SyntaxFailure('Tag is in use by an updated search');
  }

  /** False where there are too many already. */
  add(tag: string, context: { criteria: SearchCriteria; byUid: boolean; uids: readonly number[] }): boolean {
    if (this.#contexts.size >= MAXIMUM) return false;
    this.#contexts.set(tag, { ...context, uids: new Set(context.uids) });
    return true;
  }

  /** @returns whether there was such a search */
  cancel(tag: string): boolean {
    const known = this.#contexts.delete(tag);
    if (this.#contexts.size === 0) this.#touched.clear();
    return known;
  }

  /** Messages that came or changed. */
  touch(uid: number): void {
    if (this.#contexts.size > 0) this.#touched.add(uid);
  }

  /** Before the messages get out of the numbering. @param uids ascending */
  tellExpunged(uids: readonly number[]): void {
    for (const [tag, context] of this.#contexts) {
      const gone = uids.filter(uid => context.uids.delete(uid));
      this.#tell(tag, context, 'REMOVEFROM', gone);
    }
    for (const uid of uids) this.#touched.delete(uid);
  }

  /** After the messages have been told to be there. */
  async tellChanged(store: AccountStore, view: View): Promise<void> {
    if (this.#touched.size === 0) return;
    const touched = [...this.#touched].filter(uid => this.#numbering.numberOf(uid) !== 0).sort((a, b) => a - b);
    this.#touched.clear();
    const among: SearchCriteria = { op: 'uid', set: touched.map(uid => [uid, uid] as const) };
    for (const [tag, context] of this.#contexts) {
      const found = new Set(await store.search(view, { op: 'and', operands: [among, context.criteria] }));
      const added = touched.filter(uid => found.has(uid) && !context.uids.has(uid));
      const removed = touched.filter(uid => !found.has(uid) && context.uids.has(uid));
      for (const uid of added) context.uids.add(uid);
      for (const uid of removed) context.uids.delete(uid);
      this.#tell(tag, context, 'REMOVEFROM', removed);
      this.#tell(tag, context, 'ADDTO', added);
    }
  }

  /** Results that are not sorted have no positions: 0 stands for anywhere. */
  #tell(tag: string, { byUid }: SearchContext, what: 'ADDTO' | 'REMOVEFROM', uids: readonly number[]): void {
    if (uids.length === 0) return;
    const numbers = byUid ? uids : uids.map(uid => this.#numbering.numberOf(uid));
    this.#writer.line(`* ESEARCH (TAG "${tag}")${byUid ? ' UID' : ''} ${what} (0 ${formatSet(numbers)})`);
  }
}
