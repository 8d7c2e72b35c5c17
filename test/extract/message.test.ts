import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { extractDocument } from '../../src/extract/index.ts';
import { leaves } from '../../src/extract/message.ts';
import { extractSearchText, scanMessage } from '../../src/mime/index.ts';
import {
  createGenerator,
  createTestAuthorities,
  type GeneratedMessage,
  PEOPLE,
} from '../../src/pec/generator/index.ts';
import { RECEIPT } from '../mime/corpus.ts';
import { makeMail } from './support/mail.ts';

let generated: GeneratedMessage[];
beforeAll(async () => {
  const [mailbox] = PEOPLE;
  if (!mailbox) throw new Error('nobody to write to');
  const now = new Date('2026-11-03T10:00:00Z');
  generated = createGenerator({ authorities: await createTestAuthorities(), seed: 7, mailbox, now }).every();
});
afterAll(() => {
  generated = [];
});

/** Sections of the leaves that are taken over from src/mime. */
function taken(raw: Buffer): string[] {
  return [...leaves(raw, scanMessage(raw))].filter(({ read }) => read === 'no').map(({ section }) => section);
}

function unread(raw: Buffer): string[] {
  const { unreadable } = extractSearchText(raw, { root: scanMessage(raw) });
  return unreadable.filter(({ reason }) => reason.startsWith('no text is read from')).map(({ section }) => section);
}

describe('leaves', () => {
  test('everything that src/mime does not read is taken over, under its number', () => {
    const nested = makeMail([
      { name: 'a.pdf', type: 'application/pdf', bytes: Buffer.from('x') },
      {
        name: 'n.eml',
        type: 'message/rfc822',
        bytes: makeMail([{ name: 'b.p7m', type: 'application/x-p7m', bytes: RECEIPT }]),
      },
      { name: 'o.eml', type: 'application/octet-stream', bytes: RECEIPT },
      { name: 'd.xml', type: 'application/octet-stream', bytes: Buffer.from('<a/>') },
      { name: null, type: 'message/delivery-status', bytes: Buffer.from('Action: failed') },
    ]);
    for (const raw of [RECEIPT, nested, ...generated.map(message => message.raw)]) {
      expect(taken(raw)).toEqual(expect.arrayContaining(unread(raw)));
    }
    expect(unread(nested)).toEqual(['2', '3.2', '4.1.3.2', '6']);
  });

  test('what src/mime reads is not read again', async () => {
    const raw = makeMail([{ name: 'a.txt', type: 'text/plain; charset=utf-8', bytes: Buffer.from('una volta') }]);
    const { text } = await extractDocument(raw, { name: 'm.eml', type: 'message/rfc822' }, undefined);
    expect(text.match(/una volta/g)).toHaveLength(1);
  });
});

test('every kind of PEC message: all attachments are read, nothing is left to tell', async () => {
  let words = 0;
  for (const { raw } of generated) {
    const { text, unreadable } = await extractDocument(raw, { name: 'm.eml', type: 'message/rfc822' }, undefined);
    expect(unreadable).toEqual([]);
    for (const word of ['capitolato', 'firmato digitalmente da Mario Rossi', 'Elenco dei documenti allegati']) {
      if (text.includes(word)) words++;
    }
  }
  expect(words).toBeGreaterThan(3);
});
