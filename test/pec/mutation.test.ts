import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { scanMessage } from '../../src/mime/index.ts';
import { createGenerator, createTestAuthorities, type TestAuthorities } from '../../src/pec/generator/index.ts';
import { classifyMessage, inspectMessage, verifySignature } from '../../src/pec/index.ts';

const now = new Date('2026-06-15T10:00:00Z');
let authorities: TestAuthorities;
let messages: readonly Buffer[];

beforeAll(async () => {
  authorities = await createTestAuthorities({ now });
  const mailbox = { name: 'Mario Rossi', address: 'mario.rossi@pec.example.it' };
  messages = createGenerator({ authorities, seed: 11, mailbox, now })
    .every()
    .filter(({ kind, raw }) => kind !== 'ordinaria' && raw.length < 10_000)
    .map(({ raw }) => raw);
});

/** One change: octets overwritten, cut out, or put in. */
const change = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  cut: fc.oneof(fc.constant(0), fc.nat(64), fc.nat(4000)),
  bytes: fc.oneof(
    fc.uint8Array({ maxLength: 8 }),
    fc
      .constantFrom(
        '\r\n\r\n',
        '\n',
        '--',
        'Content-Type: multipart/signed',
        '<!DOCTYPE x>',
        '&#0;',
        'gICAgICA',
        'X-Ricevuta: x\r\n',
      )
      .map(text => new Uint8Array(Buffer.from(text))),
  ),
});

function apply(raw: Buffer, changes: readonly { at: number; cut: number; bytes: Uint8Array }[]): Buffer {
  let result = raw;
  for (const { at, cut, bytes } of changes) {
    const position = Math.floor(at * result.length);
    result = Buffer.concat([result.subarray(0, position), bytes, result.subarray(position + cut)]);
  }
  return result;
}

const FACTS = [
  'family',
  'kind',
  'virus',
  'notice',
  'rem',
  'category',
  'receiptType',
  'referenceMessageId',
  'daticert',
  'daticertError',
];

describe('damaged messages', () => {
  it('are classified and judged, never thrown at the caller, and never judged valid with a changed content', () => {
    fc.assert(
      fc.property(fc.nat(1000), fc.array(change, { minLength: 1, maxLength: 4 }), (index, changes) => {
        const original = messages[index % messages.length] ?? Buffer.alloc(0);
        const raw = apply(original, changes);
        const root = scanMessage(raw);
        expect(Object.keys(classifyMessage(raw, root)).toSorted()).toEqual(FACTS.toSorted());
        const { status } = verifySignature(raw, root, { anchors: authorities.anchors, at: now.getTime() });
        const [signed] = root.children;
        const content = signed === undefined ? '' : raw.toString('latin1', signed.headerStart, signed.bodyEnd);
        // Line ends may change, nothing else.
        const lines = (text: string) => text.replace(/\r*\n/g, '\n');
        if (status === 'valid') expect(lines(original.toString('latin1'))).toContain(lines(content));
        expect(() => JSON.stringify(inspectMessage(raw, { anchors: authorities.anchors }))).not.toThrow();
      }),
      { numRuns: 300 },
    );
  });

  it('may be anything at all', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), raw => {
        const root = scanMessage(raw);
        expect(classifyMessage(raw, root).category).toBeDefined();
        expect(verifySignature(raw, root, { anchors: [raw] }).status).toBeDefined();
      }),
    );
  });
});

describe('damaged signatures', () => {
  it('are found, whichever octet of the CMS is changed', () => {
    const original = messages[0] ?? Buffer.alloc(0);
    const text = original.toString('latin1');
    const start = text.lastIndexOf('\r\n\r\nMI') + 4;
    const end = text.indexOf('\r\n\r\n', start);
    const der = Buffer.from(text.slice(start, end), 'base64');
    fc.assert(
      fc.property(fc.nat(der.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const changed = Buffer.from(der);
        changed[at] = (changed[at] ?? 0) ^ flip;
        const raw = Buffer.from(text.slice(0, start) + changed.toString('base64') + text.slice(end), 'latin1');
        const outcome = verifySignature(raw, scanMessage(raw), { anchors: authorities.anchors, at: now.getTime() });
        expect(outcome.reasons.every(reason => reason.endsWith('.'))).toBe(true);
        expect(['valid', 'valid-with-remarks', 'unknown-issuer', 'broken']).toContain(outcome.status);
        // What counts (content, attributes, signature, the two certificates) is covered; version numbers and unused
        // fields are not.
        if (at > der.length - 72) expect(outcome.status).not.toBe('valid');
      }),
      { numRuns: 300 },
    );
  });
});
