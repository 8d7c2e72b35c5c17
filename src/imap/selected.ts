import {
  type AccountStore,
  type Flag,
  type MessageFlags,
  type OpenedView,
  type StoredFlags,
  StoreError,
  type StoreEvent,
  type View,
} from '../store/types.ts';
import { condstoreEnabled } from './condstore.ts';
import { FatalFailure, Refusal } from './errors.ts';
import type { FetchItems } from './fetch/items.ts';
import { runFetch } from './fetch/run.ts';
import { formatFlags, isSystemFlag, SYSTEM_FLAGS } from './flags.ts';
import { EVERYTHING } from './notify/types.ts';
import { Numbering, type Numbers } from './numbering.ts';
import { SearchContexts } from './search/contexts.ts';
import type { Session } from './session.ts';
import { formatSet } from './sets.ts';
import { storeOf } from './state.ts';
import type { SequenceSet } from './wire/parser.ts';

/**
 * The selected view as its client knows it: sequence numbers hold until an EXPUNGE has been told, whatever happens to
 * the messages meanwhile (RFC 3501 section 7.4.1).
 *
 * Rules that the whole file serves: EXPUNGE is told only where the command allows it, highest number first; EXISTS
 * only when there are new messages (Apple Mail loops on one that is not); what this session did itself is not told a
 * second time; nothing is asked of the store while no event has come.
 */
export class SelectedView {
  readonly readOnly: boolean;
  readonly uidValidity: number;
  readonly numbering: Numbering;
  readonly permanentFlags: readonly Flag[];
  /** UIDs of the saved search result `$` (RFC 5182). */
  savedResult: readonly number[] = [];
  /** Searches whose results are kept up to date. */
  readonly contexts: SearchContexts;
  /** Told when there may be news; IDLE's. */
  onNews: (() => void) | null = null;
  readonly #session: Session;
  readonly #store: AccountStore;
  readonly #keywords: Map<string, Flag>;
  readonly #listener: (event: StoreEvent) => void;
  #view: View;
  #modseq: number;
  #stale: boolean;
  /** Gone from the store, not yet told. */
  readonly #vanished = new Set<number>();
  /** Flags changed by others, not yet told. */
  readonly #changed = new Map<number, MessageFlags>();
  /** MODSEQ of this session's own changes, by UID: what `changes` will say of them is known to the client. */
  readonly #echoes = new Map<number, number>();
  #grown = false;
  /** UIDs of the new messages that have not been told. */
  #arrived: number[] = [];

  /** Opens a view of the session's account. Rejects as `AccountStore.open` does. */
  static async open(
    session: Session,
    view: View,
    readOnly: boolean,
  ): Promise<{ selected: SelectedView; opened: OpenedView }> {
    const store = storeOf(session);
    let seen = 0;
    // Listens before it opens: a change between the two must not be missed.
    const early = (event: StoreEvent) => {
      if (concerns(event, view)) seen = Math.max(seen, event.modseq);
    };
    store.on('change', early);
    try {
      const opened = await store.open(view, { readOnly });
      const selected = new SelectedView(session, view, opened, readOnly || opened.readOnly, seen);
      return { selected, opened };
    } finally {
      store.off('change', early);
    }
  }

  private constructor(session: Session, view: View, opened: OpenedView, readOnly: boolean, seen: number) {
    this.#session = session;
    this.#store = storeOf(session);
    this.#view = view;
    this.readOnly = readOnly;
    this.uidValidity = opened.uidValidity;
    this.numbering = new Numbering(opened.uids);
    this.contexts = new SearchContexts(session.writer, this.numbering);
    this.permanentFlags = readOnly ? [] : opened.permanentFlags;
    this.#keywords = new Map(opened.keywords.map(keyword => [keyword.toLowerCase(), keyword]));
    this.#modseq = opened.highestModseq;
    this.#stale = seen > opened.highestModseq;
    this.#listener = event => {
      if (!concerns(event, this.#view) || (event.modseq <= this.#modseq && !event.viewsChanged)) return;
      this.#stale = true;
      this.onNews?.();
    };
    this.#store.on('change', this.#listener);
  }

  get view(): View {
    return this.#view;
  }

  /** MODSEQ up to which the client has been told everything but expunges that are held back. */
  get highestModseq(): number {
    return Math.max(1, this.#modseq);
  }

  /** `(\Answered ... $Forwarded)`: flags in use in the mailbox. */
  get flagsInUse(): string {
    return formatFlags([...SYSTEM_FLAGS, ...this.#keywords.values()]);
  }

  /** `(... \*)` */
  get permanentFlagList(): string {
    if (this.readOnly) return '()';
    const star = this.permanentFlags.includes('\\*');
    const keywords = star ? [...this.#keywords.values()].filter(keyword => !this.permanentFlags.includes(keyword)) : [];
    return formatFlags([...this.permanentFlags.filter(flag => flag !== '\\*'), ...keywords, ...(star ? ['\\*'] : [])]);
  }

  /** Whether the store has said that something may have changed. */
  get hasNews(): boolean {
    return this.#stale;
  }

  close(): void {
    this.onNews = null;
    this.#store.off('change', this.#listener);
  }

  /** The mailbox got another name; its messages and their UIDs stay. */
  renamed(view: View): void {
    this.#view = view;
  }

  /** UIDs of a set, ascending. Throws SyntaxFailure for a sequence number that does not exist. */
  resolve(set: SequenceSet, numbers: Numbers): number[] {
    return this.numbering.resolve(set, numbers, this.savedResult);
  }

  /** For SEARCH: what does not exist is left out. */
  resolveRanges(set: SequenceSet, numbers: Numbers): (readonly [number, number])[] {
    return this.numbering.resolveRanges(set, numbers, this.savedResult);
  }

  /** This session changed flags and has told its client all of the message's flags, or is about to. */
  ownChange(message: MessageFlags): void {
    this.#echoes.set(message.uid, message.modseq);
    this.#changed.delete(message.uid);
  }

  /**
   * This session changed flags, and its client works out the outcome by itself; what others did to the message before,
   * and the client has not heard of, is told with the next news.
   */
  ownSilentChange(message: StoredFlags): void {
    const known = Math.max(this.#modseq, this.#echoes.get(message.uid) ?? 0);
    const heard = message.previousModseq <= known && !this.#changed.has(message.uid);
    this.#echoes.set(message.uid, message.modseq);
    if (!heard) this.#changed.set(message.uid, message);
  }

  /** This session removed messages: told with the next news. */
  ownRemoval(uids: Iterable<number>): void {
    for (const uid of uids) if (this.numbering.numberOf(uid) !== 0) this.#vanished.add(uid);
  }

  /** This session put messages somewhere: they may be here, whether or not the event has come already. */
  mayHaveGrown(): void {
    this.#stale = true;
  }

  /** Tells of keywords that the client has not heard of. */
  introduce(flags: readonly Flag[]): void {
    let introduced = false;
    for (const flag of flags) {
      if (isSystemFlag(flag) || this.#keywords.has(flag.toLowerCase())) continue;
      this.#keywords.set(flag.toLowerCase(), flag);
      introduced = true;
    }
    if (!introduced) return;
    this.#session.writer.line(`* FLAGS ${this.flagsInUse}`);
    this.#session.writer.line(`* OK [PERMANENTFLAGS ${this.permanentFlagList}] Flags permitted.`);
  }

  /**
   * Writes what happened in the view since the last time.
   * @param mayExpunge whether sequence numbers may change now
   * @param withUid the current command is a UID one: FETCH responses carry the UID
   */
  async tellNews(mayExpunge: boolean, withUid = false): Promise<void> {
    const { writer, enabled, notify } = this.#session;
    const events = notify?.selected ?? EVERYTHING;
    if (this.#stale && events.messages) await this.#pull();
    if (mayExpunge && this.#vanished.size > 0) this.#tellExpunges();
    if (this.#grown) {
      this.#grown = false;
      writer.line(`* ${this.numbering.count} EXISTS`);
      if (!this.#session.rev2) writer.line('* 0 RECENT');
      await this.#tellArrived(events.fetch);
    }
    if (!events.flags) this.#changed.clear();
    const changed = [...this.#changed.values()];
    this.#changed.clear();
    const uid = withUid || enabled.has('QRESYNC');
    for (const message of changed) this.tellFlags(message, uid);
    await this.contexts.tellChanged(this.#store, this.#view);
  }

  /** What NOTIFY wants to know of each new message (RFC 5465 section 5.2). */
  async #tellArrived(items: FetchItems | null): Promise<void> {
    const arrived = this.#arrived;
    this.#arrived = [];
    if (items === null) return;
    try {
      const request = { columns: items.columns, sections: items.sections, markSeen: false };
      const plan = { items, withUid: true, withModseq: condstoreEnabled(this.#session) };
      await runFetch(this.#session, this, arrived, request, plan);
    } catch (error) {
      // The command in hand has nothing to do with it.
      if (!(error instanceof Refusal || error instanceof StoreError)) throw error;
      this.#session.logger.warn({ err: error }, 'new messages not fetched');
    }
  }

  /** One unsolicited FETCH with a message's flags. */
  tellFlags(message: MessageFlags, withUid: boolean): void {
    const number = this.numbering.numberOf(message.uid);
    if (number === 0) return;
    this.introduce(message.flags);
    const modseq = condstoreEnabled(this.#session) ? ` MODSEQ (${message.modseq})` : '';
    const uid = withUid ? `UID ${message.uid} ` : '';
    this.#session.writer.line(`* ${number} FETCH (${uid}FLAGS ${formatFlags(message.flags)}${modseq})`);
  }

  #tellExpunges(): void {
    const { writer, enabled } = this.#session;
    const uids = [...this.#vanished].sort((a, b) => a - b);
    this.#vanished.clear();
    this.contexts.tellExpunged(uids);
    const numbers = this.numbering.remove(uids);
    this.savedResult = this.savedResult.filter(uid => this.numbering.numberOf(uid) !== 0);
    for (const uid of uids) this.#changed.delete(uid);
    if (enabled.has('QRESYNC')) {
      writer.line(`* VANISHED ${formatSet(uids)}`);
      return;
    }
    for (const number of numbers) writer.line(`* ${number} EXPUNGE`);
  }

  async #pull(): Promise<void> {
    this.#stale = false;
    try {
      const news = await this.#store.changes(this.#view, this.#modseq);
      for (const uid of news.vanished) if (this.numbering.numberOf(uid) !== 0) this.#vanished.add(uid);
      for (const message of [...news.added].sort((a, b) => a.uid - b.uid)) {
        if (message.uid <= this.numbering.lastUid) continue;
        this.numbering.append(message.uid);
        this.contexts.touch(message.uid);
        this.#arrived.push(message.uid);
        this.#grown = true;
      }
      for (const message of news.changed) {
        this.contexts.touch(message.uid);
        if (message.modseq <= (this.#echoes.get(message.uid) ?? -1)) continue;
        if (this.numbering.numberOf(message.uid) !== 0 && !this.#vanished.has(message.uid)) {
          this.#changed.set(message.uid, message);
        }
      }
      this.#modseq = Math.max(this.#modseq, news.highestModseq);
      for (const [uid, modseq] of this.#echoes) if (modseq <= this.#modseq) this.#echoes.delete(uid);
    } catch (error) {
      this.#stale = true;
      if (error instanceof StoreError && error.code === 'NONEXISTENT') {
        throw new FatalFailure(null, 'La cartella aperta è stata eliminata.');
      }
      throw error;
    }
  }
}

/** Local mailboxes have a MODSEQ sequence each; an event without a name may be about any of them. */
function concerns(event: StoreEvent, view: View): boolean {
  if (event.tree !== view.tree) return false;
  return view.tree !== 'local' || event.name === undefined || event.name === view.name;
}
