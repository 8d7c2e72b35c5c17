import { describe, expect, test } from 'vitest';
import { Budget } from '../../src/extract/budget.ts';
import { extractDocument } from '../../src/extract/index.ts';
import { LIMITS } from '../../src/extract/limits.ts';
import { makePdf } from './support/pdf.ts';

function read(bytes: Uint8Array, limits = {}, name = 'atto.pdf') {
  return extractDocument(bytes, { name, type: 'application/pdf' }, new Budget({ ...LIMITS, ...limits }));
}

describe('PDF', () => {
  test.each([0, 1, 2])('every page, streams deflated %i times, whatever the name', async deflated => {
    const pdf = makePdf({ pages: ['Prima (pagina)\nseconda riga', 'perch\xe9 no'], deflated });
    expect(await read(pdf, {}, 'immagine.png')).toEqual({
      text: 'Prima (pagina)\nseconda riga\nperché no',
      unreadable: [],
    });
  });

  test('title, form fields and files inside', async () => {
    const pdf = makePdf({
      pages: ['modulo'],
      title: 'Istanza di accesso',
      field: 'valore scritto',
      file: { name: 'dati.csv', bytes: Buffer.from('nome;importo\nbianchi;12,50') },
    });
    const { text, unreadable } = await read(pdf);
    expect(unreadable).toEqual([]);
    expect(text.split('\n')).toEqual(
      expect.arrayContaining(['Istanza di accesso', 'modulo', 'valore scritto', 'dati.csv', 'bianchi;12,50']),
    );
  });

  test('text before the beginning', async () => {
    const pdf = Buffer.concat([Buffer.from('@PJL ENTER LANGUAGE=PDF\r\n'), makePdf({ pages: ['dopo'] })]);
    expect((await read(pdf)).text).toBe('dopo');
  });

  test('an encrypted one says so', async () => {
    const { text, unreadable } = await read(makePdf({ pages: ['segreto'], encrypted: true }));
    expect({ text, unreadable }).toEqual({ text: '', unreadable: [{ path: 'atto.pdf', reason: 'encrypted' }] });
  });

  test('a scan says that it holds no text', async () => {
    const { unreadable } = await read(makePdf({ contents: [Buffer.from('0 0 10 10 re f')] }));
    expect(unreadable).toEqual([{ path: 'atto.pdf', reason: 'the pages hold no text, perhaps scans' }]);
  });

  test('pages and time have an end, and what was read is kept', async () => {
    const pdf = makePdf({ pages: ['una', 'due', 'tre'] });
    expect(await read(pdf, { pages: 2 })).toEqual({
      text: 'una\ndue',
      unreadable: [{ path: 'atto.pdf', reason: 'only 2 of 3 pages are searched: more than 2 pages' }],
    });
    expect((await read(pdf, { pdfMs: -1 })).unreadable).toEqual([
      { path: 'atto.pdf', reason: 'only 0 of 3 pages are searched: the time for a PDF is used up' },
    ]);
  });

  test('what is none says so', async () => {
    const { unreadable } = await read(Buffer.from('%PDF-1.4\nnulla'));
    expect(unreadable).toEqual([{ path: 'atto.pdf', reason: expect.stringMatching(/^cannot be read: /) }]);
  });

  test('a broken cross-reference table is made anew', async () => {
    const pdf = Buffer.from(
      makePdf({ pages: ['salvato'] })
        .toString('latin1')
        .replace(/startxref\n\d+/, 'startxref\n7'),
      'latin1',
    );
    expect((await read(pdf)).text).toBe('salvato');
  });
});
