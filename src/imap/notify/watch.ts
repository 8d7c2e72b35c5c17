import type { StoreEvent, View, ViewListing, ViewStatus } from '../../store/types.ts';
import { condstoreEnabled } from '../condstore.ts';
import { ConnectionClosed } from '../errors.ts';
import { mailboxLine, nonExistentLine } from '../list/index.ts';
import type { Session } from '../session.ts';
import { namesOf, storeOf } from '../state.ts';
import { statusLine } from '../status.ts';
import { type GroupOf, groupFinder } from './groups.ts';
import { type EventGroup, isSelected, type NotifyRequest } from './request.ts';
import { NOTHING, type Notifications, type SelectedEvents } from './types.ts';

/** News that come close together go out together. */
const BATCH_MILLISECONDS = 150;
/** Pause after news that could not be had. */
const RETRY_MILLISECONDS = 5_000;
/** Views whose STATUS is asked for at a time. */
const VIEWS = 50;
/** Mailboxes of one account that are watched; beyond it notifications end with NOTIFICATIONOVERFLOW. */
const MAXIMUM_MAILBOXES = 20_000;

interface Watched {
  readonly listing: ViewListing;
  /** Of a local mailbox: what is left of it under another name. */
  readonly uidValidity: number | null;
}

type Counters = Pick<ViewStatus, 'messages' | 'uidNext' | 'highestModseq'>;

/**
 * A client's NOTIFY SET as far as it is about views and local mailboxes (RFC 5465). Nothing is queued: what has changed
 * is worked out against what was told last, when the client can take it, so a slow client costs no memory.
 */
export class Watch implements Notifications {
  readonly selected: SelectedEvents;
  readonly #session: Session;
  readonly #groupOf: GroupOf;
  /** The selected view's expunges are told at any time (SELECTED), or when a command allows it (SELECTED-DELAYED). */
  readonly #immediate: boolean;
  readonly #overflown: () => void;
  #known = new Map<string, Watched>();
  /** MODSEQ of each tree and local mailbox up to which its mailboxes' STATUS have been told. */
  readonly #told = new Map<string, number>();
  readonly #counters = new Map<string, Counters>();
  readonly #dirty = new Set<string>();
  #relist = false;
  #timer: NodeJS.Timeout | null = null;
  #running = false;
  #stopped = false;

  /**
   * Starts to watch; writes the STATUS responses that the request asks for.
   * @param overflown told when more is asked than can be watched: notifications have ended
   */
  static async start(session: Session, request: NotifyRequest, overflown: () => void): Promise<Watch> {
    const watch = new Watch(session, request, overflown);
    storeOf(session).on('change', watch.#onChange);
    try {
      await watch.#begin(request.status);
    } catch (error) {
      watch.stop();
      throw error;
    }
    return watch;
  }

  private constructor(session: Session, request: NotifyRequest, overflown: () => void) {
    this.#session = session;
    this.#groupOf = groupFinder(session, request);
    this.#overflown = overflown;
    const group = request.groups.find(({ filter }) => isSelected(filter));
    this.#immediate = group?.filter.kind === 'selected';
    this.selected = group ?? NOTHING;
  }

  stop(): void {
    this.#stopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#session.store?.off('change', this.#onChange);
  }

  readonly #onChange = (event: StoreEvent): void => {
    this.#dirty.add(treeKey(event.tree, event.name));
    if (event.viewsChanged) this.#relist = true;
    this.#schedule(BATCH_MILLISECONDS);
  };

  #schedule(delay: number): void {
    if (this.#timer !== null || this.#running || this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      void this.#run();
    }, delay).unref();
  }

  async #run(): Promise<void> {
    const { turn, signal, logger } = this.#session;
    let delay = BATCH_MILLISECONDS;
    this.#running = true;
    await turn.enter();
    try {
      if (!this.#stopped && !signal.aborted) await this.#tell();
    } catch (error) {
      if (error instanceof ConnectionClosed) this.stop();
      else logger.warn({ err: error }, 'notifications not told');
      this.#relist = true;
      delay = RETRY_MILLISECONDS;
    } finally {
      turn.leave();
      this.#running = false;
    }
    if (this.#relist || this.#dirty.size > 0) this.#schedule(delay);
  }

  async #begin(status: boolean): Promise<void> {
    const listings = await this.#list();
    this.#known = listings;
    const roots = [...listings.values()].filter(({ listing }) => isRoot(listing.view) && listing.selectable);
    const positions = await this.#statuses(roots);
    for (const [index, { listing }] of roots.entries()) {
      this.#told.set(keyOf(listing.view), positions[index]?.highestModseq ?? 0);
    }
    if (!status) return;
    const wanted = [...listings].filter(([name, { listing }]) => this.#messageGroup(name, listing) !== null);
    const statuses = await this.#statuses(wanted.map(([, watched]) => watched));
    for (const [index, [name]] of wanted.entries()) {
      const told = statuses[index];
      if (told !== undefined && name !== this.#selectedName) this.#tellStatus(name, told);
    }
  }

  async #tell(): Promise<void> {
    const { selected, writer } = this.#session;
    const dirty = [...this.#dirty];
    this.#dirty.clear();
    try {
      if (this.#relist) {
        this.#relist = false;
        await this.#tellNames();
      }
      if (this.#stopped) return;
      for (const key of dirty) await this.#tellTree(key);
      // In IDLE, IDLE itself tells of the selected view.
      if (selected !== null && selected.onNews === null && selected.hasNews) await selected.tellNews(this.#immediate);
      await writer.flush();
    } catch (error) {
      for (const key of dirty) this.#dirty.add(key);
      throw error;
    }
  }

  /** Mailboxes that came, went or got another name, and subscriptions. */
  async #tellNames(): Promise<void> {
    const before = this.#known;
    const after = await this.#list();
    if (after.size > MAXIMUM_MAILBOXES) {
      this.stop();
      this.#overflown();
      return;
    }
    const { writer } = this.#session;
    const gone = [...before].filter(([name]) => !after.has(name));
    for (const [name, { listing }] of gone) {
      const renamed = [...after.values()].some(
        ({ uidValidity }) => uidValidity !== null && uidValidity === before.get(name)?.uidValidity,
      );
      if (!renamed && this.#groupOf(name, listing)?.names === true) writer.line(nonExistentLine(this.#session, name));
      this.#counters.delete(name);
    }
    for (const [name, { listing, uidValidity }] of after) {
      const old = before.get(name);
      if (old === undefined) {
        const oldName = gone.find(([, watched]) => uidValidity !== null && watched.uidValidity === uidValidity)?.[0];
        const group = this.#groupOf(name, listing);
        const oldGroup = oldName === undefined ? null : this.#groupOf(oldName, listing);
        if (group?.names === true || oldGroup?.names === true) {
          writer.line(mailboxLine(this.#session, listing, oldName ?? null));
        }
        // What is new is told with everything that it holds.
        const oldKey = oldName === undefined ? undefined : treeKey('local', oldName);
        if (isRoot(listing.view)) this.#told.set(keyOf(listing.view), this.#told.get(oldKey ?? '') ?? 0);
        this.#dirty.add(keyOf(listing.view));
      } else if (old.listing.subscribed !== listing.subscribed) {
        const group = this.#groupOf(name, listing) ?? this.#groupOf(name, old.listing);
        if (group?.subscriptions === true) writer.line(mailboxLine(this.#session, listing, null));
      }
    }
    this.#known = after;
  }

  /** STATUS of what has changed in a tree: from the root down, only below levels that have changed. */
  async #tellTree(key: string): Promise<void> {
    const watched = [...this.#known].filter(([, { listing }]) => listing.selectable && keyOf(listing.view) === key);
    if (!watched.some(([name, { listing }]) => this.#messageGroup(name, listing) !== null)) return;
    const { delimiter } = namesOf(this.#session);
    const children = new Map<string, [string, Watched][]>();
    let level: [string, Watched][] = [];
    for (const entry of watched) {
      const [name, { listing }] = entry;
      if (isRoot(listing.view)) level.push(entry);
      else append(children, name.slice(0, name.lastIndexOf(delimiter)), entry);
    }
    const since = this.#told.get(key) ?? 0;
    let highest = since;
    while (level.length > 0) {
      const statuses = await this.#statuses(level.map(([, watched]) => watched));
      const next: [string, Watched][] = [];
      for (const [index, [name, { listing }]] of level.entries()) {
        const status = statuses[index];
        if (status === undefined || status.highestModseq <= since) continue;
        highest = Math.max(highest, status.highestModseq);
        const group = this.#messageGroup(name, listing);
        if (group !== null && name !== this.#selectedName && this.#isNews(name, status, group)) {
          this.#tellStatus(name, status);
        }
        next.push(...(children.get(name) ?? []));
      }
      level = next;
    }
    this.#told.set(key, highest);
  }

  /** Whether more than flags has changed, where flags are not asked for; unknown counters are news. */
  #isNews(name: string, status: ViewStatus, group: EventGroup): boolean {
    const last = this.#counters.get(name);
    return group.flags || last === undefined || last.messages !== status.messages || last.uidNext !== status.uidNext;
  }

  #tellStatus(name: string, status: ViewStatus): void {
    this.#counters.set(name, status);
    const items = ['MESSAGES', 'UIDNEXT', 'UIDVALIDITY', 'UNSEEN'];
    if (condstoreEnabled(this.#session)) items.push('HIGHESTMODSEQ');
    this.#session.writer.line(statusLine(this.#session, name, status, items));
  }

  /** In runs, so that others have their turn at the store in between. */
  async #statuses(watched: readonly Pick<Watched, 'listing'>[]): Promise<ViewStatus[]> {
    const statuses: ViewStatus[] = [];
    for (let at = 0; at < watched.length; at += VIEWS) {
      const run = watched.slice(at, at + VIEWS).map(({ listing }) => listing.view);
      statuses.push(...(await storeOf(this.#session).status(run)));
    }
    return statuses;
  }

  #messageGroup(name: string, listing: ViewListing): EventGroup | null {
    const group = listing.selectable ? this.#groupOf(name, listing) : null;
    return group?.messages === true ? group : null;
  }

  get #selectedName(): string | null {
    const { selected } = this.#session;
    return selected === null ? null : namesOf(this.#session).name(selected.view);
  }

  async #list(): Promise<Map<string, Watched>> {
    const names = namesOf(this.#session);
    const store = storeOf(this.#session);
    const listings = (await store.listViews()).filter(listing => names.shows(listing.view) && listing.selectable);
    const local = listings.filter(({ view }) => view.tree === 'local');
    const statuses = await this.#statuses(local.map(listing => ({ listing })));
    const validity = new Map(local.map((listing, index) => [listing, statuses[index]?.uidValidity ?? null]));
    return new Map(
      listings.map(listing => [names.name(listing.view), { listing, uidValidity: validity.get(listing) ?? null }]),
    );
  }
}

/** The start of a MODSEQ sequence: a tree, or a local mailbox. */
function keyOf(view: View): string {
  return view.tree === 'local' ? treeKey('local', view.name) : treeKey(view.tree);
}

function treeKey(tree: string, name?: string): string {
  return name === undefined ? tree : `${tree}/${name}`;
}

function isRoot(view: View): boolean {
  return (
    view.tree === 'local' ||
    view.tree === 'intake' ||
    view.tree === 'watch' ||
    (!('special' in view) && view.year === undefined)
  );
}

function append<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const values = map.get(key);
  if (values === undefined) map.set(key, [value]);
  else values.push(value);
}
