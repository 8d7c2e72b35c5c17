/** Messages from files into the real store: each byte for byte, once, with what its place tells about it. */
import { createWriteStream } from 'node:fs';
import { mkdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ZipFile } from 'yazl';
import { importFiles } from '../../src/import/import-files.ts';
import type { ImportOptions } from '../../src/import/options.ts';
import { openSources } from '../../src/import/sources.ts';
import type { Reading } from '../../src/import/types.ts';
import { ARCHIVE, type Bench, bench, INTAKE, message, readAll } from '../store/support.ts';

let stage: Bench;
const defaults: ImportOptions & Reading = {
  quoting: 'mboxrd',
  keepLineEnds: false,
  since: null,
  before: null,
  conserve: false,
  dryRun: false,
  progress: () => {},
};
beforeAll(async () => {
  stage = await bench();
});
afterAll(() => stage.end());

const place = (name: string): string => join(stage.directory, name);

async function bringIn(path: string, options: Partial<ImportOptions & Reading> = {}) {
  const wanted = { ...defaults, ...options };
  return importFiles(stage.account, await openSources(path, wanted), wanted);
}

/** The archive's message with that subject. */
async function archived(subject: string) {
  const uids = await stage.account.search(ARCHIVE, { op: 'header', field: 'subject', needle: subject });
  expect([...uids]).toHaveLength(1);
  const request = { columns: ['size', 'flags', 'internalDate'], sections: [], markSeen: false } as const;
  const [row] = await stage.account.fetch(ARCHIVE, [...uids], request);
  if (row === undefined) throw new Error(subject);
  return { ...row, raw: (await readAll(stage.account, row.message, row.size)).toString('latin1') };
}

const body = ['Perch\xe9', '', 'From qui in poi', '>From citato', '>>From citato due volte', 'fine', '', ''];
/** As an mboxrd writer with Unix line ends does it. */
function mbox(raws: readonly string[], quote: (line: string) => string): Buffer {
  const records = raws.map(raw => {
    const lines = raw.replaceAll('\r\n', '\n').split('\n').map(quote).join('\n');
    return `From studio@pec.example.it Tue Nov  3 10:20:30 2026\n${lines}\n`;
  });
  return Buffer.from(records.join(''), 'latin1');
}
const rd = (line: string): string => line.replace(/^(>*From )/, '>$1');

describe('an mbox', () => {
  it('gives back what was put in: quoted lines, empty lines, CRLF; a second time nothing', async () => {
    const raws = ['uno', 'due', 'tre'].map(id => message(`mbox-${id}`, { body: body.join('\r\n') }));
    const big = message('mbox-grande', { body: `${'From me 10:20 2026\r\n\r\n'.repeat(60_000)}x\r\n` });
    await writeFile(place('posta.mbox'), mbox([...raws, big], rd));
    expect(await bringIn(place('posta.mbox'))).toMatchObject({ messages: 4, imported: 4, known: 0, failed: 0 });
    for (const [index, id] of ['uno', 'due', 'tre'].entries()) {
      expect((await archived(`messaggio mbox-${id}`)).raw).toBe(raws[index]);
    }
    expect((await archived('messaggio mbox-grande')).raw === big).toBe(true);
    expect(await bringIn(place('posta.mbox'))).toMatchObject({ messages: 4, imported: 0, known: 4 });
  });

  it('of the older kind loses no mark that its text had', async () => {
    const raw = message('mboxo', { body: body.filter(line => line !== '>From citato').join('\r\n') });
    await writeFile(
      place('vecchia.mbox'),
      mbox([raw], line => line.replace(/^From /, '>From ')),
    );
    await bringIn(place('vecchia.mbox'), { quoting: 'mboxo' });
    expect((await archived('messaggio mboxo')).raw).toBe(raw);
  });

  it('with CRLF, without marks, and with its bytes kept', async () => {
    const raw = message('mbox-crlf', { body: 'uno\r\n>From due\r\nFrom tre\r\n' });
    const bare = message('mbox-lf', { body: 'riga\r\n' }).replaceAll('\r\n', '\n');
    const separator = 'From - Tue Nov 03 10:20:30 2026';
    await writeFile(place('crlf.mbox'), `${separator}\r\n${raw}\r\n`, 'latin1');
    await writeFile(place('lf.mbox'), `${separator}\n${bare}\n`, 'latin1');
    await bringIn(place('crlf.mbox'), { quoting: 'none' });
    await bringIn(place('lf.mbox'), { keepLineEnds: true });
    expect((await archived('messaggio mbox-crlf')).raw).toBe(raw);
    expect((await archived('messaggio mbox-lf')).raw).toBe(bare);
  });
});

it('a directory: .eml at any depth, a Maildir with its flags and times, a ZIP; damaged ones are named, others go on', async () => {
  const root = place('cartella');
  for (const name of ['sotto', 'Maildir/cur', 'Maildir/new', 'Maildir/tmp', 'Maildir/.Inviata/cur']) {
    await mkdir(join(root, name), { recursive: true });
  }
  await mkdir(join(root, 'Maildir/.Inviata/new'));
  await mkdir(join(root, 'Maildir/.Inviata/tmp'));
  await writeFile(join(root, 'sotto/atto.EML'), message('eml'));
  await writeFile(join(root, 'appunti.txt'), 'non è posta');
  const flagged = join(root, 'Maildir/cur/1.a:2,FS');
  await writeFile(
    flagged,
    message('maildir')
      .replace(/^Date: .*\r\n/m, '')
      .replaceAll('\r\n', '\n'),
  );
  const delivered = new Date('2025-03-04T05:06:07Z');
  await utimes(flagged, delivered, delivered);
  await writeFile(join(root, 'Maildir/tmp/1.b'), message('mai consegnato'));
  await writeFile(join(root, 'Maildir/.Inviata/cur/1.c:2,'), message('sottocartella'));
  const zip = new ZipFile();
  zip.addBuffer(Buffer.from(message('zip')), 'dentro/uno.eml');
  zip.addBuffer(Buffer.from('altro'), 'leggimi.txt');
  zip.end();
  await pipeline(zip.outputStream, createWriteStream(join(root, 'posta.zip')));
  await writeFile(join(root, 'rotto.zip'), 'PK\x03\x04 e poi niente');

  expect(await bringIn(root, { dryRun: true })).toMatchObject({ imported: 4, failed: 1 });
  const outcome = await bringIn(root);
  expect(outcome).toMatchObject({ messages: 4, imported: 4, failed: 1 });
  expect(outcome.failures[0]?.place).toMatch(/rotto\.zip$/);
  const found = await archived('messaggio maildir');
  expect(found.raw).toContain('\r\n\r\n');
  expect(found.flags).toContain('\\Flagged');
  expect(found.internalDate).toBe(delivered.getTime());
  await archived('messaggio eml');
  await archived('messaggio zip');
  await archived('messaggio sottocartella');
});

it('a ZIP that is larger inside than any mail is given up', async () => {
  const zip = new ZipFile();
  const zeros = Buffer.alloc(15_000_000);
  for (const name of ['uno.eml', 'due.eml']) zip.addBuffer(zeros, name);
  zip.end();
  await pipeline(zip.outputStream, createWriteStream(place('bomba.zip')));
  const outcome = await bringIn(place('bomba.zip'), { dryRun: true });
  expect(outcome.failures.at(-1)?.reason).toMatch(/inflates to more than 200 times its size/);
});

it('only the days that are asked for, and into the queue for conservation', async () => {
  await mkdir(place('giorni'));
  for (const day of ['01', '02', '03']) {
    const date = `${day} Nov 2026 12:00:00 +0000`;
    await writeFile(place(`giorni/${day}.eml`), message(`giorno-${day}`, { date }));
  }
  const days = { since: Date.parse('2026-11-02T00:00:00Z'), before: Date.parse('2026-11-03T00:00:00Z') };
  expect(await bringIn(place('giorni'), days)).toMatchObject({ messages: 3, imported: 1, leftOut: 2 });
  await archived('messaggio giorno-02');
  expect(await bringIn(place('giorni'), { conserve: true })).toMatchObject({ imported: 2, known: 1 });
  expect(await stage.account.queued(10)).toHaveLength(3);
  expect((await stage.account.status([INTAKE]))[0]?.messages).toBe(2);
});
