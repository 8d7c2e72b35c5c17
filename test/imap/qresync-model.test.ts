import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { assertFor, fuzzMilliseconds } from '../support/fuzz.ts';
import { type Client, Engine, message, type TestAccount } from './support/engine.ts';

/**
 * Several clients that keep what they know of several views of the archive, go away, and come back by every way of RFC
 * 7162: whatever happened meanwhile, each knows in the end what a client sees that fetches everything anew.
 */

let engine: Engine;
beforeAll(async () => {
  engine = await Engine.start();
});
afterAll(() => engine.stop());

/** One message of May is never removed: its year and its month are always there. */
const VIEWS = [
  'Archivio',
  'Archivio/2026',
  'Archivio/2026/05',
  'Archivio/2026/05/Ordinaria',
  '--ARCHIVIA--',
  'Conservazione',
] as const;
type ViewName = (typeof VIEWS)[number];

const WAYS = ['qresync', 'qresync with known UIDs', 'qresync with all parameters', 'changedsince'] as const;
type Way = (typeof WAYS)[number];

/** Flags by UID, as far as told. */
interface Known {
  uidValidity: number;
  modseq: number;
  readonly flags: Map<number, string>;
  /** What EXISTS says. */
  exists: number;
  /** The first UID that has not been asked for: one beyond it may be known before it. */
  next: number;
}

/** A client with a memory, by the rules of RFC 7162 alone. */
class Rememberer {
  readonly client: Client;
  readonly way: Way;
  readonly memory = new Map<ViewName, Known>();
  selected: ViewName | null = null;
  /** As the last SELECT told it. */
  #uidNext = 1;
  /** Messages that the last command told of. */
  #fetched: { readonly number: number; readonly uid: number }[] = [];

  constructor(client: Client, way: Way) {
    this.client = client;
    this.way = way;
  }

  get known(): Known | null {
    return this.selected === null ? null : (this.memory.get(this.selected) ?? null);
  }

  async select(view: ViewName): Promise<void> {
    const before = this.memory.get(view);
    const parameter = before === undefined || this.way === 'changedsince' ? '' : this.#parameter(before);
    this.selected = view;
    const known: Known = { uidValidity: 0, modseq: 0, flags: new Map(before?.flags), exists: 0, next: 1 };
    this.memory.set(view, known);
    const since = before?.modseq ?? 0;
    await this.run(`SELECT "${view}"${parameter}`);
    if (before !== undefined && before.uidValidity !== known.uidValidity) known.flags.clear();
    else if (before !== undefined) {
      // Of messages beyond those that it named, nothing is told to a client but what changes at this moment.
      const limited = this.way.startsWith('qresync with ') && before.flags.size > 0;
      known.next = limited ? before.next : this.#uidNext;
      if (this.way === 'changedsince') {
        await this.run(`UID FETCH 1:* (FLAGS) (CHANGEDSINCE ${since} VANISHED)`);
      }
    }
    await this.#fetchNew();
  }

  #parameter({ uidValidity, modseq, flags }: Known): string {
    const uids = [...flags.keys()].sort((a, b) => a - b);
    if (this.way === 'qresync' || uids.length === 0) return ` (QRESYNC (${uidValidity} ${modseq}))`;
    const set = uids.join(',');
    if (this.way === 'qresync with known UIDs') return ` (QRESYNC (${uidValidity} ${modseq} ${set}))`;
    const numbers = uids.map((_, index) => index + 1).join(',');
    return ` (QRESYNC (${uidValidity} ${modseq} ${set} (${numbers} ${set})))`;
  }

  /** What EXISTS has announced and nobody has told yet. */
  async #fetchNew(): Promise<void> {
    const { known } = this;
    if (known === null) return;
    // While it is asked, more may come.
    for (let turn = 0; turn < 10 && known.exists !== known.flags.size; turn++) {
      const { exists } = known;
      await this.run(`UID FETCH ${known.next}:* (FLAGS)`, false);
      // What comes while it is answered may be told of out of order.
      const asked = this.#fetched.filter(({ number }) => number <= exists).map(({ uid }) => uid);
      known.next = Math.max(known.next, ...asked.map(uid => uid + 1));
      // A message that left meanwhile is not fetched any more; its end is told where EXPUNGE may be (RFC 5530).
      if (known.exists !== known.flags.size) await this.run('NOOP', false);
    }
    expect(known.flags.size, `${this.selected}: EXISTS and what was told of messages`).toBe(known.exists);
  }

  /** @param whole whether new messages are asked for right away */
  async run(command: string, whole = true): Promise<string> {
    this.#fetched = [];
    const lines = await this.client.run(command);
    for (const line of lines.slice(0, -1)) this.#take(line);
    const answer = lines.at(-1) ?? '';
    const modseq = /^OK \[HIGHESTMODSEQ (\d+)\]/.exec(answer)?.[1];
    if (modseq !== undefined && this.known !== null) this.known.modseq = Number(modseq);
    if (whole && !command.startsWith('SELECT')) await this.#fetchNew();
    return answer;
  }

  async leave(command: 'UNSELECT' | 'CLOSE'): Promise<void> {
    if (this.selected === null) return;
    // CLOSE does not tell what it removes.
    await this.run(command);
    this.selected = null;
  }

  #take(line: string): void {
    const { known } = this;
    const code = /^\* OK \[(UIDVALIDITY|UIDNEXT|HIGHESTMODSEQ) (\d+)\]/.exec(line);
    if (known === null) return;
    if (code?.[1] === 'UIDNEXT') this.#uidNext = Number(code[2]);
    if (code?.[1] === 'UIDVALIDITY') known.uidValidity = Number(code[2]);
    if (code?.[1] === 'HIGHESTMODSEQ') known.modseq = Number(code[2]);
    const exists = /^\* (\d+) EXISTS$/.exec(line)?.[1];
    if (exists !== undefined) known.exists = Number(exists);
    const vanished = /^\* VANISHED (\(EARLIER\) )?([\d:,]+)$/.exec(line);
    if (vanished !== null) {
      for (const uid of numbers(vanished[2] ?? '')) {
        known.flags.delete(uid);
        // EARLIER speaks of what EXISTS does not count any more; else it counts also what was never fetched.
        if (vanished[1] === undefined) known.exists--;
      }
    }
    expect(line).not.toMatch(/^\* \d+ EXPUNGE/);
    if (/^\* \d+ FETCH /.test(line)) {
      const uid = Number(/\bUID (\d+)/.exec(line)?.[1]);
      const flags = /FLAGS \(([^)]*)\)/.exec(line)?.[1];
      expect(uid, `an answer without UID: ${line}`).toBeGreaterThan(0);
      this.#fetched.push({ number: Number(/\d+/.exec(line)?.[0]), uid });
      if (flags !== undefined) known.flags.set(uid, flags.split(' ').sort().join(' '));
    }
  }
}

function numbers(set: string): number[] {
  return set.split(',').flatMap(part => {
    const [first = 0, last = first] = part.split(':').map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}

type Step =
  | { readonly kind: 'file'; readonly who: number; readonly month: number }
  | { readonly kind: 'open'; readonly who: number; readonly view: ViewName }
  | { readonly kind: 'leave' | 'noop' | 'close'; readonly who: number }
  | { readonly kind: 'flag' | 'remove' | 'conserve'; readonly who: number; readonly at: number; readonly flag: string };

const who = fc.nat({ max: 2 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('file'), who, month: fc.constantFrom(3, 4, 4) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('open'), who, view: fc.constantFrom(...VIEWS) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('leave', 'noop', 'close'), who }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constantFrom('flag', 'flag', 'remove', 'conserve'),
      who,
      at: fc.nat({ max: 20 }),
      flag: fc.constantFrom('+FLAGS (\\Flagged)', '-FLAGS (\\Flagged)', '+FLAGS.SILENT ($Uno)', 'FLAGS (\\Seen $Due)'),
    }),
  },
);

let counter = 0;

async function perform(account: TestAccount, own: Rememberer, action: Step): Promise<void> {
  switch (action.kind) {
    case 'file': {
      const spool = await account.store.spool();
      await spool.write(Buffer.from(message(`messaggio ${++counter}`)));
      const internalDate = Date.UTC(2026, action.month, 10 + (counter % 10));
      const origin = { direction: 'received', source: 'imap-append' } as const;
      await account.store.file({ tree: 'archive' }, spool, { flags: ['\\Seen'], internalDate, origin });
      return;
    }
    case 'open':
      if (own.selected !== null && counter % 2 === 0) await own.leave('UNSELECT');
      return own.select(action.view);
    case 'leave':
      return own.leave('UNSELECT');
    case 'close':
      return own.leave('CLOSE');
    case 'noop':
      await own.run('NOOP');
      return;
    default:
  }
  const { known } = own;
  // The first message of all stays.
  const uids = [...(known?.flags.keys() ?? [])].filter(
    uid => uid > 1 || own.selected?.startsWith('Archivio') === false,
  );
  const uid = uids[action.at % uids.length];
  if (uid === undefined) return;
  if (action.kind === 'flag') {
    const before = known?.flags.get(uid);
    await own.run(`UID STORE ${uid} ${action.flag}`);
    // What a silent STORE does the client knows without being told; what it is told counts.
    const flags = before;
    if (action.flag.includes('SILENT') && flags !== undefined && known?.flags.get(uid) === flags) {
      known?.flags.set(
        uid,
        [...new Set([...flags.split(' '), '$Uno'])]
          .filter(flag => flag !== '')
          .sort()
          .join(' '),
      );
    }
  } else if (action.kind === 'remove') {
    await own.run(`UID STORE ${uid} +FLAGS (\\Deleted)`);
    await own.run(action.at % 2 === 0 ? 'EXPUNGE' : `UID EXPUNGE ${uid}`);
  } else {
    await own.run(`UID COPY ${uid} --ARCHIVIA--`);
    if (action.at % 3 > 0) await conserve(account);
  }
}

/** As the conservation worker does it; at the same time as another, one of them finds nothing left. */
async function conserve({ store }: TestAccount): Promise<void> {
  const waiting = await store.queued(100);
  if (waiting.length === 0) return;
  const packageId = `P${++counter}`;
  await writeFile(join(await store.evidenceDirectory(packageId), 'pindex.xml'), '<x/>');
  const messages = waiting.map(({ message: handle, sha256 }) => ({ message: handle, sha256 }));
  await store.conserved({ packageId, sealedAt: Date.now(), messages });
}

/** Everything, asked anew. */
async function truthOf(client: Client, view: ViewName): Promise<Map<number, string>> {
  const fresh = new Rememberer(client, 'qresync');
  await fresh.select(view);
  return fresh.memory.get(view)?.flags ?? new Map();
}

const sorted = (flags: ReadonlyMap<number, string> | undefined) => [...(flags ?? [])].sort(([a], [b]) => a - b);

it(
  'whoever comes back knows in the end what is',
  async () => {
    await assertFor(
      fuzzMilliseconds(8_000),
      fc.asyncProperty(
        fc.array(step, { minLength: 10, maxLength: 50 }),
        fc.tuple(...[0, 1, 2].map(() => fc.constantFrom(...WAYS))),
        fc.boolean(),
        async (steps, ways, parallel) => {
          const account = await engine.account();
          const clients = await Promise.all([account.login(), account.login(), account.login(), account.login()]);
          try {
            for (const client of clients) await client.ok('ENABLE QRESYNC');
            const [fresh] = clients;
            const own = clients.slice(1).map((client, index) => new Rememberer(client, ways[index] ?? 'qresync'));
            const [first] = own;
            if (fresh === undefined || first === undefined) throw new Error('no clients');
            await perform(account, first, { kind: 'file', who: 0, month: 4 });
            const play = async (script: readonly Step[]) => {
              for (const action of script) {
                const actor = own[action.who];
                if (actor !== undefined) await perform(account, actor, action);
              }
            };
            if (parallel) await Promise.all([0, 1, 2].map(index => play(steps.filter(({ who }) => who === index))));
            else await play(steps);

            const truth = new Map<ViewName, Map<number, string>>();
            for (const view of VIEWS) truth.set(view, await truthOf(fresh, view));
            for (const actor of own) {
              // First those that are open, by what is told unasked; then all, by coming back.
              if (actor.selected !== null) {
                await actor.run('NOOP');
                expect(sorted(actor.known?.flags), `open: ${actor.selected}`).toEqual(
                  sorted(truth.get(actor.selected)),
                );
                await actor.leave('UNSELECT');
              }
              for (const view of actor.memory.keys()) {
                await actor.select(view);
                expect(sorted(actor.known?.flags), `${actor.way}: ${view}`).toEqual(sorted(truth.get(view)));
              }
            }
            // One UID is one message in every view of the tree, with the same flags.
            const [all, ...narrower] = VIEWS.filter(view => view.startsWith('Archivio')).map(view => truth.get(view));
            for (const view of narrower) for (const [uid, flags] of view ?? []) expect(all?.get(uid)).toBe(flags);
          } finally {
            for (const client of clients) client.close();
          }
        },
      ),
    );
    expect(engine.errors).toEqual([]);
  },
  fuzzMilliseconds(8_000) + 60_000,
);

it('a UID is never another message, whatever was removed', async () => {
  const account = await engine.account();
  const client = await account.login();
  await perform(account, new Rememberer(client, 'qresync'), { kind: 'file', who: 0, month: 4 });
  const seen = new Map<string, string>();
  let last = 0;
  for (let round = 0; round < 12; round++) {
    for (let index = 0; index < 3; index++) {
      await perform(account, new Rememberer(client, 'qresync'), { kind: 'file', who: 0, month: 3 + (index % 2) });
    }
    await client.ok(`SELECT ${round % 2 === 0 ? 'Archivio' : 'Archivio/2026/05'}`);
    for (const line of await client.data('UID FETCH 1:* (BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])')) {
      const [, uid = '', id = ''] = /UID (\d+) .*Message-ID: (<[^>]*>)/is.exec(line) ?? [];
      expect(seen.get(uid) ?? id).toBe(id);
      seen.set(uid, id);
    }
    const next = Number(/UIDNEXT (\d+)/.exec((await client.data('STATUS Archivio (UIDNEXT)')).join())?.[1]);
    expect(next).toBeGreaterThan(last);
    last = next;
    // The newest go first: their UIDs must not come back.
    await client.ok('UID STORE 2:* +FLAGS.SILENT (\\Deleted)');
    await client.ok('EXPUNGE');
  }
});
