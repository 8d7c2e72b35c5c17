import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { decodeLines, encodeLines, encodeLinesInto } from '../../src/store/ingest/base64.ts';

/** Lines of lengths with and without a loop, and of those that attachments have. */
const LINES = [4, 8, 60, 64, 72, 76, 80, 84, 1000, 8192];
/** Around whole groups, whole vectors and whole blocks. */
const SIZES = [...Array(70).keys(), 114, 115, 116, 12_289, 49_151, 49_152, 49_153, 98_306];

describe('base64 lines', () => {
  it('are those of Buffer, cut', () => {
    for (const line of LINES) {
      for (const crlf of [true, false]) {
        for (const size of SIZES) {
          const content = randomBytes(size);
          const lineBreak = crlf ? '\r\n' : '\n';
          const plain = (content.toString('base64').match(new RegExp(`.{1,${line}}`, 'g')) ?? []).join(lineBreak);
          const shape = { line, crlf };
          const what = `${size} octets in lines of ${line}`;
          expect(Buffer.from(encodeLines(content, shape, false)).toString('latin1') === plain, what).toBe(true);
          if (size === 0) continue;
          const closed = Buffer.from(encodeLines(content, shape, true)).toString('latin1');
          expect(closed === plain + lineBreak, what).toBe(true);
        }
      }
    }
  });

  it('have every character where it belongs', () => {
    const content = Buffer.from(Array.from({ length: 768 }, (_, index) => (index * 7) & 0xff));
    const shape = { line: 76, crlf: true };
    const text = Buffer.from(encodeLines(content, shape, true)).toString('latin1');
    expect(new Set(text.replaceAll(/[\r\n]/g, '')).size).toBe(64);
    expect(decodeLines(Buffer.from(text))?.content).toEqual(content);
  });

  it('touch nothing around them', () => {
    const out = Buffer.alloc(200, '.');
    encodeLinesInto(
      Buffer.from('una prova di sessanta ottetti, piu o meno, in due righe intere'),
      { line: 64, crlf: true },
      false,
      out,
      50,
    );
    expect(out.subarray(0, 50).toString()).toBe('.'.repeat(50));
    expect(out.subarray(50 + 64 + 2 + 20).toString()).toBe('.'.repeat(64));
  });
});
