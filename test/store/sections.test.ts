import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SectionContent, SectionSpec } from '../../src/store/index.ts';
import { withDatabase } from './premises.ts';
import { ARCHIVE, type Bench, base64, bench, message, noise, put } from './support.ts';

const inner = [
  'From: dentro@pec.example.it',
  'Subject: interno',
  'MIME-Version: 1.0',
  'Content-Type: multipart/mixed; boundary=i',
  '',
  '--i',
  'Content-Type: text/plain',
  '',
  'testo interno',
  '--i',
  'Content-Type: application/octet-stream',
  'Content-Transfer-Encoding: base64',
  '',
  base64(Buffer.from('allegato interno')),
  '--i--',
].join('\r\n');
const big = noise(900_000, 11);
const raw = [
  'From: fuori@pec.example.it',
  'Subject: esterno',
  'X-Trasporto: posta-certificata',
  'MIME-Version: 1.0',
  'Content-Type: multipart/mixed; boundary=o',
  '',
  '--o',
  'Content-Type: text/plain; charset=utf-8',
  'Content-Transfer-Encoding: quoted-printable',
  '',
  'perch=C3=A9',
  '--o',
  'Content-Type: message/rfc822',
  '',
  inner,
  '--o',
  'Content-Type: application/pdf',
  'Content-Transfer-Encoding: base64',
  '',
  base64(big),
  '--o--',
  '',
].join('\r\n');

let b: Bench;
let uid = 0;
let handle = '';
beforeAll(async () => {
  b = await bench();
  ({ uid, message: handle } = await put(b.account, ARCHIVE, raw));
});
afterAll(() => b.end());

async function section(spec: SectionSpec): Promise<SectionContent> {
  const [row] = await b.account.fetch(ARCHIVE, [uid], { columns: [], sections: [spec], markSeen: false });
  return row?.sections[0] ?? null;
}

async function text(spec: SectionSpec): Promise<string | null> {
  const content = await section(spec);
  if (content === null) return null;
  if (content.kind === 'bytes') return Buffer.from(content.bytes).toString();
  if (content.kind !== 'range') throw new Error(`unexpected ${content.kind}`);
  return raw.slice(content.start, content.start + content.length);
}

describe('sections', () => {
  it('are slices of the message', async () => {
    const header = raw.slice(0, raw.indexOf('\r\n\r\n') + 4);
    const innerHeader = inner.slice(0, inner.indexOf('\r\n\r\n') + 4);
    expect(await text({ part: [] })).toBe(raw);
    expect(await text({ part: [], text: 'HEADER' })).toBe(header);
    expect(await text({ part: [], text: 'TEXT' })).toBe(raw.slice(header.length));
    expect(await text({ part: [1] })).toBe('perch=C3=A9');
    expect(await text({ part: [1], text: 'MIME' })).toBe(
      'Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n',
    );
    expect(await text({ part: [2] })).toBe(inner);
    expect(await text({ part: [2], text: 'HEADER' })).toBe(innerHeader);
    expect(await text({ part: [2], text: 'TEXT' })).toBe(inner.slice(innerHeader.length));
    expect(await text({ part: [2, 1] })).toBe('testo interno');
    expect(await text({ part: [2, 2] })).toBe(base64(Buffer.from('allegato interno')));
    for (const part of [[4], [1, 1], [2, 3], [0]]) expect(await section({ part })).toBeNull();
  });

  it('are cut by partials, also beyond the end', async () => {
    expect(await text({ part: [2, 1], partial: { offset: 6, length: 4 } })).toBe('inte');
    expect(await text({ part: [2, 1], partial: { offset: 6, length: 4000 } })).toBe('interno');
    expect(await text({ part: [2, 1], partial: { offset: 600, length: 4 } })).toBe('');
    expect(
      await text({ part: [], text: 'HEADER.FIELDS', fields: ['SUBJECT'], partial: { offset: 9, length: 3 } }),
    ).toBe('est');
  });

  it('choose header fields', async () => {
    expect(await text({ part: [], text: 'HEADER.FIELDS', fields: ['subject', 'x-trasporto'] })).toBe(
      'Subject: esterno\r\nX-Trasporto: posta-certificata\r\n\r\n',
    );
    expect(await text({ part: [2], text: 'HEADER.FIELDS.NOT', fields: ['mime-version', 'content-type'] })).toBe(
      'From: dentro@pec.example.it\r\nSubject: interno\r\n\r\n',
    );
  });

  it('are the same for headers of any length', async () => {
    const one = 'From: a@pec.example.it\r\n';
    for (const length of [10, 16_000, 17_000, 300_000]) {
      const other = `X-Lungo: ${'x'.repeat(length)}\r\n piegato\r\n`;
      const filed = await put(b.account, ARCHIVE, `${one}${other}\r\ntesto ${length}`);
      const text = async (spec: SectionSpec) => {
        const request = { columns: [], sections: [spec], markSeen: false };
        const content = (await b.account.fetch(ARCHIVE, [filed.uid], request))[0]?.sections[0];
        if (content?.kind === 'bytes') return Buffer.from(content.bytes).toString();
        if (content?.kind !== 'range') throw new Error('no content');
        return Buffer.from(await b.account.read(filed.message, content.start, content.length)).toString();
      };
      expect(await text({ part: [], text: 'HEADER' })).toBe(`${one}${other}\r\n`);
      expect(await text({ part: [], text: 'HEADER.FIELDS', fields: ['FROM', 'to'] })).toBe(`${one}\r\n`);
      expect(await text({ part: [], text: 'HEADER.FIELDS.NOT', fields: ['from'] })).toBe(`${other}\r\n`);
      const partial = { offset: 6, length: 1 };
      expect(await text({ part: [], text: 'HEADER', partial })).toBe('a');
      expect(await text({ part: [], text: 'HEADER.FIELDS', fields: ['from'], partial })).toBe('a');
    }
  });

  it('are the right headers where those kept apart are damaged', async () => {
    const headers = ['uno', 'due', 'tre', 'quattro'].map(subject => `Subject: ${subject}\r\n\r\n`);
    const uids: number[] = [];
    for (const header of headers) uids.push((await put(b.account, ARCHIVE, `${header}testo`)).uid);
    const read = async () => {
      const rows = await b.account.fetch(ARCHIVE, uids, {
        columns: [],
        sections: [{ part: [], text: 'HEADER' }],
        markSeen: false,
      });
      return rows.map(({ sections: [content] }) =>
        content?.kind === 'bytes' ? Buffer.from(content.bytes).toString() : content,
      );
    };
    expect(await read()).toEqual(headers);
    // Another's octets, of the same length; then none that can be expanded.
    for (const octets of ['(SELECT octets FROM header ORDER BY message DESC LIMIT 1)', "x'00'"]) {
      await b.store.close();
      const sql = `UPDATE header SET octets = ${octets} WHERE message = (SELECT max(message) - 2 FROM header)`;
      await withDatabase(b.directory, db => db.exec(sql));
      await b.reopen();
      expect(await read()).toEqual(headers);
    }
  });

  it('are decoded for BINARY', async () => {
    expect(await text({ part: [1], binary: true })).toBe('perché');
    expect(await text({ part: [2, 2], binary: true, partial: { offset: 9, length: 7 } })).toBe('interno');
    expect(await section({ part: [3], binary: true })).toEqual({
      kind: 'decoded',
      part: [3],
      start: 0,
      length: big.length,
    });
    const pieces = [await b.account.readDecoded(handle, [3], 0, 500_000)];
    pieces.push(await b.account.readDecoded(handle, [3], 500_000, 500_000));
    expect(Buffer.compare(Buffer.concat(pieces), big)).toBe(0);
    expect(await section({ part: [3], binary: true, sizeOnly: true })).toEqual({ kind: 'size', size: big.length });
    expect(await section({ part: [9], binary: true })).toBeNull();
  });

  it('come as ranges when they are large', async () => {
    const content = await section({ part: [3] });
    expect(content).toMatchObject({ kind: 'range' });
    if (content?.kind !== 'range') return;
    const parts: Uint8Array[] = [];
    for (let at = 0; at < content.length; at += 300_000) {
      parts.push(await b.account.read(handle, content.start + at, Math.min(300_000, content.length - at)));
    }
    expect(Buffer.concat(parts).toString()).toBe(base64(big));
    expect(await section({ part: [], partial: { offset: 10, length: 500_000 } })).toEqual({
      kind: 'range',
      start: 10,
      length: 500_000,
    });
  });

  it('keep one call within bounds', async () => {
    const uids: number[] = [];
    for (let index = 0; index < 40; index++) {
      uids.push((await put(b.account, ARCHIVE, message(`g${index}`, { body: 'x'.repeat(200_000) + index }))).uid);
    }
    const rows = await b.account.fetch(ARCHIVE, uids, { columns: [], sections: [{ part: [] }], markSeen: false });
    const inline = rows.filter(row => row.sections[0]?.kind === 'bytes').length;
    expect(inline).toBeGreaterThan(10);
    expect(inline).toBeLessThan(25);
    await expect(b.account.read(handle, 0, 2_000_000)).rejects.toMatchObject({ code: 'LIMIT' });
    await expect(b.account.read('M999', 0, 1)).rejects.toMatchObject({ code: 'NONEXISTENT' });
    await expect(b.account.read('../x', 0, 1)).rejects.toMatchObject({ code: 'NONEXISTENT' });
  });
});
