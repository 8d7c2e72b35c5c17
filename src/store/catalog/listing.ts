import { CATEGORIES } from '../../pec/types.ts';
import type { AccountContext } from '../database/context.ts';
import { type View, type ViewListing, WATCHED } from '../types.ts';
import { mailboxName } from './mailbox-name.ts';
import { asCategory, type LeafRow, leavesOf, treeOf } from './views.ts';

/** Every view there is, each level before what is below it. */
export function listViews(context: AccountContext): ViewListing[] {
  const chosen = new Map(
    context
      .sql<{ view: string; subscribed: number }>('SELECT view, subscribed FROM subscription')
      .all()
      .map(row => [row.view, row.subscribed === 1]),
  );
  const listing = (view: View, hasChildren: boolean, byDefault: boolean): ViewListing => ({
    view,
    selectable: true,
    hasChildren,
    subscribed: chosen.get(viewKey(view)) ?? byDefault,
    specialUse: null,
  });
  return [
    ...calendar(context, 'archive', listing),
    ...WATCHED.map(special => listing({ tree: 'watch', special }, false, true)),
    ...calendar(context, 'conservation', listing),
    listing({ tree: 'conservation', special: 'reports' }, false, true),
    listing({ tree: 'conservation', special: 'distribution' }, false, true),
    listing({ tree: 'intake' }, false, true),
    ...mailboxes(context, chosen),
  ];
}

export function setSubscribed(context: AccountContext, view: View, subscribed: boolean): void {
  context.write(change => {
    context
      .sql(
        'INSERT INTO subscription (view, subscribed) VALUES (?, ?) ON CONFLICT (view) DO UPDATE SET subscribed = excluded.subscribed',
      )
      .run(viewKey(view), subscribed ? 1 : 0);
    change.mailboxesChanged();
  });
}

type Listing = (view: View, hasChildren: boolean, byDefault: boolean) => ViewListing;

/** Root, years, months and kinds of a tree; all but the root only while they hold something. */
function calendar(context: AccountContext, tree: 'archive' | 'conservation', listing: Listing): ViewListing[] {
  const filled = leavesOf(context, treeOf(context, { tree }).id)
    .filter(leaf => leaf.special === '' && leaf.messages > 0)
    .sort(byCalendar);
  const views = [listing({ tree }, true, false)];
  let [year, month] = [0, 0];
  for (const leaf of filled) {
    if (leaf.year !== year) {
      views.push(listing({ tree, year: leaf.year }, true, false));
      month = 0;
    }
    if (leaf.month !== month) views.push(listing({ tree, year: leaf.year, month: leaf.month }, true, false));
    ({ year, month } = leaf);
    views.push(listing({ tree, year, month, category: asCategory(leaf.category) }, false, true));
  }
  return views;
}

function byCalendar(a: LeafRow, b: LeafRow): number {
  const order = (leaf: LeafRow): number => CATEGORIES.indexOf(asCategory(leaf.category));
  return a.year - b.year || a.month - b.month || order(a) - order(b);
}

/** Local mailboxes and the bare levels above them. */
function mailboxes(context: AccountContext, chosen: ReadonlyMap<string, boolean>): ViewListing[] {
  const rows = context
    .sql<{ name: string; special_use: string | null }>(
      "SELECT name, special_use FROM tree WHERE kind = 'local' ORDER BY name",
    )
    .all();
  const special = new Map(rows.map(row => [row.name, row.special_use]));
  const names = new Set<string>();
  const parents = new Set<string>();
  for (const { name } of rows) {
    for (let slash = name.indexOf('/'); slash !== -1; slash = name.indexOf('/', slash + 1)) {
      names.add(name.slice(0, slash));
      parents.add(name.slice(0, slash));
    }
    names.add(name);
  }
  return [...names].sort().map(name => {
    const view: View = { tree: 'local', name };
    const specialUse = special.get(name) ?? null;
    return {
      view,
      selectable: special.has(name),
      hasChildren: parents.has(name),
      subscribed: chosen.get(viewKey(view)) ?? (name === 'INBOX' || specialUse !== null),
      specialUse,
    };
  });
}

/** A view as the key of its subscription: a choice outlives the view, as RFC 3501 section 6.3.9 wants. */
function viewKey(view: View): string {
  if (view.tree === 'local') return `local/${mailboxName(view.name)}`;
  if (view.tree === 'intake') return 'intake';
  if ('special' in view) return `${view.tree}//${view.special}`;
  return [view.tree, view.year, view.month, view.category].filter(level => level !== undefined).join('/');
}
