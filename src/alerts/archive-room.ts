import { type AccountStore, StoreError } from '../store/types.ts';

export interface ArchiveRoom {
  /** Whether so many octets more stay within the plan. */
  fits(octets: number): Promise<boolean>;
  /** What found no room last, octets; 0: there is room. Known across restarts. */
  needed(): Promise<number>;
  /** Told when a message finds no room, and with 0 when there is room again. */
  noRoom(octets: number): Promise<void>;
}

/**
 * An account's store as the archiver uses it, one run of messages at a time: within the plan. Beyond it nothing is held
 * and, before the octets are fetched anew, no spool opened, until what found no room would find some.
 */
export function withinArchivePlan(store: AccountStore, room: ArchiveRoom): AccountStore {
  /** Octets of the run that are held and not filed yet. */
  let held = 0;
  let turn: Promise<unknown> = Promise.resolve();
  const full = () => new StoreError('OVERQUOTA', "Lo spazio del piano per l'archivio è esaurito");
  const reserve = async (octets: number): Promise<void> => {
    if (!(await room.fits(held + octets))) {
      await room.noRoom(octets);
      throw full();
    }
    held += octets;
  };
  const guarded: Pick<AccountStore, 'spool' | 'hold' | 'fileHeld'> = {
    spool: async () => {
      const needed = await room.needed();
      if (needed > 0) {
        if (!(await room.fits(needed))) throw full();
        await room.noRoom(0);
      }
      return store.spool();
    },
    hold: async (view, spool, filing) => {
      // In the order of the calls: the first message of a run must not find its room taken by a later one.
      const mine = turn.then(() => reserve(spool.size));
      turn = mine.catch(() => {});
      try {
        await mine;
      } catch (error) {
        await spool.discard();
        throw error;
      }
      return store.hold(view, spool, filing);
    },
    fileHeld: async (view, messages) => {
      try {
        return await store.fileHeld(view, messages);
      } finally {
        held = 0;
      }
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
