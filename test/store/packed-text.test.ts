import Database from 'better-sqlite3-multiple-ciphers';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { headersHolding, holding, packText, textOf } from '../../src/store/database/packed-text.ts';
import { SCHEMA } from '../../src/store/database/schema.ts';
import { fold, type TextColumn, type TextColumns } from '../../src/store/search/fold.ts';

const COLUMNS: readonly TextColumn[] = ['subject', 'sender', 'recipient', 'cc', 'bcc', 'header', 'body'];
const words = fc
  .array(fc.constantFrom('a', 'b', 'à', 'ß', '😀', ' ', '\n', '\0', '東京'), { maxLength: 6 })
  .map(found => fold(found.join('')));
/** Some are too long to be expanded together with others. */
const text: fc.Arbitrary<TextColumns> = fc
  .record({
    subject: words,
    sender: words,
    recipient: words,
    cc: words,
    bcc: words,
    header: words,
    body: words,
    long: fc.constantFrom(0, 0, 0, 1),
  })
  .map(({ long, ...columns }) => ({ ...columns, body: columns.body + 'ab '.repeat(long * 8_000) }));

const db = new Database(':memory:');
const rows = { sql: <Row>(source: string) => db.prepare<unknown[], Row>(source) };

beforeAll(() => {
  db.exec(SCHEMA);
  db.pragma('foreign_keys = OFF');
});
afterAll(() => {
  db.close();
});

it('finds in many texts together what a scan of each column finds', () => {
  fc.assert(
    fc.property(
      fc.array(text, { maxLength: 8 }),
      words,
      fc.subarray([...COLUMNS], { minLength: 1 }),
      (texts, needle, columns) => {
        db.exec('DELETE FROM text');
        const insert = db.prepare('INSERT INTO text (message, indexed, octets, packed) VALUES (?, 1, ?, ?)');
        for (const [index, columnsOfOne] of texts.entries()) {
          const { octets, packed } = packText(columnsOfOne);
          insert.run(index + 1, octets, packed);
          expect(textOf(rows, index + 1)).toEqual(columnsOfOne);
        }
        const ids = texts.map((_, index) => index + 1);
        const holders = ids.filter(id => columns.some(column => texts[id - 1]?.[column].includes(needle)));
        expect(holding(rows, ids, columns, needle).sort((a, b) => a - b)).toEqual(holders);
        expect(headersHolding(rows, ids, needle).sort((a, b) => a.message - b.message)).toEqual(
          ids
            .map(id => ({ message: id, header: texts[id - 1]?.header ?? '' }))
            .filter(({ header }) => header.includes(needle)),
        );
      },
    ),
    { numRuns: 200 },
  );
});
