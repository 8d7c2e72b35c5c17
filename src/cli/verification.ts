import { createHash } from 'node:crypto';
import type { AccountStore, View } from '../store/types.ts';

interface Damage {
  readonly tree: string;
  readonly uid: number;
  readonly message: string;
  readonly reason: string;
}

export interface Verification {
  readonly address: string;
  readonly messages: number;
  readonly octets: number;
  readonly damaged: readonly Damage[];
}

const UIDS_PER_FETCH = 200;
const READ_LENGTH = 1 << 20;

/** Reads every message of every tree once, in pieces of at most 1 MiB, and compares SHA-256 digests. */
export async function verifyAccount(store: AccountStore): Promise<Verification> {
  const seen = new Set<string>();
  const damaged: Damage[] = [];
  let octets = 0;
  for (const view of await roots(store)) {
    const tree = view.tree === 'local' ? view.name : view.tree;
    const { uids } = await store.open(view, { readOnly: true });
    for (let start = 0; start < uids.length; start += UIDS_PER_FETCH) {
      const run = [...uids.subarray(start, start + UIDS_PER_FETCH)];
      const rows = await store.fetch(view, run, { columns: ['size'], sections: [], markSeen: false });
      for (const { uid, message, size } of rows) {
        if (seen.has(message)) continue;
        seen.add(message);
        octets += size;
        const reason = await fault(store, message, size);
        if (reason !== null) damaged.push({ tree, uid, message, reason });
      }
    }
  }
  return { address: store.address, messages: seen.size, octets, damaged };
}

/** The views that together hold every message. */
async function roots(store: AccountStore): Promise<View[]> {
  const local = (await store.listViews()).filter(({ view, selectable }) => view.tree === 'local' && selectable);
  return [
    { tree: 'archive' },
    { tree: 'conservation' },
    { tree: 'conservation', special: 'reports' },
    { tree: 'conservation', special: 'distribution' },
    { tree: 'intake' },
    ...local.map(({ view }) => view),
  ];
}

async function fault(store: AccountStore, message: string, size: number): Promise<string | null> {
  try {
    const { sha256 } = await store.record(message);
    const hash = createHash('sha256');
    for (let start = 0; start < size; start += READ_LENGTH) {
      hash.update(await store.read(message, start, Math.min(READ_LENGTH, size - start)));
    }
    const found = hash.digest('hex');
    return found === sha256 ? null : `SHA-256 is ${found}, should be ${sha256}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
