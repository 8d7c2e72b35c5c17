import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Budget } from '../../src/extract/budget.ts';
import { extractDocument } from '../../src/extract/index.ts';
import { LIMITS } from '../../src/extract/limits.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../support/temp.ts';
import { makeMail } from './support/mail.ts';
import { makePdf } from './support/pdf.ts';
import { Signer } from './support/signed.ts';
import { makeDocx, makeOdf, makePptx, makeXlsx, makeZip } from './support/zip.ts';

const SEEDS: Record<string, Buffer> = {};
const KINDS = [
  'a.pdf',
  'a.docx',
  'a.xlsx',
  'a.pptx',
  'a.odt',
  'a.rtf',
  'a.xml',
  'a.html',
  'a.zip',
  'a.p7m',
  'a.b64.p7m',
  'a.eml',
];
let directory: TemporaryDirectory;

beforeAll(async () => {
  directory = await temporaryDirectory('extract');
  const signer = new Signer(directory.path);
  const pdf = makePdf({
    pages: ['una', 'due'],
    deflated: 1,
    title: 't',
    field: 'f',
    file: { name: 'x.txt', bytes: Buffer.from('x') },
  });
  Object.assign(SEEDS, {
    'a.pdf': pdf,
    'a.docx': await makeDocx('testo'),
    'a.xlsx': await makeXlsx(),
    'a.pptx': await makePptx(),
    'a.odt': await makeOdf('text', '<text:p>a<text:s/>b</text:p>'),
    'a.rtf': Buffer.from(
      String.raw`{\rtf1\ansicpg1252{\fonttbl{\f1\fcharset204 A;}}\f1 a\'e9\u8364?{\pict\bin3 abc}\par{\*\x y}}`,
    ),
    'a.xml': Buffer.from(
      '<?xml version="1.0" encoding="utf-8"?><a b="c&amp;d">e<Attachment>JVBERi0xLjQK</Attachment><![CDATA[f]]></a>',
    ),
    'a.html': Buffer.from('<!doctype html><meta charset=utf-8><p title="x">a &egrave;<script>b</script><img alt=c>'),
    'a.zip': await makeZip({ 'a.pdf': pdf, 'b.zip': await makeZip({ 'c.txt': 'testo' }) }),
    'a.p7m': signer.sign(pdf, 'DER', ['-nodetach', '-stream', '-indef']),
    'a.b64.p7m': signer.sign(pdf, 'PEM'),
    'a.eml': makeMail([{ name: 'a.pdf', type: 'application/pdf', bytes: pdf }]),
  });
});
afterAll(() => directory.remove());

/** Small, so that a mutation which finds a way around one of them is seen. */
const SMALL = { ...LIMITS, text: 5000, documents: 50, inflated: 200_000, notes: 20 };

const change = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  octets: fc.uint8Array({ minLength: 0, maxLength: 8 }),
  kind: fc.constantFrom('overwrite', 'insert', 'delete', 'repeat', 'cut'),
});

function mutate(seed: Buffer, changes: readonly { at: number; octets: Uint8Array; kind: string }[]): Buffer {
  let bytes = seed;
  for (const { at, octets, kind } of changes) {
    const place = Math.floor(at * bytes.length);
    const [before, after] = [bytes.subarray(0, place), bytes.subarray(place)];
    if (kind === 'overwrite') bytes = Buffer.concat([before, octets, after.subarray(octets.length)]);
    else if (kind === 'insert') bytes = Buffer.concat([before, octets, after]);
    else if (kind === 'delete') bytes = Buffer.concat([before, after.subarray(octets.length * 4)]);
    else if (kind === 'repeat') bytes = Buffer.concat([before, after.subarray(0, 200), after]);
    else bytes = Buffer.from(before);
  }
  return bytes;
}

describe('mutations never throw and stay within the budget', () => {
  test.each(KINDS)('%s', async kind => {
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 6 }), fc.boolean(), async (changes, named) => {
        const bytes = mutate(SEEDS[kind] ?? Buffer.alloc(0), changes);
        const budget = new Budget(SMALL);
        const { text, unreadable } = await extractDocument(bytes, { name: named ? kind : null, type: '' }, budget);
        expect(text.replaceAll('\n', '').length).toBeLessThanOrEqual(SMALL.text);
        expect(unreadable.length).toBeLessThanOrEqual(SMALL.notes);
        for (const { reason } of unreadable) expect(reason.length).toBeLessThan(300);
        expect(budget.left.documents).toBeGreaterThanOrEqual(0);
      }),
      { numRuns: 150 },
    );
  });

  test('octets at random under any name', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 300 }),
        fc.constantFrom(...KINDS, 'a.txt', ''),
        async (bytes, name) => {
          const { text } = await extractDocument(bytes, { name, type: '' }, new Budget(SMALL));
          expect(text.length).toBeLessThanOrEqual(SMALL.text);
        },
      ),
    );
  });

  test('the seeds themselves are read without a fault', async () => {
    for (const kind of KINDS) {
      const { text, unreadable } = await extractDocument(
        SEEDS[kind] ?? Buffer.alloc(0),
        { name: kind, type: '' },
        undefined,
      );
      expect.soft(text, kind).not.toBe('');
      if (kind !== 'a.xml') expect.soft(unreadable, kind).toEqual([]);
    }
  });
});
