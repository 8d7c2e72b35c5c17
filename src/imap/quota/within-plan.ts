import { type AccountStore, StoreError, type View } from '../../store/types.ts';
import type { Session } from '../session.ts';
import { storeOf } from '../state.ts';
import { type QuotaLimits, type QuotaRoot, quotaLimits, rootsOf, usage } from './roots.ts';

/** Messages whose size is asked for at a time. */
const ROWS = 1_000;

/**
 * An account's store as its clients may use it: whatever they file, copy or move is refused with OVERQUOTA when it
 * would go beyond the plan, before anything has been changed. What the archiver and conservation do by themselves is
 * not held up by it: mail is never lost for want of a larger plan.
 */
export function withinPlan(store: AccountStore, limits: QuotaLimits): AccountStore {
  if (Object.values(limits).every(limit => limit === null)) return store;
  const room = new Room(store, limits);
  const guarded: Pick<AccountStore, 'file' | 'fileHeld' | 'copy' | 'move'> = {
    file: (view, spool, filing) => room.spend(rootsOf(view), spool.size, () => store.file(view, spool, filing)),
    fileHeld: (view, messages) => {
      const octets = messages.reduce((sum, { size }) => sum + size, 0);
      return room.spend(rootsOf(view), octets, () => store.fileHeld(view, messages));
    },
    copy: async (view, uids, to) => {
      const cost = await costOfCopies(store, limits, view, uids, to);
      return room.spend(cost.roots, cost.octets, () => store.copy(view, uids, to));
    },
    move: async (view, uids, to) => {
      const cost = await costOfCopies(store, limits, view, uids, to);
      return room.spend(cost.roots, cost.octets, () => store.move(view, uids, to));
    },
  };
  return new Proxy(store, {
    get: (target, name) => {
      if (name in guarded) return guarded[name as keyof typeof guarded];
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/** Rejects with OVERQUOTA before the octets come: what will not fit need not be sent. */
export async function refuseBeyondPlan(session: Session, view: View, octets: number): Promise<void> {
  if (session.account === null) return;
  const limits = quotaLimits(session.services.config, session.account);
  await new Room(storeOf(session), limits).spend(rootsOf(view), octets, async () => {});
}

/** What is free under each root, work under way taken into account: several messages are filed at a time. */
class Room {
  readonly #store: AccountStore;
  readonly #limits: QuotaLimits;
  readonly #reserved: Record<QuotaRoot, number> = { Archivio: 0, Conservazione: 0 };
  readonly #running = new Set<Promise<void>>();

  constructor(store: AccountStore, limits: QuotaLimits) {
    this.#store = store;
    this.#limits = limits;
  }

  async spend<T>(roots: readonly QuotaRoot[], octets: number, work: () => Promise<T>): Promise<T> {
    const limited = roots.filter(root => this.#limits[root] !== null);
    const release = await this.#reserve(limited, octets);
    try {
      return await work();
    } finally {
      release();
    }
  }

  /** @returns the way to give the room back: what was filed is counted by the store from then on */
  async #reserve(roots: readonly QuotaRoot[], octets: number): Promise<() => void> {
    for (;;) {
      const before = roots.map(root => this.#reserved[root]);
      const used = await Promise.all(roots.map(root => usage(this.#store, root)));
      const full = roots.findIndex((root, index) => {
        // What ends meanwhile may be counted twice here, never not at all.
        const promised = Math.max(before[index] ?? 0, this.#reserved[root]);
        return (used[index] ?? 0) + promised + octets > (this.#limits[root] ?? Number.POSITIVE_INFINITY);
      });
      const root = roots[full];
      if (root === undefined) {
        const { promise, resolve } = Promise.withResolvers<void>();
        this.#running.add(promise);
        for (const spent of roots) this.#reserved[spent] += octets;
        return () => {
          this.#running.delete(promise);
          for (const spent of roots) this.#reserved[spent] -= octets;
          resolve();
        };
      }
      if (this.#running.size === 0) {
        throw new StoreError('OVERQUOTA', exhausted(root, used[full] ?? 0, this.#limits[root] ?? 0));
      }
      await Promise.race(this.#running);
    }
  }
}

/** What copies cost: what is in the archive already takes no more room there. */
async function costOfCopies(
  store: AccountStore,
  limits: QuotaLimits,
  from: View,
  uids: readonly number[],
  to: View,
): Promise<{ roots: readonly QuotaRoot[]; octets: number }> {
  const roots = rootsOf(to).filter(root => limits[root] !== null && !(root === 'Archivio' && from.tree !== 'local'));
  let octets = 0;
  if (roots.length === 0) return { roots, octets };
  const request = { columns: ['size'], sections: [], markSeen: false } as const;
  for (let at = 0; at < uids.length; at += ROWS) {
    for (const row of await store.fetch(from, uids.slice(at, at + ROWS), request)) octets += row.size;
  }
  return { roots, octets };
}

function exhausted(root: QuotaRoot, used: number, limit: number): string {
  const room = `${amount(used)} usati su ${amount(limit)}`;
  return root === 'Archivio'
    ? `Lo spazio del piano per l'archivio non basta (${room}): nessun messaggio è stato spostato.`
    : `Lo spazio del piano per la conservazione non basta (${room}): nessun messaggio è stato spostato.`;
}

/** As plans are sold: decimal units, `12,3 GB`. */
function amount(octets: number): string {
  const [value, unit] = octets >= 1e9 ? [octets / 1e9, 'GB'] : [octets / 1e6, 'MB'];
  return `${value.toFixed(1).replace('.', ',')} ${unit}`;
}
