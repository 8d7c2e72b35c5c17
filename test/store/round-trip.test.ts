import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeLines, encodeLines } from '../../src/store/ingest/base64.ts';
import { ARCHIVE, type Bench, base64, bench, message, noise, put, readAll, withAttachment } from './support.ts';

let b: Bench;
beforeAll(async () => {
  b = await bench();
});
afterAll(() => b.end());

function nested(depth: number): string {
  let text = message('in fondo');
  for (let level = 0; level < depth; level++) {
    text = `Subject: ${level}\r\nMIME-Version: 1.0\r\nContent-Type: message/rfc822\r\n\r\n${text}`;
  }
  return text;
}

const random = noise(2_000_000, 7);
const hostile: Record<string, Buffer> = {
  empty: Buffer.alloc(0),
  'one octet': Buffer.from('x'),
  'line feeds only': Buffer.from('\n'.repeat(5000)),
  'no header': Buffer.from('\r\nsolo testo'),
  'no final line break': Buffer.from(message('nl').trimEnd()),
  'bare line feeds': Buffer.from(message('lf').replaceAll('\r\n', '\n')),
  'bare carriage returns': Buffer.from(message('cr').replaceAll('\r\n', '\r')),
  NULs: Buffer.from(message('nul', { body: 'prima\0dopo\0\0', subject: 'a\0b' })),
  '8-bit header': Buffer.from(message('8bit', { subject: 'perch\xe9' }), 'latin1'),
  'random octets': random,
  'one line of 3 MB': Buffer.concat([Buffer.from('Subject: x\r\n\r\n'), Buffer.alloc(3_000_000, 'a')]),
  'a header of 5 MB': Buffer.from(`Subject: x\r\n${'X-Riempitivo: y\r\n'.repeat(300_000)}\r\ncorpo`),
  '10,000 parts': Buffer.from(
    `Content-Type: multipart/mixed; boundary=z\r\n\r\n${'--z\r\nContent-Type: text/plain\r\n\r\nx\r\n'.repeat(10_000)}--z--\r\n`,
  ),
  'depth of 1,000': Buffer.from(nested(1000)),
  'boundary inside a boundary': Buffer.from(
    'Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\nContent-Type: multipart/mixed; boundary=ab\r\n\r\n--ab\r\n\r\nx\r\n--a\r\n\r\n--ab--\r\n--a--',
  ),
  'wrong Content-Length': Buffer.from(message('len', { extra: 'Content-Length: 99999999' })),
  'base64 of 76': Buffer.from(withAttachment('76', base64(random.subarray(0, 300_000)))),
  'base64 of 64, line feeds': Buffer.from(withAttachment('64', base64(random.subarray(0, 100_001), 64, '\n'), '\n')),
  'base64 over several pieces': Buffer.from(withAttachment('big', base64(random))),
  'base64 as one line': Buffer.from(withAttachment('one', base64(random.subarray(0, 3001), 100_000))),
  'base64 as one long line': Buffer.from(withAttachment('long', base64(random.subarray(0, 60_000), 1_000_000))),
  'base64 with uneven lines': Buffer.from(
    withAttachment('odd', `${base64(random.subarray(0, 3000))}\r\n${base64(random.subarray(0, 5000), 60)}`),
  ),
  'base64 with mixed line breaks': Buffer.from(
    withAttachment('mix', base64(random.subarray(0, 9000)).replace('\r\n', '\n')),
  ),
  'base64 with rubbish': Buffer.from(withAttachment('rub', base64(random.subarray(0, 9000)).replace(/A/g, '*'))),
  'base64 with loose padding': Buffer.from(
    withAttachment('pad', `${base64(random.subarray(0, 2998)).slice(0, -4)}QQ=x`),
  ),
  'base64 followed by blank lines': Buffer.from(
    withAttachment('blank', `${base64(random.subarray(0, 5000))}\r\n\r\n\n\n`),
  ),
  'base64 that is not canonical': Buffer.from(withAttachment('can', `${`${'QUJD'.repeat(19)}\r\n`.repeat(80)}QR==`)),
};

describe('octets out equal octets in', () => {
  for (const [name, raw] of Object.entries(hostile)) {
    it(name, async () => {
      const filed = await put(b.account, ARCHIVE, raw);
      expect(filed.sha256).toBe(createHash('sha256').update(raw).digest('hex'));
      const read = await readAll(b.account, filed.message, raw.length);
      expect(read.equals(raw)).toBe(true);
      const [row] = await b.account.fetch(ARCHIVE, [filed.uid], {
        columns: ['envelope', 'bodyStructure', 'body'],
        sections: [{ part: [] }],
        markSeen: false,
      });
      expect(row?.size).toBe(raw.length);
      expect(row?.envelope).toMatch(/^\(/);
      expect(row?.bodyStructure).toMatch(/^\(/);
    });
  }

  it('survives closing and opening', async () => {
    const raw = Buffer.from(withAttachment('riapri', base64(random)));
    const filed = await put(b.account, ARCHIVE, raw);
    await b.reopen();
    expect((await readAll(b.account, filed.message, raw.length, 999_983)).equals(raw)).toBe(true);
  });

  it('reads any range of a message without the rest', async () => {
    const raw = Buffer.from(withAttachment('intervalli', base64(random)));
    const filed = await put(b.account, ARCHIVE, raw);
    await fc.assert(
      fc.asyncProperty(fc.nat(raw.length + 10), fc.nat(5000), async (start, length) => {
        const read = await b.account.read(filed.message, start, length);
        expect(Buffer.compare(read, raw.subarray(start, start + length))).toBe(0);
      }),
      { numRuns: 100 },
    );
  });

  it('takes any octets', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 3000 }), async raw => {
        const filed = await put(b.account, ARCHIVE, raw);
        expect(Buffer.compare(await readAll(b.account, filed.message, raw.length), raw)).toBe(0);
      }),
      { numRuns: 60 },
    );
  });
});

describe('base64 lines', () => {
  it('decode only where encoding gives the same octets', () => {
    const text = fc.tuple(
      fc.uint8Array({ minLength: 1, maxLength: 2000 }),
      fc.constantFrom(4, 60, 64, 72, 76, 77, 998),
      fc.constantFrom('\r\n', '\n', '\r'),
      fc.constantFrom('', '\r\n', '\n', '=', ' '),
    );
    fc.assert(
      fc.property(text, ([content, line, eol, tail]) => {
        const body = Buffer.from(base64(content, line, eol) + tail);
        const decoded = decodeLines(body);
        if (!decoded) return;
        const again = encodeLines(decoded.content, decoded.shape, false);
        expect(Buffer.compare(again, body.subarray(0, decoded.covered))).toBe(0);
      }),
    );
  });

  it('are recognised in the usual forms', () => {
    for (const [line, eol] of [
      [76, '\r\n'],
      [72, '\n'],
      [64, '\r\n'],
    ] as const) {
      const content = noise(10_000, line);
      expect(decodeLines(Buffer.from(base64(content, line, eol)))?.content).toEqual(content);
    }
  });
});

describe('pieces', () => {
  it('are stored once, however lines were cut', async () => {
    const d = await bench();
    try {
      const content = noise(1_500_000, 99);
      const size = async (): Promise<number> => {
        const segments = join(d.account.directory, 'segments');
        const sizes = (await readdir(segments)).map(async name => (await stat(join(segments, name))).size);
        return (await Promise.all(sizes)).reduce((sum, each) => sum + each, 0);
      };
      await put(d.account, ARCHIVE, withAttachment('primo', base64(content)));
      const once = await size();
      expect(once).toBeLessThan(1_520_000);
      await put(d.account, ARCHIVE, withAttachment('secondo', base64(content)));
      await put(d.account, ARCHIVE, withAttachment('terzo', base64(content, 64, '\n'), '\n'));
      expect((await size()) - once).toBeLessThan(10_000);
    } finally {
      await d.end();
    }
  });
});

describe('segments', () => {
  it('show nothing of what they hold', async () => {
    const d = await bench();
    try {
      await put(d.account, ARCHIVE, message('segretissimo', { body: 'testo segretissimo '.repeat(400) }));
      await d.account.setSetting('nota', 'segretissimo');
      const spool = await d.account.spool();
      await spool.write(Buffer.from(message('segretissimo', { body: 'testo segretissimo '.repeat(20_000) })));
      const [waiting] = await readdir(join(d.account.directory, 'spool'));
      expect((await readFile(join(d.account.directory, 'spool', waiting ?? ''))).length).toBe(spool.size);
      expect((await readFile(join(d.account.directory, 'spool', waiting ?? ''))).includes('segretissimo')).toBe(false);
      await spool.discard();
      await d.store.close();
      for (const name of ['segments/00000001.seg', 'account.db']) {
        const file = await readFile(join(d.account.directory, name));
        expect(file.length).toBeGreaterThan(500);
        expect(file.includes('segretissimo')).toBe(false);
        expect(file.includes('SQLite format')).toBe(false);
      }
    } finally {
      await d.end();
    }
  });
});
