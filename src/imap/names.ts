import { CATEGORIES, type Category } from '../pec/types.ts';
import { type View, WATCHED } from '../store/types.ts';

/** First levels of the three trees as one account sees them; a suffix may have been added to avoid a user's folder. */
export interface ViewRoots {
  readonly intake: string;
  readonly archive: string;
  readonly conservation: string;
  /** Views under watch, below the archive. */
  readonly pending: string;
  readonly undelivered: string;
  readonly expiring: string;
}

const SPECIALS = { reports: 'Rapporti di versamento', distribution: 'Pacchetti di distribuzione' } as const;

/**
 * Names of views as the client writes them: the upstream's delimiter, under its personal prefix. Unicode, NFC. On an
 * account without upstream, local mailboxes are views too.
 */
export class ViewNames {
  readonly delimiter: string;
  readonly prefix: string;
  readonly #roots: ViewRoots | null;
  readonly #local: boolean;

  /** @param roots null when the account shows no trees */
  constructor(options: { delimiter: string; prefix: string; roots: ViewRoots | null; local: boolean }) {
    this.delimiter = options.delimiter;
    this.prefix = options.prefix;
    this.#roots = options.roots;
    this.#local = options.local;
  }

  /** The view of this name, whether or not it holds anything; null when the name is not ours. */
  view(mailbox: string): View | null {
    const name = mailbox.normalize('NFC');
    if (this.inTrees(name)) return this.#treeView(name);
    return this.#local && name !== '' ? { tree: 'local', name: localName(name) } : null;
  }

  /** True also for names below our roots that no view can have: they are ours to refuse. */
  owns(mailbox: string): boolean {
    return this.#local || this.inTrees(mailbox);
  }

  /** True for the roots of our trees and everything below them. */
  inTrees(mailbox: string): boolean {
    const roots = this.#roots;
    if (roots === null) return false;
    const name = mailbox.normalize('NFC');
    if (!name.startsWith(this.prefix)) return false;
    const first = name.slice(this.prefix.length).split(this.delimiter, 1)[0];
    return first === roots.intake || first === roots.archive || first === roots.conservation;
  }

  /** Whether this account's clients see the view at all. */
  shows(view: View): boolean {
    return view.tree === 'local' ? this.#local : this.#roots !== null;
  }

  name(view: View): string {
    if (view.tree === 'local') return view.name;
    const roots = this.#roots;
    if (roots === null) throw new Error('account without trees');
    if (view.tree === 'watch') return this.prefix + [roots.archive, roots[view.special]].join(this.delimiter);
    const levels: string[] = [roots[view.tree]];
    if ('special' in view) levels.push(SPECIALS[view.special]);
    else if (view.tree !== 'intake') {
      if (view.year !== undefined) levels.push(String(view.year).padStart(4, '0'));
      if (view.month !== undefined) levels.push(String(view.month).padStart(2, '0'));
      if (view.category !== undefined) levels.push(view.category);
    }
    return this.prefix + levels.join(this.delimiter);
  }

  #treeView(name: string): View | null {
    const roots = this.#roots;
    if (roots === null || !name.startsWith(this.prefix)) return null;
    const [root, year, month, category, ...rest] = name.slice(this.prefix.length).split(this.delimiter);
    if (root === roots.intake) return year === undefined ? { tree: 'intake' } : null;
    const tree = root === roots.archive ? 'archive' : root === roots.conservation ? 'conservation' : null;
    if (tree === null || rest.length > 0) return null;
    if (year === undefined) return { tree };
    if (tree === 'archive' && month === undefined) {
      const special = WATCHED.find(watched => roots[watched] === year);
      if (special !== undefined) return { tree: 'watch', special };
    }
    if (tree === 'conservation' && month === undefined) {
      if (year === SPECIALS.reports) return { tree, special: 'reports' };
      if (year === SPECIALS.distribution) return { tree, special: 'distribution' };
    }
    if (!/^\d{4}$/.test(year)) return null;
    if (month === undefined) return { tree, year: Number(year) };
    if (!/^(0[1-9]|1[0-2])$/.test(month)) return null;
    if (category === undefined) return { tree, year: Number(year), month: Number(month) };
    if (!CATEGORIES.includes(category as Category)) return null;
    return { tree, year: Number(year), month: Number(month), category: category as Category };
  }
}

/** INBOX is the same in any case, alone and as a first level (RFC 3501 section 5.1). */
function localName(name: string): string {
  return name.replace(/^inbox(?=$|\/)/i, 'INBOX');
}
