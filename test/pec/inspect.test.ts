import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { createGenerator, createTestAuthorities, type TestAuthorities } from '../../src/pec/generator/index.ts';
import { inspectMessage } from '../../src/pec/index.ts';

const now = new Date('2026-06-15T10:00:00Z');
const mailbox = { name: 'Mario Rossi', address: 'mario.rossi@pec.example.it' };
let authorities: TestAuthorities;

beforeAll(async () => {
  authorities = await createTestAuthorities({ now });
});

describe('inspectMessage', () => {
  it('tells everything of a busta, as JSON', () => {
    const generator = createGenerator({ authorities, seed: 1, mailbox, now });
    const attachments = [generator.attachments.pdf()];
    const message = generator.incoming({ at: generator.daysAgo(5), attachments, receiptType: 'breve' });
    const inspection = inspectMessage(message.raw, { anchors: authorities.anchors, at: now.getTime() });
    expect(JSON.parse(JSON.stringify(inspection))).toEqual(inspection);
    expect(inspection).toMatchObject({
      family: 'pec',
      kind: 'busta-trasporto',
      category: 'Ricevuti',
      receiptType: 'breve',
      virus: false,
      size: message.raw.length,
      sha256: createHash('sha256').update(message.raw).digest('hex'),
      exchange: {
        messageId: `<${message.identificativo}>`,
        identificativo: message.identificativo,
        msgid: inspection.daticert?.msgid,
        consegna: null,
      },
      signature: { status: 'valid', reasons: [], digestAlgorithm: 'SHA-256' },
    });
    expect(inspection.signature.signingTime).toBe(new Date(message.internalDate.getTime() - 2000).toISOString());
    expect(inspection.signature.certificates[0]).toBe(inspection.signature.signer?.sha256);
    expect(inspection.signature.signer?.notBefore).toMatch(/^20\d\d-/);
    const parts = inspection.parts.map(({ section, type, filename }) => [section, type, filename]);
    expect(parts.filter(([section]) => !section?.startsWith('1.1'))).toEqual([
      ['1', 'multipart/mixed', null],
      ['1.2', 'application/xml', 'daticert.xml'],
      ['1.3', 'message/rfc822', 'postacert.eml'],
      ['1.3.1', 'text/plain', null],
      ['1.3.2', 'application/pdf', attachments[0]?.filename],
      ['2', 'application/pkcs7-signature', 'smime.p7s'],
    ]);
  });

  it('reads ordinary mail and nothing at all', () => {
    expect(inspectMessage(Buffer.from('Message-ID: <1@x.example>\r\n\r\ntesto\r\n'))).toMatchObject({
      family: 'ordinaria',
      category: 'Ordinaria',
      exchange: { messageId: '<1@x.example>', identificativo: null },
      parts: [{ section: '1', type: 'text/plain', encoding: '7bit', size: 7 }],
      signature: { status: 'none', signer: null },
    });
    expect(inspectMessage(new Uint8Array())).toMatchObject({ size: 0, kind: 'ordinaria' });
  });
});
