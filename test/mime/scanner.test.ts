import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LIMITS } from '../../src/mime/limits.ts';
import { scanMessage } from '../../src/mime/scanner.ts';
import type { MimeNode } from '../../src/mime/types.ts';
import { message, RECEIPT } from './corpus.ts';
import { treeArbitrary, writeTree } from './generated.ts';
import { ODD } from './odd-messages.ts';
import { SANE } from './sane-messages.ts';

/** The tree in short: `mixed[plain:body,...]`; bodies of leaves as they stand. */
function outline(raw: Buffer, node: MimeNode): string {
  if (node.children.length > 0) return `${node.subtype}[${node.children.map(child => outline(raw, child)).join(',')}]`;
  return `${node.subtype}:${raw.toString('latin1', node.bodyStart, node.bodyEnd).replace(/\r?\n/g, '/')}`;
}

function outlineOf(text: string): string {
  const raw = Buffer.from(text, 'latin1');
  return outline(raw, scanMessage(raw));
}

function count(node: MimeNode): number {
  return node.children.reduce((sum, child) => sum + count(child), 1);
}

function depth(node: MimeNode): number {
  return 1 + Math.max(0, ...node.children.map(depth));
}

/** Offsets ascend, children lie inside their parent's body and do not overlap, lines are counted right. */
function checkOffsets(raw: Buffer, node: MimeNode): void {
  expect(node.headerStart).toBeLessThanOrEqual(node.bodyStart);
  expect(node.bodyStart).toBeLessThanOrEqual(node.bodyEnd);
  expect(node.bodyEnd).toBeLessThanOrEqual(raw.length);
  let lines = 0;
  for (let i = node.bodyStart; i < node.bodyEnd; i++) if (raw[i] === 0x0a) lines++;
  expect(node.bodyLines).toBe(lines);
  let from = node.bodyStart;
  for (const child of node.children) {
    expect(child.headerStart).toBeGreaterThanOrEqual(from);
    expect(child.bodyEnd).toBeLessThanOrEqual(node.bodyEnd);
    from = child.bodyEnd;
    checkOffsets(raw, child);
  }
}

describe('boundaries', () => {
  test.each([
    [
      'LF only',
      'Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b\n\ntwo\n--b--\n',
      'mixed[plain:one,plain:two]',
    ],
    [
      'CRLF and LF mixed',
      'Content-Type: multipart/mixed; boundary=b\r\n\n--b\n\r\none\r\n--b\r\n\ntwo\n--b--',
      'mixed[plain:one,plain:two]',
    ],
    [
      'a lone CR is no line break',
      'Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\r--b\n--b--\n',
      'mixed[plain:one\r--b]',
    ],
    [
      'only at the start of a line',
      'Content-Type: multipart/mixed; boundary=b\n\n--b\n\none --b\n --b\n--b--\n',
      'mixed[plain:one --b/ --b]',
    ],
    [
      'the longest open boundary wins',
      'Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: multipart/related; boundary=ab\n\n--ab\n\none\n--ab\n\ntwo\n--a\n\nthree\n--a--\n',
      'mixed[related[plain:one,plain:two],plain:three]',
    ],
    [
      'also when the shorter one is inside',
      'Content-Type: multipart/mixed; boundary=ab\n\n--ab\nContent-Type: multipart/related; boundary=a\n\n--a\n\none\n--ab\n\ntwo\n--ab--\n',
      'mixed[related[plain:one],plain:two]',
    ],
    [
      'the inner of two equal ones',
      'Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/related; boundary=b\n\n--b\n\none\n--b--\n--b\n\ntwo\n--b--\n',
      'mixed[related[plain:one],plain:two]',
    ],
    ['two dashes alone', 'Content-Type: multipart/mixed; boundary="--"\n\n----\n\n--\n------\n', 'mixed[plain:--]'],
    [
      'after the closing delimiter nothing counts',
      'Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b--\n--b\n\ntwo\n',
      'mixed[plain:one]',
    ],
    [
      'regular expression characters',
      'Content-Type: multipart/mixed; boundary=".*+(?=)"\n\n--.*+(?=)\n\none\n--.*+(?=)--\n',
      'mixed[plain:one]',
    ],
    [
      '8-bit boundary',
      'Content-Type: multipart/mixed; boundary="\xe8"\n\n--\xe8\n\none\n--\xe8--\n',
      'mixed[plain:one]',
    ],
    [
      'NULs in the body',
      'Content-Type: multipart/mixed; boundary=b\n\n--b\n\n\0one\0\n--b--\n',
      'mixed[plain:\0one\0]',
    ],
    [
      'boundary in two pieces (RFC 2231)',
      'Content-Type: multipart/mixed; boundary*0=a; boundary*1=b\n\n--ab\n\none\n--ab--\n',
      'mixed[plain:one]',
    ],
    [
      'of two Content-Types the first',
      'Content-Type: multipart/mixed; boundary=b\nContent-Type: text/html\n\n--b\n\none\n--b--\n',
      'mixed[plain:one]',
    ],
    ['no boundary', 'Content-Type: multipart/mixed\n\n--\n\none\n', 'mixed:--//one/'],
    [
      'message cut in a delimiter',
      'Content-Type: multipart/mixed; boundary=bcd\n\n--bcd\n\none\n--bc',
      'mixed[plain:one/--bc]',
    ],
    [
      'message cut after a delimiter',
      'Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b',
      'mixed[plain:one,plain:]',
    ],
    [
      'message cut in a part header',
      'Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/html',
      'mixed[html:]',
    ],
    ['message/global', 'Content-Type: message/global\n\nSubject: x\n\none\n', 'global[plain:one/]'],
    [
      'digest',
      'Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: x\n\none\n--b\nContent-Type: text/html\n\ntwo\n--b--\n',
      'digest[rfc822[plain:one],html:two]',
    ],
  ])('%s', (_name, text, expected) => {
    expect(outlineOf(text)).toBe(expected);
  });
});

describe('fields', () => {
  test('every Content field of a part, decoded', () => {
    const root = scanMessage(
      message(
        'Content-Type: Text/X-Test (c); NAME*0*=utf-8\'it\'perch%C3%A9; name*1=.txt; Charset="UTF-8"\nContent-ID: <1@x>\nContent-Description: prova\nContent-Transfer-Encoding: BASE64\nContent-MD5: abc\nContent-Disposition: Attachment; filename="a;b\\".txt"\nContent-Language: it, en\nContent-Location: http://x.example/\n\n',
      ),
    );
    expect(root).toMatchObject({
      type: 'text',
      subtype: 'x-test',
      parameters: [
        ['charset', 'UTF-8'],
        ['name', 'perché.txt'],
      ],
      id: '<1@x>',
      description: 'prova',
      encoding: 'base64',
      md5: 'abc',
      disposition: 'attachment',
      dispositionParameters: [['filename', 'a;b".txt']],
      language: ['it', 'en'],
      location: 'http://x.example/',
    });
  });

  test('what is missing has its default', () => {
    expect(scanMessage(message('Subject: x\n\nuno\ndue\n'))).toEqual({
      headerStart: 0,
      bodyStart: 14,
      bodyEnd: 24,
      bodyLines: 2,
      type: 'text',
      subtype: 'plain',
      parameters: [],
      encoding: '7bit',
      dispositionParameters: [],
      language: [],
      children: [],
    });
  });

  test('an empty message', () => {
    expect(scanMessage(Buffer.alloc(0))).toMatchObject({ headerStart: 0, bodyStart: 0, bodyEnd: 0, bodyLines: 0 });
  });
});

describe('limits', () => {
  test('depth: multiparts in multiparts', () => {
    let text = '';
    for (let i = 0; i < 1000; i++) text += `Content-Type: multipart/mixed; boundary=b${i}\n\n--b${i}\n`;
    const root = scanMessage(Buffer.from(text));
    expect(depth(root)).toBe(LIMITS.depth);
    checkOffsets(Buffer.from(text), root);
  });

  test('depth: messages in messages', () => {
    const raw = Buffer.from('Content-Type: message/rfc822\n\n'.repeat(1000));
    expect(depth(scanMessage(raw))).toBe(LIMITS.depth);
  });

  test('number of parts: what follows belongs to the last one', () => {
    const raw = Buffer.from(
      `Content-Type: multipart/mixed; boundary=b\n\n${'--b\n\nx\n'.repeat(LIMITS.parts + 500)}--b--\n`,
    );
    const root = scanMessage(raw);
    expect(count(root)).toBe(LIMITS.parts);
    expect(root.children.at(-1)?.bodyEnd).toBe(raw.length);
    checkOffsets(raw, root);
  });

  test('number of parts when the last ones are messages', () => {
    const raw = Buffer.from(
      `Content-Type: multipart/digest; boundary=b\n\n${'--b\n\nSubject: x\n\nx\n'.repeat(LIMITS.parts)}--b--\n`,
    );
    expect(count(scanMessage(raw))).toBe(LIMITS.parts);
  });

  test('parameters', () => {
    const raw = Buffer.from(`Content-Type: text/plain${'; a=b'.repeat(5000)}\n\n`);
    expect(scanMessage(raw).parameters).toHaveLength(LIMITS.parameters);
  });
});

describe('time is linear in the size, whatever the message says', () => {
  const MEGABYTES = 8;
  const fill = (line: string) => line.repeat(Math.ceil((MEGABYTES * 1_048_576) / line.length));
  const boundary = 'x'.repeat(LIMITS.boundary - 4);
  const nested = Array.from(
    { length: 90 },
    (_, i) => `Content-Type: multipart/mixed; boundary=${boundary}${i}\n\n--${boundary}${i}\n`,
  );
  test.each([
    ['lines like many open boundaries', `${nested.join('')}\n${fill(`--${boundary}\n`)}`],
    ['delimiters over and over', `Content-Type: multipart/mixed; boundary=b\n\n${fill('--b\n')}`],
    ['a header without colons', fill('xxxxxxxxxxxxxxxxxxxxx\n')],
    ['a header of one folded field', `Content-Type: text/plain;\n${fill(' a="\n')}`],
    ['a header of comments', `Content-Type: ${fill('(')}`],
    ['a header of Content-Types', fill('Content-Type: multipart/mixed; boundary=b\n')],
    ['a boundary of blanks', `Content-Type: multipart/mixed; boundary="x${' '.repeat(60_000)}y"\n\n${fill('x\n')}`],
    ['line feeds', fill('\n')],
    ['dashes', `Content-Type: multipart/mixed; boundary=${'-'.repeat(70)}\n\n${fill('-')}`],
    ['short lines of dashes', `Content-Type: multipart/mixed; boundary=b\n\n${fill('--\n')}`],
    ['empty messages in a digest', `Content-Type: multipart/digest; boundary=b\n\n${fill('--b\n\n')}`],
  ])('%s', (_name, text) => {
    const raw = Buffer.from(text);
    const root = scanMessage(raw);
    expect(root.bodyEnd).toBe(raw.length);
  });
});

describe('properties', () => {
  test('mutated messages: never throws, offsets nest and stay inside', () => {
    const samples = [...SANE, ...ODD].map(({ raw }) => raw);
    const splice = fc.record({
      at: fc.nat(5000),
      remove: fc.nat(40),
      insert: fc.constantFrom(
        '',
        '\r\n',
        '\n',
        '\r',
        '--',
        '\r\n--b1\r\n',
        '\r\n--a--\r\n',
        '\r\n\r\n',
        '"',
        '(',
        ';',
        '\0',
        '\xff',
        '=',
        'Content-Type: multipart/mixed; boundary=a\r\n',
        'Content-Type: message/rfc822\r\n\r\n',
        ' ',
        '*0*=',
        '<',
        '>',
      ),
    });
    fc.assert(
      fc.property(fc.constantFrom(...samples), fc.array(splice, { minLength: 1, maxLength: 12 }), (sample, splices) => {
        let text = sample.toString('latin1');
        for (const { at, remove, insert } of splices) {
          const position = at % (text.length + 1);
          text = text.slice(0, position) + insert + text.slice(position + remove);
        }
        const raw = Buffer.from(text, 'latin1');
        const root = scanMessage(raw);
        expect(root.headerStart).toBe(0);
        expect(root.bodyEnd).toBe(raw.length);
        checkOffsets(raw, root);
      }),
      { numRuns: 2000 },
    );
  });

  test('random bytes: never throws', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), bytes => {
        checkOffsets(Buffer.from(bytes), scanMessage(bytes));
      }),
    );
  });

  test('a written tree is found again, body for body', () => {
    fc.assert(
      fc.property(treeArbitrary, tree => {
        const { raw, expected } = writeTree(tree);
        expect(outlineOf(raw)).toBe(expected);
        // The same with LF.
        expect(outlineOf(raw.replaceAll('\r\n', '\n'))).toBe(expected);
      }),
      { numRuns: 500 },
    );
  });

  test('the samples: every offset', () => {
    for (const { raw } of [...SANE, ...ODD, { raw: RECEIPT }]) checkOffsets(raw, scanMessage(raw));
  });
});
