import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BareNewlineError, DotStuffer } from '../../src/smtp/dot-stuffing.ts';
import { HeaderReader, normalizeAddress } from '../../src/smtp/header.ts';
import { parseReply } from '../../src/smtp/reply.ts';
import * as texts from '../../src/smtp/texts.ts';

const cut = (bytes: Buffer, sizes: readonly number[]): Buffer[] => {
  const chunks: Buffer[] = [];
  let start = 0;
  for (const size of sizes) {
    chunks.push(bytes.subarray(start, start + size));
    start += size;
  }
  return [...chunks, bytes.subarray(start)];
};

describe('dot stuffing', () => {
  const line = fc
    .array(fc.constantFrom('.', 'a', '..', '\0', 'é'), { maxLength: 5 })
    .map(parts => `${parts.join('')}\r\n`);

  it('doubles the first dot of each line and nothing else, wherever the chunks are cut', () => {
    fc.assert(
      fc.property(fc.array(line), fc.array(fc.nat({ max: 4 })), (lines, sizes) => {
        const stuffer = new DotStuffer();
        const encoded = cut(Buffer.from(lines.join('')), sizes).map(chunk => stuffer.encode(chunk));
        const expected = lines.map(text => (text.startsWith('.') ? `.${text}` : text)).join('');
        expect(Buffer.concat(encoded).toString()).toBe(expected);
        expect(stuffer.atLineStart).toBe(true);
      }),
    );
  });

  it('stops at a CR or LF on its own, wherever the chunks are cut', () => {
    const text = fc
      .array(fc.constantFrom('\r', '\n', '.', 'a', '\r\n'), { maxLength: 12 })
      .map(parts => parts.join(''));
    fc.assert(
      fc.property(text, fc.array(fc.nat({ max: 3 })), (body, sizes) => {
        const stuffer = new DotStuffer();
        const encode = () => cut(Buffer.from(`${body}\r\n`), sizes).forEach(chunk => void stuffer.encode(chunk));
        if (/\r(?!\n)|(?<!\r)\n/.test(`${body}\r\n`)) expect(encode).toThrow(BareNewlineError);
        else expect(encode).not.toThrow();
      }),
    );
  });
});

describe('header', () => {
  it('ends at the first empty line, wherever the chunks are cut', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 5 })), sizes => {
        const reader = new HeaderReader();
        const raw = Buffer.from('To: a@example.it\r\nX: 1\r\n\r\nCc: b@example.it\r\n\r\n');
        for (const chunk of cut(raw, sizes)) reader.push(chunk);
        expect(reader.complete).toBe(true);
        expect([...(reader.addresses()?.visible ?? [])]).toEqual(['a@example.it']);
        expect(reader.bytes.equals(raw)).toBe(true);
      }),
    );
  });

  it('may be empty, or all there is', () => {
    const empty = new HeaderReader();
    empty.push(Buffer.from('\r\nTo: a@example.it\r\n'));
    expect(empty.complete).toBe(true);
    expect(empty.addresses()?.visible.size).toBe(0);
    const alone = new HeaderReader();
    alone.push(Buffer.from('From: a@example.it\r\nResent-Bcc: b@example.it\r\n'));
    expect(alone.complete).toBe(false);
    expect(alone.addresses()).toMatchObject({ from: ['a@example.it'], bcc: true });
  });

  it('compares addresses by what tells mailboxes apart', () => {
    expect(normalizeAddress('Mario.Rossi@PEC.Example.it')).toBe('mario.rossi@pec.example.it');
    expect(normalizeAddress('a@città.example')).toBe('a@xn--citt-3na.example');
    expect(normalizeAddress('nobody')).toBe('nobody');
  });
});

describe('replies', () => {
  it('become one line', () => {
    expect(parseReply('250 2.0.0 Ok')).toEqual({ code: 250, text: '2.0.0 Ok' });
    expect(parseReply('550-5.7.1 Uno\n550-5.7.1 due\r\n550 5.7.1 tre')).toEqual({
      code: 550,
      text: '5.7.1 Uno due tre',
    });
    expect(parseReply('354')).toEqual({ code: 354, text: '' });
    expect(parseReply('nonsense')).toMatchObject({ code: 0 });
  });

  it('of ours are ASCII, with an enhanced code of the same class', () => {
    const all = Object.values(texts).map(text => {
      if (typeof text !== 'function') return text;
      return text === texts.hiddenRecipient || text === texts.wrongSender
        ? (text as (value: string) => typeof texts.BCC)('a@example.it')
        : (text as (value: number) => typeof texts.BCC)(12_500_000);
    });
    expect(all.length).toBeGreaterThan(15);
    for (const { code, text } of all) {
      expect(text).toMatch(/^[\x20-\x7e]+$/);
      expect(text).toMatch(new RegExp(`^${Math.floor(code / 100)}\\.\\d\\.\\d `));
    }
    expect(texts.tooLarge(12_500_000).text).toContain('12,5 MB');
  });
});
