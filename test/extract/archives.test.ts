import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Budget } from '../../src/extract/budget.ts';
import { extractDocument } from '../../src/extract/index.ts';
import { LIMITS, type Limits } from '../../src/extract/limits.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../support/temp.ts';
import { makeMail } from './support/mail.ts';
import { makePdf } from './support/pdf.ts';
import { Signer } from './support/signed.ts';
import { makeDocx, makeZip, markEncrypted } from './support/zip.ts';

function read(bytes: Uint8Array, name: string, limits: Partial<Limits> = {}) {
  return extractDocument(bytes, { name, type: '' }, new Budget({ ...LIMITS, ...limits }));
}

let directory: TemporaryDirectory;
let signer: Signer;
beforeAll(async () => {
  directory = await temporaryDirectory('extract');
  signer = new Signer(directory.path);
});
afterAll(() => directory.remove());

const PDF = makePdf({ pages: ['ricorso per decreto'] });

describe('ZIP', () => {
  test('members of every kind, archives in archives, and all their names', async () => {
    const inner = await makeZip({ 'à/relazione.docx': await makeDocx('dentro dentro'), 'vuota/': '' });
    const zip = await makeZip({
      'atti/ricorso.pdf': PDF,
      'altro.zip': inner,
      'foto.png': '\x89PNG',
      '__MACOSX/._x': 'y',
    });
    const { text, unreadable } = await read(zip, 'pratica.zip');
    expect(unreadable).toEqual([]);
    for (const part of ['atti/ricorso.pdf', 'ricorso per decreto', 'à/relazione.docx', 'dentro dentro', 'foto.png']) {
      expect(text).toContain(part);
    }
    expect(text).not.toContain('MACOSX');
  });

  test('messages in it, with their attachments', async () => {
    const mail = makeMail([{ name: 'ricorso.pdf', type: 'application/octet-stream', bytes: PDF }], 'corpo è qui');
    const { text, unreadable } = await read(await makeZip({ 'm.eml': mail }), 'a.zip');
    expect(unreadable).toEqual([]);
    for (const part of ['Subject: Atti', 'corpo è qui', 'ricorso.pdf', 'ricorso per decreto'])
      expect(text).toContain(part);
  });

  test('encrypted and damaged members cost only themselves', async () => {
    const zip = await makeZip({ 'a.txt': 'primo '.repeat(100), 'b.txt': 'secondo '.repeat(100), 'c.txt': 'terzo' });
    const broken = Buffer.from(zip);
    broken.fill(0xff, broken.indexOf('b.txt') + 5, broken.indexOf('b.txt') + 12);
    const { text, unreadable } = await read(broken, 'x.zip');
    expect(text).toMatch(/primo[\s\S]*terzo/);
    expect(text).not.toContain('secondo');
    expect(unreadable).toEqual([{ path: 'x.zip/b.txt', reason: expect.stringMatching(/^cannot be read/) }]);
    const encrypted = await read(markEncrypted(zip), 'x.zip');
    expect(encrypted.text).toBe('a.txt\nb.txt\nc.txt');
    expect(encrypted.unreadable.map(({ path, reason }) => `${path}: ${reason}`)).toEqual(
      ['a', 'b', 'c'].map(name => `x.zip/${name}.txt: encrypted`),
    );
  });

  test('names that would lead out of the archive are but text', async () => {
    const zip = Buffer.from(
      (await makeZip({ 'aaaaaaaaaaaaa.txt': 'letto' })).toString('latin1').replaceAll('aaaaaaaaaaaaa', '../../../etc/'),
      'latin1',
    );
    const { text } = await read(zip, 'x.zip');
    expect(text).toBe('../../../etc/.txt\nletto');
  });

  test('a flat bomb: the sum of all that is inflated has an end', async () => {
    const zero = Buffer.alloc(3_000_000, 0x20);
    const zip = await makeZip({ 'prima.txt': 'trovato', '1.txt': zero, '2.txt': zero, '3.txt': zero });
    const { text, unreadable } = await read(zip, 'b.zip', { inflated: 4_000_000 });
    expect(text).toContain('trovato');
    expect(unreadable).toEqual([
      { path: 'b.zip/2.txt', reason: 'more than 4000000 octets inflated from one message' },
      { path: 'b.zip/3.txt', reason: 'more than 4000000 octets inflated from one message' },
    ]);
  });

  test('a nested bomb: depth and documents have an end', async () => {
    let zip = await makeZip({ 'fondo.txt': 'mai' });
    for (let level = 0; level < 12; level++) zip = await makeZip({ 'z.zip': zip, 't.txt': `livello${level}` });
    const { text, unreadable } = await read(zip, 'b.zip');
    expect(text).toContain('livello11');
    expect(text).not.toContain('mai');
    expect(unreadable.at(-1)?.reason).toBe('nested too deeply');
    const many = await makeZip(Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`${i}.txt`, `n${i}!`])));
    const cut = await read(many, 'm.zip', { documents: 11 });
    expect(cut.text).toContain('n9!');
    expect(cut.text).not.toContain('n10!');
    expect(cut.unreadable).toHaveLength(20);
  });

  test('text has an end, told once', async () => {
    const zip = await makeZip({ 'a.txt': 'a'.repeat(60), 'b.txt': 'b'.repeat(60), 'c.txt': 'c' });
    const { text, unreadable } = await read(zip, 'x.zip', { text: 100 });
    expect(text.replaceAll('\n', '').length).toBeLessThanOrEqual(100);
    expect(unreadable).toEqual([{ path: 'x.zip/b.txt', reason: 'text beyond 100 characters is not searched' }]);
  });
});

describe('p7m', () => {
  const forms = (): [string, Buffer][] => [
    ['DER', signer.sign(PDF, 'DER')],
    ['streamed BER', signer.sign(PDF, 'DER', ['-nodetach', '-stream', '-indef'])],
    ['PEM', signer.sign(PDF, 'PEM')],
    ['bare base64', Buffer.from(signer.sign(PDF, 'DER').toString('base64'))],
    ['base64 in lines', Buffer.from(`\r\n${signer.sign(PDF, 'DER').toString('base64').replace(/.{64}/g, '$&\r\n')}`)],
    ['base64 of BER', Buffer.from(signer.sign(PDF, 'DER', ['-nodetach', '-stream', '-indef']).toString('base64'))],
  ];

  test('in every form: the content and who signed', async () => {
    for (const [form, p7m] of forms()) {
      for (const name of ['ricorso.pdf.p7m', 'senza.dat']) {
        const { text, unreadable } = await read(p7m, name);
        expect.soft(unreadable, form).toEqual([]);
        expect.soft(text, form).toContain('ricorso per decreto');
        expect.soft(text, form).toContain('Ordine di Esempio Anna Esempio TINIT-SMPNNA80A41H501X');
      }
    }
  });

  test('base64 of any length', async () => {
    for (const [length, start] of [
      [100, 'MII'],
      [100_000, 'MIM'],
      [17_000_000, 'MIQ'],
    ] as const) {
      const base64 = signer.sign(Buffer.alloc(length, 'parola '), 'DER').toString('base64');
      expect(base64.slice(0, 3)).toMatch(new RegExp(`^${start.slice(0, 2)}[${start[2]}-T]`));
      expect((await read(Buffer.from(base64), 'a.txt.p7m')).text).toMatch(/parola parola/);
    }
  });

  test('a streamed one is really of indefinite length', () => {
    expect(signer.sign(PDF, 'DER', ['-nodetach', '-stream', '-indef'])[1]).toBe(0x80);
  });

  test('nested, in archives, around archives', async () => {
    const twice = signer.sign(signer.sign(PDF, 'PEM'), 'DER');
    const zip = await makeZip({ 'atto.pdf.p7m.p7m': twice });
    const { text, unreadable } = await read(signer.sign(zip, 'DER'), 'tutto.zip.p7m');
    expect(unreadable).toEqual([]);
    expect(text).toContain('atto.pdf.p7m.p7m');
    expect(text).toContain('ricorso per decreto');
  });

  test('the name inside tells what plain octets are', async () => {
    const xml = '<a b="valore">testo</a>';
    expect((await read(signer.sign(Buffer.from(xml), 'DER'), 'fattura.xml.p7m')).text).toMatch(/valore\ntesto$/);
  });

  test('a signed MIME entity', async () => {
    const mail = makeMail([{ name: 'ricorso.pdf', type: 'application/pdf', bytes: PDF }]);
    expect((await read(signer.sign(mail, 'DER'), 'smime.p7m')).text).toContain('ricorso per decreto');
  });

  test('detached: nothing to read, and no fault', async () => {
    const detached = signer.sign(PDF, 'DER', []);
    expect(await read(detached, 'firma.p7m')).toEqual({
      text: expect.stringContaining('Anna Esempio'),
      unreadable: [],
    });
    expect(await read(detached, 'smime.p7s')).toEqual({ text: '', unreadable: [] });
  });

  test('encrypted or cut off: told', async () => {
    expect((await read(signer.encrypt(PDF), 'x.p7m')).unreadable).toEqual([{ path: 'x.p7m', reason: 'encrypted' }]);
    const cut = signer.sign(PDF, 'DER').subarray(0, 400);
    expect((await read(cut, 'x.p7m')).unreadable[0]?.reason).toBe(
      'the signature envelope is damaged: element runs past its end',
    );
  });

  test('a time-stamped document (.tsd)', async () => {
    const octets = Buffer.concat([Buffer.from([0x04, 0x82, PDF.length >> 8, PDF.length & 0xff]), PDF]);
    const wrap = (tag: number, content: Buffer) =>
      Buffer.concat([Buffer.from([tag, 0x82, content.length >> 8, content.length & 0xff]), content]);
    const oid = Buffer.from('060b2a864886f70d010910011f', 'hex');
    const tsd = wrap(
      0x30,
      Buffer.concat([oid, wrap(0xa0, wrap(0x30, Buffer.concat([Buffer.from([2, 1, 1]), octets])))]),
    );
    expect(await read(tsd, 'atto.pdf.tsd')).toEqual({ text: 'ricorso per decreto', unreadable: [] });
  });

  test('a hundred thousand pieces of one octet', async () => {
    const pieces = Buffer.concat(Array.from({ length: 100_000 }, () => Buffer.from([4, 1, 0x61])));
    const start = Buffer.from(
      '3080 0609 2a864886f70d010702 a080 3080 020101 3100 3080 0609 2a864886f70d010701 a080 2480'.replaceAll(' ', ''),
      'hex',
    );
    const end = Buffer.concat([Buffer.alloc(6), Buffer.from([0x31, 0]), Buffer.alloc(6)]);
    const { text } = await read(Buffer.concat([start, pieces, end]), 'a.txt.p7m');
    expect(text).toBe('a'.repeat(100_000));
  });
});
