import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AccountStore, View, ViewStatus } from '../../src/store/index.ts';
import { ARCHIVE, type Bench, bench, CONSERVATION, conserveAll, INTAKE, message, put } from './support.ts';

const LOCAL: View = { tree: 'local', name: 'INBOX' };
const OTHER: View = { tree: 'local', name: 'Altra' };

type Act =
  | { readonly do: 'file' | 'again'; readonly to: View; readonly pick: number; readonly flags: readonly string[] }
  | { readonly do: 'copy' | 'move'; readonly from: View; readonly to: View; readonly pick: number }
  | {
      readonly do: 'flag';
      readonly from: View;
      readonly pick: number;
      readonly flags: readonly string[];
      readonly action: 'add' | 'remove' | 'set';
    }
  | { readonly do: 'expunge' | 'remove' | 'see'; readonly from: View; readonly pick: number }
  | { readonly do: 'conserve' };

const view = fc.constantFrom(ARCHIVE, INTAKE, LOCAL, OTHER);
const anyView = fc.constantFrom(ARCHIVE, INTAKE, CONSERVATION, LOCAL, OTHER);
const flags = fc.subarray(['\\Seen', '\\Deleted', '\\Flagged', 'Etichetta', '$Conservato']);
const pick = fc.nat(1000);
const act: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constantFrom('file' as const, 'again' as const), to: view, pick, flags }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constantFrom('copy' as const, 'move' as const), from: anyView, to: anyView, pick }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('flag' as const),
      from: anyView,
      pick,
      flags,
      action: fc.constantFrom('add' as const, 'remove' as const, 'set' as const),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom('expunge' as const, 'remove' as const, 'see' as const),
      from: anyView,
      pick,
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('conserve' as const) }) },
);

/** What a client that only ever asks for changes knows of a view. */
interface Client {
  readonly view: View;
  modseq: number;
  uidNext: number;
  readonly messages: Map<number, string>;
}

let b: Bench;
let made = 0;
beforeAll(async () => {
  b = await bench();
  await b.account.createMailbox('Altra');
});
afterAll(() => b.end());

async function perform(account: AccountStore, step: Act): Promise<void> {
  const some = async (from: View): Promise<number[]> => {
    const { uids } = await account.open(from, { readOnly: false });
    const { pick: number } = step as { pick: number };
    return [...uids].filter(uid => (uid * 31 + number) % 3 === 0);
  };
  switch (step.do) {
    case 'file':
    case 'again': {
      const id = step.do === 'file' ? ++made : step.pick % (made + 1);
      const month = String((id % 12) + 1).padStart(2, '0');
      await put(account, step.to, message(`c${id}`), {
        flags: step.flags,
        internalDate: Date.parse(`2026-${month}-15T12:00:00Z`),
      });
      return;
    }
    case 'copy':
      await account.copy(step.from, await some(step.from), step.to);
      return;
    case 'move':
      await account.move(step.from, await some(step.from), step.to);
      return;
    case 'flag':
      await account.storeFlags(step.from, await some(step.from), { action: step.action, flags: step.flags });
      return;
    case 'expunge':
      await account.expunge(step.from, step.pick % 2 ? null : await some(step.from));
      return;
    case 'remove':
      await account.remove(step.from, await some(step.from));
      return;
    case 'see':
      await account.fetch(step.from, await some(step.from), { columns: [], sections: [{ part: [] }], markSeen: true });
      return;
    default:
      await conserveAll(account, `P-${++made}`);
  }
}

function spell(listed: readonly string[], modseq: number): string {
  return `${[...listed].sort().join(' ')} @${modseq}`;
}

/** The view counted message by message must be what its counters say, and what a client has pieced together. */
async function check(account: AccountStore, client: Client): Promise<void> {
  const opened = await account.open(client.view, { readOnly: true });
  const [status] = await account.status([client.view]);
  const rows = await account.fetch(client.view, [...opened.uids], {
    columns: ['flags'],
    sections: [],
    markSeen: false,
  });
  const counted: Partial<ViewStatus> = {
    messages: rows.length,
    unseen: rows.filter(row => !row.flags.includes('\\Seen')).length,
    deleted: rows.filter(row => row.flags.includes('\\Deleted')).length,
    size: rows.reduce((sum, row) => sum + row.size, 0),
  };
  expect(status).toMatchObject(counted);
  expect(opened).toMatchObject(counted);
  expect(opened.firstUnseen).toBe(rows.find(row => !row.flags.includes('\\Seen'))?.uid ?? null);
  expect([...opened.uids]).toEqual(rows.map(row => row.uid));
  expect(opened.uidNext).toBeGreaterThanOrEqual(client.uidNext);
  expect(opened.highestModseq).toBeGreaterThanOrEqual(Math.max(client.modseq, ...rows.map(row => row.modseq)));

  const changes = await account.changes(client.view, client.modseq);
  for (const { uid, flags: now, modseq } of changes.added) {
    // A UID is given once: what is new lies beyond everything known so far.
    expect(uid).toBeGreaterThanOrEqual(client.uidNext);
    client.messages.set(uid, spell(now, modseq));
  }
  for (const { uid, flags: now, modseq } of changes.changed) {
    expect(client.messages.has(uid)).toBe(true);
    client.messages.set(uid, spell(now, modseq));
  }
  for (const uid of changes.vanished) client.messages.delete(uid);
  if (changes.added.length + changes.changed.length + changes.vanished.length > 0) {
    expect(changes.highestModseq).toBeGreaterThan(client.modseq);
  }
  client.modseq = changes.highestModseq;
  client.uidNext = opened.uidNext;
  expect([...client.messages]).toEqual(rows.map(row => [row.uid, spell(row.flags, row.modseq)]));
}

describe('counters, UIDs and changes', () => {
  it('hold through any sequence of acts', async () => {
    const clients: Client[] = [ARCHIVE, INTAKE, CONSERVATION, LOCAL, OTHER].map(each => ({
      view: each,
      modseq: 0,
      uidNext: 1,
      messages: new Map(),
    }));
    await fc.assert(
      fc.asyncProperty(fc.array(act, { maxLength: 12 }), async acts => {
        for (const step of acts) {
          await perform(b.account, step).catch(error => expect(error.code).toBe('CANNOT'));
          for (const client of clients) await check(b.account, client);
        }
        // Every level counts what is below it.
        const views = (await b.account.listViews()).map(listing => listing.view);
        for (const each of views) {
          if (!('month' in each) || each.month === undefined || each.category !== undefined) continue;
          const below = views.filter(
            other =>
              'category' in other &&
              other.category !== undefined &&
              other.tree === each.tree &&
              other.month === each.month,
          );
          const [whole] = await b.account.status([each]);
          const parts = await b.account.status(below);
          expect(whole?.messages).toBe(parts.reduce((sum, part) => sum + part.messages, 0));
          expect(whole?.uidNext).toBe(Math.max(...parts.map(part => part.uidNext)));
        }
      }),
      { numRuns: 40 },
    );
    expect(made).toBeGreaterThan(20);
  });

  it('are the same after a restart', async () => {
    const views = (await b.account.listViews()).map(listing => listing.view);
    const before = await b.account.status(views);
    await b.reopen();
    expect(await b.account.status(views)).toEqual(before);
  });
});
