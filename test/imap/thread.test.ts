import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { formatThreads } from '../../src/imap/commands/thread.ts';
import { listThreads, type Threaded, type ThreadNode } from '../../src/store/thread/forest.ts';
import { byOrderedSubject } from '../../src/store/thread/ordered-subject.ts';
import { byReferences, byRefs } from '../../src/store/thread/references.ts';
import { startTwins } from './support/dovecot-twin.ts';
import { Engine } from './support/engine.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await Engine.start();
});
afterEach(() => expect(engine.errors).toEqual([]));
afterAll(() => engine.stop());

interface Sample {
  readonly id?: string;
  readonly references?: readonly string[];
  readonly inReplyTo?: string;
  readonly subject?: string;
  /** Minutes after a fixed moment. */
  readonly minute?: number;
}

const START = Date.UTC(2026, 5, 1, 8);

function mail({ id, references, inReplyTo, subject, minute }: Sample): string {
  const field = (name: string, value: string | undefined) => (value === undefined ? [] : [`${name}: ${value}`]);
  return [
    'From: a@x.example',
    ...field('Subject', subject),
    ...field('Message-ID', id && `<${id}@x>`),
    ...field('References', references?.map(one => `<${one}@x>`).join(' ')),
    ...field('In-Reply-To', inReplyTo && `<${inReplyTo}@x>`),
    ...field('Date', minute === undefined ? undefined : new Date(START + minute * 60_000).toUTCString()),
    '',
    'testo',
    '',
  ].join('\r\n');
}

async function threads(samples: readonly Sample[]) {
  const account = await engine.account();
  const client = await account.login();
  for (const [index, sample] of samples.entries()) {
    await account.deliver('INBOX', mail(sample), [], START + index * 60_000);
  }
  await client.ok('SELECT INBOX');
  return { client, of: async (what: string) => (await client.data(`THREAD ${what}`))[0] };
}

describe('THREAD', () => {
  it('REFERENCES: chains, forks, missing parents, one subject', async () => {
    const { of } = await threads([
      { id: 'a', subject: 'uno', minute: 1 },
      { id: 'b', references: ['a'], subject: 'Re: uno', minute: 2 },
      { id: 'c', references: ['a', 'b'], subject: 'Re: uno', minute: 3 },
      { id: 'd', inReplyTo: 'a', subject: 'Re: uno', minute: 4 },
      { id: 'e', references: ['gone'], subject: 'due', minute: 5 },
      { id: 'f', references: ['gone'], subject: 'due', minute: 6 },
      { id: 'g', subject: 'Re: uno', minute: 7 },
      { subject: '', minute: 8 },
      { subject: '', minute: 9 },
    ]);
    expect(await of('REFERENCES UTF-8 ALL')).toBe('* THREAD (1 (2 3)(4)(7))((5)(6))(8)(9)');
    expect(await of('REFS UTF-8 ALL')).toBe('* THREAD (1 (2 3)(4))((5)(6))(7)(8)(9)');
    expect(await of('ORDEREDSUBJECT UTF-8 ALL')).toBe('* THREAD (1 (2)(3)(4)(7))(5 6)(8 9)');
    expect(await of('REFERENCES UTF-8 NOT 2')).toBe('* THREAD (1 (3)(4)(7))((5)(6))(8)(9)');
    expect(await of('REFERENCES UTF-8 SUBJECT nulla')).toBe('* THREAD');
  });

  it('tells UIDs, and refuses what it does not know', async () => {
    const { client } = await threads([{ id: 'a' }, { id: 'b' }, { id: 'c', references: ['b'] }]);
    await client.ok('STORE 1 +FLAGS.SILENT (\\Deleted)');
    await client.ok('EXPUNGE');
    expect(await client.data('UID THREAD REFERENCES UTF-8 ALL')).toEqual(['* THREAD (2 3)']);
    expect(await client.data('THREAD REFS UTF-8 ALL')).toEqual(['* THREAD (1 2)']);
    expect(await client.answer('THREAD BYCOLOUR UTF-8 ALL')).toMatch(/^BAD /);
    expect(await client.answer('THREAD REFS ALL')).toMatch(/^BAD /);
    expect(await client.answer('THREAD REFS KOI8-R ALL')).toMatch(/^NO \[BADCHARSET/);
  });

  it('does not tell of a message before its EXISTS', async () => {
    const account = await engine.account();
    const [client, other] = [await account.login(), await account.login()];
    await account.deliver('INBOX', mail({ id: 'a' }));
    await client.ok('SELECT INBOX');
    await other.ok('NOOP');
    await account.deliver('INBOX', mail({ id: 'b', references: ['a'] }));
    expect((await client.data('THREAD REFERENCES UTF-8 ALL'))[0]).toBe('* THREAD (1)');
    expect((await client.data('THREAD REFERENCES UTF-8 ALL'))[0]).toBe('* THREAD (1 2)');
  });
});

describe('THREAD and Dovecot', () => {
  it('agree on conversations with gaps', async () => {
    for (const seed of [1, 2, 3]) {
      // Threads of the same instant come in no order from Dovecot's REFS.
      const refs = seed === 3;
      const samples = conversations(seed).map((sample, index) =>
        refs ? { ...sample, minute: (sample.minute ?? 0) * 200 + index } : sample,
      );
      const twins = await startTwins(
        engine,
        samples.map((sample, index) => ({ raw: mail(sample), internalDate: START + ((index * 37) % 101) * 60_000 })),
      );
      try {
        for (const algorithm of ['REFERENCES', 'ORDEREDSUBJECT', ...(refs ? ['REFS'] : [])]) {
          const { ours, dovecots } = await twins.both(`UID THREAD ${algorithm} UTF-8 ALL`);
          expect(ours, `${algorithm}, seed ${seed}`).toEqual(dovecots);
        }
      } finally {
        await twins.close();
      }
    }
  });
});

/** Conversations as mail has them: each message refers to a true chain, of which any messages may be missing. */
function conversations(seed: number): Sample[] {
  const picks = fc.sample(fc.array(fc.nat(1000), { minLength: 5, maxLength: 5 }), { numRuns: 150, seed });
  const chains: string[][] = [];
  const samples: Sample[] = [];
  for (const [index, [what = 0, parent = 0, subject = 0, minute = 0, missing = 0] = []] of picks.entries()) {
    const chain = what % 3 === 0 || chains.length === 0 ? [] : (chains[parent % chains.length] ?? []);
    const id = `m${index}`;
    chains.push([...chain, id]);
    if (missing % 4 === 0) continue;
    samples.push({
      id,
      references: chain.length > 0 ? chain : undefined,
      subject: `${['', 'Re: ', 'Fwd: '][subject % 3]}${['uno', 'due', 'tre', '', `solo ${index}`][subject % 5]}`,
      minute: minute % 50,
    });
  }
  return samples;
}

const threaded = fc
  .array(
    fc.record({
      id: fc.option(fc.integer({ min: 0, max: 12 }).map(String)),
      references: fc.array(fc.integer({ min: 0, max: 15 }).map(String), { maxLength: 5 }),
      subject: fc.constantFrom('', 'A', 'B'),
      isReply: fc.boolean(),
      sentAt: fc.integer({ min: 0, max: 5 }),
    }),
    { maxLength: 30 },
  )
  .map(list => list.map((one, index): Threaded => ({ ...one, uid: index + 1 })));

describe('threading', () => {
  const algorithms: [string, (messages: readonly Threaded[]) => ThreadNode[]][] = [
    ['REFERENCES', byReferences],
    ['REFS', byRefs],
    ['ORDEREDSUBJECT', byOrderedSubject],
  ];

  it.each(algorithms)('%s has every message once, and a response that can be read', (_name, algorithm) => {
    fc.assert(
      fc.property(threaded, messages => {
        const { uids, depths } = listThreads(algorithm(messages));
        const told = [...uids].filter(uid => uid !== 0);
        expect(told.sort((a, b) => a - b)).toEqual(messages.map(message => message.uid));
        expect(readThreads(formatThreads({ uids, depths }, uid => uid))).toEqual(
          [...uids].map((uid, i) => [uid, depths[i]]),
        );
        // Only at the top may a message be missing, and then at least two hang on it.
        for (const [index, uid] of uids.entries()) {
          if (uid !== 0) continue;
          expect(depths[index]).toBe(0);
          expect(depths[index + 1]).toBe(1);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('takes long chains in any order, and loops', () => {
    const count = 20_000;
    const message = (uid: number, id: string, references: string[]): Threaded => ({
      uid,
      id,
      references,
      sentAt: uid,
      subject: '',
      isReply: false,
    });
    const chain = Array.from({ length: count }, (_, index) => message(index + 1, `${index}`, [`${index - 1}`]));
    expect(Math.max(...listThreads(byReferences(chain)).depths)).toBe(count - 1);
    const backwards = chain.map((one, index) => message(one.uid, `${count - index}`, [`${count - index - 1}`]));
    expect(Math.max(...listThreads(byReferences(backwards)).depths)).toBe(count - 1);
    const loop = [message(1, 'a', ['b']), message(2, 'b', ['a']), message(3, 'c', ['c'])];
    expect(listThreads(byReferences(loop)).uids).toHaveLength(3);
  });
});

/** UIDs and depths of a response, by the grammar of RFC 5256; 0 for a thread that begins with a parenthesis. */
function readThreads(text: string): [number, number][] {
  const found: [number, number][] = [];
  const bases: number[] = [];
  let depth = 0;
  for (const [token] of text.matchAll(/[()]|\d+/g)) {
    if (token === '(') {
      if (bases.length > 0 && /^\(*$/.test(text.slice(0, 1)) && depth === bases.at(-1) && bases.length === 1) {
        found.push([0, 0]);
        depth = 1;
      }
      bases.push(depth);
    } else if (token === ')') depth = bases.pop() ?? 0;
    else found.push([Number(token), depth++]);
  }
  return found;
}
