import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createExtractor, type Extractor, type ExtractorOptions } from '../../src/extract/index.ts';
import { scanMessage } from '../../src/mime/index.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../support/temp.ts';
import { type Attached, makeMail } from './support/mail.ts';
import { makePdf } from './support/pdf.ts';
import { makeZip } from './support/zip.ts';

let directory: TemporaryDirectory;
const open: Extractor[] = [];
beforeEach(async () => {
  directory = await temporaryDirectory('extract');
});
afterEach(async () => {
  await Promise.all(open.splice(0).map(extractor => extractor.close()));
  await directory.remove();
});

function extractor(options?: ExtractorOptions): Extractor {
  const made = createExtractor(options);
  open.push(made);
  return made;
}

function plain(name: string, text: string): Attached {
  return { name, type: 'application/octet-stream', bytes: Buffer.from(text) };
}

/** A page that takes a reader minutes: text operators without end, a few kilobytes as they come. */
function stuckPdf(): Buffer {
  return makePdf({ contents: [Buffer.from(`BT /F1 9 Tf ${'(a) Tj '.repeat(6_000_000)} ET`)], deflated: 2 });
}

/** Some kilobytes that inflate to two gigabytes in one stream. */
function bombPdf(): Buffer {
  return makePdf({ contents: [Buffer.alloc(512 * 1024 * 1024, ' ')], deflated: 2 });
}

test('attachments, each where it stands; octets and a file give the same', async () => {
  const raw = makeMail([
    plain('a.txt', 'primo'),
    { name: 'b.pdf', type: 'application/pdf', bytes: makePdf({ pages: ['secondo'] }) },
    { name: 'x.eml', type: 'message/rfc822', bytes: makeMail([plain('c.bin', '\0\x01')]) },
    { name: null, type: 'image/png', bytes: Buffer.from('\x89PNG', 'latin1') },
  ]);
  const file = join(directory.path, 'm.eml');
  writeFileSync(file, raw);
  const pool = extractor();
  const expected = {
    text: 'primo\nsecondo',
    unreadable: [{ section: '4.2', path: 'c.bin', reason: 'no text is read from .bin' }],
    sections: ['2', '3', '4.2', '5'],
  };
  expect(await pool.extract({ path: file })).toEqual(expected);
  expect(await pool.extract(raw, scanMessage(raw))).toEqual(expected);
  expect(readFileSync(file).equals(raw)).toBe(true);
});

test('messages wait for their turn, and the pool serves on', async () => {
  const pool = extractor({ processLimits: { processes: 2, messages: 3 } });
  const texts = await Promise.all(
    Array.from({ length: 12 }, (_, i) => pool.extract(makeMail([plain('a.txt', `numero ${i}`)]))),
  );
  expect(texts.map(({ text }) => text)).toEqual(Array.from({ length: 12 }, (_, i) => `numero ${i}`));
});

describe('a reader that does not come back costs only its document', () => {
  test('stuck in a PDF', async () => {
    const pool = extractor({ processLimits: { stuckMs: 700, residentMiB: 4096 } });
    const raw = makeMail([
      plain('a.txt', 'prima'),
      { name: 'b.pdf', type: 'application/pdf', bytes: stuckPdf() },
      plain('c.txt', 'dopo'),
    ]);
    const { text, unreadable, sections } = await pool.extract(raw);
    expect(text).toBe('prima\ndopo');
    expect(unreadable).toEqual([{ section: '3', path: 'b.pdf', reason: 'took too long' }]);
    expect(sections).toEqual(['2', '3', '4']);
    expect((await pool.extract(makeMail([plain('d.txt', 'ancora')]))).text).toBe('ancora');
  });

  test('inside a ZIP, its neighbours are read all the same', async () => {
    const pool = extractor({ processLimits: { stuckMs: 700, residentMiB: 4096 } });
    const zip = await makeZip({ 'a.txt': 'prima', 'b.pdf': stuckPdf(), 'c.txt': 'dopo' });
    const { text, unreadable } = await pool.extract(
      makeMail([{ name: 'z.zip', type: 'application/zip', bytes: zip }, plain('d.txt', 'fuori')]),
    );
    expect(text).toMatch(/prima\ndopo\nfuori$/);
    expect(unreadable).toEqual([{ section: '2', path: 'z.zip/b.pdf', reason: 'took too long' }]);
  });

  test('memory outside the heap', async () => {
    const pool = extractor({ processLimits: { residentMiB: 400 } });
    const { text, unreadable } = await pool.extract(
      makeMail([{ name: 'b.pdf', type: 'application/pdf', bytes: bombPdf() }, plain('c.txt', 'dopo')]),
    );
    expect(text).toBe('dopo');
    expect(unreadable).toEqual([{ section: '2', path: 'b.pdf', reason: 'needed too much memory' }]);
  });

  test('memory of the heap', async () => {
    const pool = extractor({ processLimits: { heapMiB: 48 } });
    const html = `<html>${'<p>è €'.repeat(2_000_000)}`;
    const { text, unreadable } = await pool.extract(makeMail([plain('b.html', html), plain('c.txt', 'dopo')]));
    expect(text).toBe('dopo');
    expect(unreadable).toEqual([{ section: '2', path: 'b.html', reason: 'needed too much memory' }]);
  });

  test('after a few such documents the rest is given up, and what was read is kept', async () => {
    const pool = extractor({ processLimits: { stuckMs: 300, residentMiB: 4096, restarts: 1 } });
    const stuck = (name: string): Attached => ({ name, type: 'application/pdf', bytes: stuckPdf() });
    const raw = makeMail([plain('a.txt', 'prima'), stuck('b.pdf'), stuck('c.pdf'), plain('d.txt', 'mai')]);
    const { text, unreadable } = await pool.extract(raw);
    expect(text).toBe('prima');
    expect(unreadable).toEqual([
      { section: '3', path: 'b.pdf', reason: 'took too long' },
      { section: '4', path: '', reason: 'took too long; the rest of the message was not read' },
    ]);
  });
});

test('limits hold for the message as a whole', async () => {
  const pool = extractor({ limits: { text: 50, messageMs: 60_000 } });
  const { text, unreadable } = await pool.extract(
    makeMail([plain('a.txt', 'a'.repeat(40)), plain('b.txt', 'b'.repeat(40)), plain('c.txt', 'c')]),
  );
  expect(text).toBe(`${'a'.repeat(40)}\n${'b'.repeat(10)}`);
  const reason = 'text beyond 50 characters is not searched';
  expect(unreadable).toEqual([
    { section: '3', path: 'b.txt', reason },
    { section: '4', path: 'c.txt', reason },
  ]);
});

/** Ids of the processes that this one has started. */
function children(): string[] {
  return readdirSync('/proc/self/task')
    .flatMap(thread => readFileSync(`/proc/self/task/${thread}/children`, 'utf8').split(' '))
    .filter(id => id !== '');
}

test('signals to the whole group, as when the server is stopped, are no fault of a document', async () => {
  const before = new Set(children());
  const pool = extractor();
  await pool.extract(makeMail([plain('a.txt', 'prima')]));
  const started = children().filter(id => !before.has(id));
  expect(started).toHaveLength(1);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.kill(Number(started[0]), signal);
  expect((await pool.extract(makeMail([plain('a.txt', 'dopo')]))).text).toBe('dopo');
  expect(children().filter(id => !before.has(id))).toEqual(started);
});

test('a file that is not there is an error, and so is a closed extractor', async () => {
  const pool = extractor();
  await expect(pool.extract({ path: join(directory.path, 'nessuno') })).rejects.toThrow('ENOENT');
  const late = pool.extract(makeMail([{ name: 'b.pdf', type: 'application/pdf', bytes: stuckPdf() }]));
  const settled = expect(late).rejects.toThrow('closed');
  await pool.close();
  await settled;
  await expect(pool.extract(Buffer.from('x'))).rejects.toThrow('closed');
});
