import Database from 'better-sqlite3-multiple-ciphers';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AccountContext } from '../../src/store/database/context.ts';
import { SCHEMA } from '../../src/store/database/schema.ts';
import { fold, NO_TEXT, type TextColumn, type TextColumns } from '../../src/store/search/fold.ts';
import { MAYBE, YES } from '../../src/store/words/candidates.ts';
import { COLUMNS, type DocumentWords, documentWords } from '../../src/store/words/document.ts';
import { wrongIndex } from '../../src/store/words/examine.ts';
import { bodyGram, gramsWithin, headerGram, isGram } from '../../src/store/words/grams.ts';
import { match } from '../../src/store/words/match.ts';
import { mergeDue, mergeIndex } from '../../src/store/words/merging.ts';
import { patternsOf } from '../../src/store/words/pattern.ts';
import { type Arrival, insertWords } from '../../src/store/words/writing.ts';
import { assertFor, fuzzMilliseconds } from '../support/fuzz.ts';

const FUZZ_MS = fuzzMilliseconds(4_000);

type Premises = Pick<AccountContext, 'sql' | 'write'>;

let db: Database.Database;
let context: Premises;

beforeEach(() => {
  db = new Database(':memory:');
  db.exec(SCHEMA);
  db.pragma('foreign_keys = OFF');
  context = {
    sql: <Row>(source: string) => db.prepare<unknown[], Row>(source),
    write: work => work(undefined as never),
  };
});
afterEach(() => db.close());

/** Few characters, so that much is alike: words, separators, a space and what makes words long. */
const piece = fc.constantFrom(
  'a',
  'b',
  'ab',
  ' ',
  ' ',
  '  ',
  '.',
  '@',
  '\n',
  ', ',
  '0',
  '_',
  '\uffff',
  '\uffff0',
  '東',
  '😀',
  'è',
  '\u0301',
  '\ud83d',
  'abcdefghij'.repeat(5),
  '😀'.repeat(40),
  '-'.repeat(70),
  'ba'.repeat(70),
);
const text = fc.array(piece, { maxLength: 12 }).map(pieces => fold(pieces.join('')));
const columns: fc.Arbitrary<TextColumns> = fc.record({
  subject: text,
  sender: text,
  recipient: text,
  cc: text,
  bcc: text,
  header: text,
  body: text,
});

function wordsOf(text: TextColumns): DocumentWords {
  const words = documentWords(text);
  if (words === null) throw new Error('too long');
  return words;
}

function put(arrivals: readonly Arrival[]): void {
  for (const [message] of arrivals) {
    db.prepare(
      `INSERT OR IGNORE INTO message (id, sha256, size, internal_date, filed_at, category, kind_category, from_self, thread,
         direction, source, stored_at, recipe) VALUES (?, ?, 0, 0, 0, '', '', 0, '', '', '', 0, '')`,
    ).run(message, String(message));
  }
  insertWords(context, arrivals);
}

function all(slices: Generator<void>): void {
  while (!slices.next().done);
}

/** What the index says of a needle, anywhere or in a column. */
function found(needle: string, column: TextColumn | null, last: number) {
  const { any, exact } = patternsOf(needle);
  const marks = new Uint8Array(last + 1);
  all(match(context, { patterns: any, columns: column && { first: column, last: column }, signs: [] }, marks));
  const having = (what: number): number[] => [...marks.keys()].filter(message => marks[message] === what);
  return { sure: exact ? having(YES) : [], maybe: exact ? having(MAYBE) : [...having(YES), ...having(MAYBE)] };
}

/** The same by pieces of the needle. */
function signed(needle: string, last: number) {
  const marks = new Uint8Array(last + 1);
  const names = (gram: string): string[] => [bodyGram(gram), headerGram(gram)];
  const signs = gramsWithin(needle).map(names);
  const { any } = patternsOf(needle);
  if (isGram(needle)) {
    const patterns = names(needle).map(name => [{ text: name, how: 'exact', bits: 0 }] as const);
    all(match(context, { patterns, columns: null, signs: [] }, marks));
  } else all(match(context, { patterns: any, columns: null, signs }, marks));
  return [...marks.keys()].filter(message => marks[message] !== 0);
}

/** Substrings of whole characters, from all over the texts. */
function needlesOf(texts: readonly string[]): fc.Arbitrary<string> {
  return fc
    .tuple(fc.constantFrom(...texts), fc.nat(), fc.nat({ max: 50 }))
    .map(([of, from, length]) => {
      const characters = [...of];
      const start = characters.length === 0 ? 0 : from % characters.length;
      return characters.slice(start, start + 1 + length).join('');
    })
    .filter(needle => needle !== '');
}

describe('the index of words', () => {
  it(
    'holds what a plain scan finds, however its runs are put together',
    async () => {
      const cases = fc.array(columns, { minLength: 1, maxLength: 30 }).chain(texts =>
        fc.record({
          texts: fc.constant(texts),
          batches: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }),
          merges: fc.array(fc.record({ quiet: fc.boolean(), octets: fc.integer({ min: 1, max: 2000 }) }), {
            minLength: 1,
          }),
          needles: fc.array(
            fc.tuple(
              needlesOf(texts.flatMap(of => COLUMNS.map(column => of[column]))),
              fc.constantFrom<TextColumn | null>(null, ...COLUMNS),
            ),
            { minLength: 1, maxLength: 25 },
          ),
        }),
      );
      await assertFor(
        FUZZ_MS,
        fc.asyncProperty(cases, async ({ texts, batches, merges, needles }) => {
          db.exec('DELETE FROM word_run; DELETE FROM word_block; DELETE FROM message');
          const all = texts.map((of, index): Arrival => [index + 1, wordsOf(of)]);
          for (let turn = 0; all.length > 0; turn++) {
            put(all.splice(0, batches[turn % batches.length]));
            const merge = merges[turn % merges.length];
            if (merge?.quiet) mergeIndex(context, merge.octets);
            else mergeDue(context, merge?.octets);
          }
          expect(wrongIndex(db, 10)).toEqual([]);
          for (const [needle, column] of needles) {
            const holding = (names: readonly TextColumn[]): number[] =>
              texts.flatMap((of, index) => (names.some(name => of[name].includes(needle)) ? [index + 1] : []));
            // A single space has no places: text.ts asks of it without them.
            if (needle !== ' ') {
              const naive = holding(column === null ? COLUMNS : [column]);
              const { sure, maybe } = found(needle, column, texts.length);
              expect([needle, column, naive]).toEqual([needle, column, expect.arrayContaining(sure)]);
              const either = [...sure, ...maybe].sort((a, b) => a - b);
              expect([needle, column, either]).toEqual([needle, column, expect.arrayContaining(naive)]);
            }
            const inWhole = holding(['header', 'body']);
            const bySigns = signed(needle, texts.length);
            expect([needle, bySigns]).toEqual([needle, expect.arrayContaining(inWhole)]);
            if (isGram(needle)) expect([needle, bySigns]).toEqual([needle, inWhole]);
          }
        }),
      );
    },
    FUZZ_MS + 60_000,
  );

  it('has a document more for what is read later of a message', () => {
    put([[1, wordsOf({ ...NO_TEXT, body: 'prima parte' })]]);
    put([[1, wordsOf({ ...NO_TEXT, body: 'seconda' })]]);
    for (const needle of ['prima parte', 'econd']) {
      const { sure, maybe } = found(needle, 'body', 1);
      expect([...sure, ...maybe]).toEqual([1]);
    }
  });

  it('tells what is wrong with it', () => {
    put([
      [1, wordsOf({ ...NO_TEXT, body: 'una' })],
      [2, wordsOf({ ...NO_TEXT, body: 'due' })],
    ]);
    db.exec("INSERT INTO text (message, indexed, octets, packed) SELECT id, 1, 0, '' FROM message");
    expect(wrongIndex(db, 10)).toEqual([]);
    db.exec("INSERT INTO text (message, indexed, octets, packed) VALUES (3, 1, 0, '')");
    expect(wrongIndex(db, 10)).toEqual(['message 3 is not in the index']);
    db.exec('DELETE FROM text WHERE message = 3');
    const run = db.prepare<[], number>('SELECT id FROM word_run').pluck().get();
    put([[3, wordsOf({ ...NO_TEXT, body: 'due' })]]);
    const others = db.prepare<[], Buffer>('SELECT messages FROM word_run ORDER BY id DESC').pluck().get();
    db.prepare('UPDATE word_run SET messages = ? WHERE id = ?').run(others, run);
    expect(wrongIndex(db, 10)).toContainEqual(expect.stringContaining('is in a document that is not there'));
    db.exec('DELETE FROM word_block');
    expect(wrongIndex(db, 1)).toEqual([`the index's run ${run}, block 0: is not there`]);
  });

  it('leaves out a text with too many different tokens', () => {
    const numbers = Array.from({ length: 60_000 }, (_, index) => index);
    expect(documentWords({ ...NO_TEXT, body: numbers.join(' ') })).toBeNull();
  });

  it('loses what was removed when runs are put together, and goes on from each step', () => {
    for (let message = 1; message <= 40; message++) {
      put([[message, wordsOf({ ...NO_TEXT, body: `parola${message} comune ${'xyz '.repeat(message)}` })]]);
    }
    db.exec('DELETE FROM message WHERE id % 2 = 0');
    let steps = 0;
    while (mergeIndex(context, 100)) steps += 1;
    expect(steps).toBeGreaterThan(10);
    expect(wrongIndex(db, 10)).toEqual([]);
    expect(found('comune', null, 40).sure).toEqual(Array.from({ length: 20 }, (_, index) => 2 * index + 1));
    expect(found('parola2 ', null, 40)).toEqual({ sure: [], maybe: [] });
    const left = db.prepare<[], number>('SELECT count(*) FROM word_run').pluck().get();
    expect(left).toBeLessThan(7);
  });
});
