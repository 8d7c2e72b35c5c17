import fc from 'fast-check';
import { expect, it } from 'vitest';
import { mayBeHelped, searchHelp } from '../../src/imap/relay/search-help.ts';
import { membership } from '../../src/imap/sets.ts';
import { Parser } from '../../src/imap/wire/parser.ts';
import type { IncomingCommand } from '../../src/imap/wire/reader.ts';
import type { AccountStore } from '../../src/store/types.ts';

const FOLDER = { folder: 'INBOX', uidValidity: 7 };

function command(line: string): IncomingCommand {
  const [, tag = '', name = ''] = /^(\S+) ((?:UID )?\S+)/.exec(line) ?? [];
  return { tag, name, segments: [{ kind: 'text', octets: Buffer.from(line, 'latin1'), binary: false }], literal: null };
}

/** A store that knows some UIDs, and which of them hold what. */
function knowing(known: readonly number[], hits: Readonly<Record<string, readonly number[]>>) {
  return {
    knownUpstreamUids: async () => Uint32Array.from(known),
    searchUpstream: async (_folder: unknown, texts: readonly { needle: string }[]) =>
      texts.map(({ needle }) => (needle.length < 3 ? null : Uint32Array.from(hits[needle] ?? []))),
  } satisfies Partial<AccountStore> as Partial<AccountStore> as AccountStore;
}

async function helped(line: string, known: readonly number[], hits: Readonly<Record<string, readonly number[]>>) {
  const help = await searchHelp(knowing(known, hits), FOLDER, command(line), false);
  return help === null
    ? null
    : { checks: help.checks, line: help.command.segments.map(({ octets }) => octets.toString('latin1')).join('') };
}

it('asks the upstream only for what is beyond the archive', async () => {
  expect(
    await helped('a UID SEARCH UNSEEN TEXT "uno" NOT BODY due', [1, 2, 3, 5, 9], { uno: [2, 3, 5], due: [] }),
  ).toEqual({
    checks: ['SEARCH UID 1:9 NOT UID 1:3,5,9'],
    line: 'a UID SEARCH UNSEEN (OR UID 2:5 (UID 10:* TEXT "uno")) NOT (UID 10:* BODY due)',
  });
});

it('asks the upstream for what is older than the archive, too', async () => {
  expect((await helped('a SEARCH TEXT uno', [40, 41], { uno: [41] }))?.line).toBe(
    'a SEARCH (OR UID 41 (UID 1:39,42:* TEXT uno))',
  );
});

it.each([
  ['no text', 'a SEARCH SUBJECT TEXT'],
  ['nonsense', 'a SEARCH TEXT uno ('],
  ['a charset of another kind', 'a SEARCH CHARSET KOI8-R TEXT uno'],
  ['FUZZY', 'a SEARCH FUZZY TEXT uno'],
  ['a text too short for the index', 'a SEARCH TEXT un'],
])('leaves alone: %s', async (_, line) => {
  expect(await helped(line, [1, 2], { uno: [1] })).toBeNull();
});

it('leaves alone a folder of which nothing is known', async () => {
  expect(await helped('a SEARCH TEXT uno', [], { uno: [] })).toBeNull();
});

it('looks at searches by text only', () => {
  expect(mayBeHelped(command('a UID SEARCH 1:* TEXT x'))).toBe(true);
  expect(mayBeHelped(command('a UID SEARCH UNSEEN'))).toBe(false);
  expect(mayBeHelped(command('a UID FETCH 1 BODY TEXT'))).toBe(false);
});

it('names in a set all hits and no other known message, and checks every known message, in lines that are not long', async () => {
  const folder = fc.uniqueArray(fc.integer({ min: 1, max: 30_000 }), { minLength: 1, maxLength: 4_000 });
  await fc.assert(
    fc.asyncProperty(folder, fc.nat({ max: 40 }), async (uids, modulus) => {
      const known = uids.toSorted((a, b) => a - b);
      const hits = known.filter(uid => uid % 41 > modulus);
      const help = await helped('a SEARCH TEXT uno', known, { uno: hits });
      if (help === null) return;
      const set = /^a SEARCH \(OR UID (\S+) \(/.exec(help.line)?.[1];
      const named = set === undefined ? () => false : membership(parsed(set), 0);
      expect(known.filter(named)).toEqual(hits);
      let next = known[0];
      for (const check of help.checks) {
        expect(check.length).toBeLessThan(8_000);
        const [, from, to, not = ''] = /^SEARCH UID (\d+):(\d+) NOT UID (\S+)$/.exec(check) ?? [];
        expect(Number(from)).toBe(next);
        const within = known.filter(uid => uid >= Number(from) && uid <= Number(to));
        expect(within.filter(membership(parsed(not), 0))).toEqual(within);
        next = Number(to) + 1;
      }
      expect(next).toBe((known.at(-1) ?? 0) + 1);
    }),
    { numRuns: 60 },
  );
});

function parsed(set: string) {
  const found = new Parser([{ kind: 'text', octets: Buffer.from(set), binary: false }], 0).sequenceSet();
  if (found === '$') throw new Error('not numbers');
  return found;
}
