import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { extractSearchText, headerFields, scanMessage } from '../../src/mime/index.ts';
import {
  createGenerator,
  createTestAuthorities,
  type GeneratedMessage,
  loadTestAuthorities,
  saveTestAuthorities,
  type TestAuthorities,
} from '../../src/pec/generator/index.ts';
import { classifyMessage, verifySignature } from '../../src/pec/index.ts';
import type { PecFacts } from '../../src/pec/types.ts';
import { OpenSsl } from './openssl.ts';

const now = new Date('2026-06-15T10:00:00Z');
const mailbox = { name: 'Mario Rossi', address: 'mario.rossi@pec.example.it' };
let authorities: TestAuthorities;
let openssl: OpenSsl;

function generator(seed = 7) {
  return createGenerator({ authorities, seed, mailbox, now });
}

function classify({ raw }: GeneratedMessage): PecFacts {
  return classifyMessage(raw, scanMessage(raw));
}

function field(raw: Uint8Array, name: string): string | undefined {
  const root = scanMessage(raw);
  return headerFields(raw, root.headerStart, root.bodyStart, new Set([name]))[0]?.value;
}

beforeAll(async () => {
  authorities = await createTestAuthorities({ now });
  openssl = await OpenSsl.create();
});
afterAll(() => openssl.remove());

describe('every', () => {
  it('holds each kind that reaches a user, classified as what it is', () => {
    const messages = generator().every();
    for (const message of messages) expect(classify(message).kind).toBe(message.kind);
    expect(new Set(messages.map(message => message.kind))).toEqual(
      new Set([
        'busta-trasporto',
        'busta-anomalia',
        'accettazione',
        'non-accettazione',
        'avvenuta-consegna',
        'errore-consegna',
        'preavviso-errore-consegna',
        'ordinaria',
      ]),
    );
    const facts = messages.map(classify);
    const receipts = facts.filter(({ kind }) => kind === 'avvenuta-consegna');
    expect(new Set(receipts.map(({ receiptType }) => receiptType))).toEqual(
      new Set(['completa', 'breve', 'sintetica']),
    );
    expect(facts.filter(({ virus }) => virus).map(({ kind }) => kind)).toEqual(
      expect.arrayContaining(['non-accettazione', 'errore-consegna']),
    );
    expect(new Set(facts.map(({ category }) => category))).toEqual(
      new Set(['Ricevuti', 'Ricevute', 'Avvisi', 'Ordinaria']),
    );
  });

  it('is signed so that openssl accepts it, and verifySignature agrees', async () => {
    for (const { raw, kind, direction, internalDate } of generator().every()) {
      const outcome = verifySignature(raw, scanMessage(raw), {
        anchors: authorities.anchors,
        at: internalDate.getTime(),
      });
      if (direction === 'sent' || kind === 'ordinaria') {
        expect(outcome.status).toBe('none');
        continue;
      }
      expect(outcome).toMatchObject({ status: 'valid', reasons: [], digestAlgorithm: 'SHA-256' });
      expect(outcome.signingTime).toBe(internalDate.getTime() - 2000);
      expect(outcome.certificates).toHaveLength(2);
      expect(await openssl.accepts(raw, [authorities.root.certificatePem], internalDate)).toBe(true);
    }
  });

  it('is 7-bit with CRLF line ends, and wide enough in time', () => {
    const messages = generator().every();
    for (const { raw } of messages) {
      const text = raw.toString('latin1');
      expect(text).not.toMatch(/[^\r]\n|\r[^\n]|[\x80-\xff]/);
      expect(text.endsWith('\r\n')).toBe(true);
    }
    const years = new Set(messages.map(({ internalDate }) => internalDate.getUTCFullYear()));
    expect(years.size).toBeGreaterThanOrEqual(2);
    const dates = messages.map(({ internalDate }) => internalDate.getTime());
    expect(dates).toEqual(dates.toSorted((a, b) => a - b));
    expect(dates.at(-1)).toBeLessThanOrEqual(now.getTime());
  });

  it('repeats itself for the same seed, octet by octet with RSA, which draws nothing', async () => {
    const rsa = await createTestAuthorities({ now, algorithm: 'RSA-2048' });
    const make = (seed: number) =>
      createGenerator({ authorities: rsa, seed, mailbox, now })
        .every()
        .map(({ raw }) => raw.toString('latin1'));
    const first = make(3);
    expect(make(3).every((message, index) => message === first[index])).toBe(true);
    expect(make(4).some((message, index) => message === first[index])).toBe(false);
  });
});

describe('exchange', () => {
  it('joins its messages by identificativo, msgid and consegna', () => {
    const { sent, accettazione, consegne, avvisi, busta } = generator().exchange({
      to: [
        { name: 'Anna Bianchi', address: 'anna.bianchi@pec.gestore-due.example' },
        { name: 'Luca Verdi', address: 'luca.verdi@pec.gestore-tre.example' },
      ],
      deliveries: ['delivered', 'no-mailbox'],
      subject: 'Perché è così: "prova" <1> & altro',
    });
    const messageId = field(sent.raw, 'message-id');
    const about = [accettazione, busta, ...consegne, ...avvisi].filter(message => message !== null);
    expect(about).toHaveLength(4);
    for (const message of about) {
      const { daticert, referenceMessageId } = classify(message);
      expect(referenceMessageId).toBe(messageId);
      expect(daticert).toMatchObject({
        msgid: messageId,
        identificativo: accettazione?.identificativo,
        mittente: mailbox.address,
        oggetto: 'Perché è così: "prova" <1> & altro',
      });
      expect(daticert?.at).toBe(message.internalDate.getTime() - 2000);
    }
    expect(consegne.map(message => classify(message).daticert?.consegna)).toEqual([
      'anna.bianchi@pec.gestore-due.example',
    ]);
    expect(avvisi.map(message => classify(message).daticert?.consegna)).toEqual(['luca.verdi@pec.gestore-tre.example']);
    expect(field(busta?.raw ?? Buffer.alloc(0), 'message-id')).toBe(`<${accettazione?.identificativo}>`);
    expect(field(consegne[0]?.raw ?? Buffer.alloc(0), 'from')).toBe('posta-certificata@gestore-due.example');
  });

  it('encloses the original whole, with hashes, or not at all', () => {
    const make = (receiptType: 'completa' | 'breve' | 'sintetica') => {
      const traffic = generator();
      const attachments = [traffic.attachments.pdf()];
      const { raw } = traffic.exchange({ receiptType, attachments }).consegne[0] ?? { raw: Buffer.alloc(0) };
      return { text: raw.toString('latin1'), base64: attachments[0]?.base64 ?? '', name: attachments[0]?.filename };
    };
    const whole = make('completa');
    expect(whole.text).toContain(whole.base64);
    const brief = make('breve');
    expect(brief.text).not.toContain(brief.base64);
    expect(brief.text).toMatch(new RegExp(`filename="${brief.name}\\.hash"\r\n\r\n[0-9a-f]{40}\r\n`));
    expect(make('sintetica').text).not.toContain('postacert.eml');
  });

  it('carries text that a search finds in the nested message', async () => {
    const traffic = generator();
    const [p7m] = traffic.attachments.every().filter(file => file.filename.endsWith('.p7m'));
    const { raw } = traffic.incoming({ text: 'Perché la città è in attesa\n', attachments: p7m ? [p7m] : [] });
    const { body } = extractSearchText(raw, { root: scanMessage(raw) });
    expect(body).toContain('Perché la città è in attesa');
    expect(body).toContain('contratto.pdf.p7m');
    const der = await openssl.write(Buffer.from(p7m?.base64 ?? '', 'base64'), 'p7m');
    const root = await openssl.write(authorities.root.certificatePem, 'pem');
    const verify = [
      'cms',
      '-verify',
      '-inform',
      'DER',
      '-in',
      der,
      '-CAfile',
      root,
      '-purpose',
      'any',
      '-out',
      `${der}.pdf`,
    ];
    await openssl.run(...verify);
    expect((await readFile(`${der}.pdf`)).subarray(0, 5).toString()).toBe('%PDF-');
  });
});

describe('corpus', () => {
  it('gives the number asked for, near the size asked for, all of it valid', () => {
    const made = [...generator().corpus(300, { meanSize: 20_000, attachmentRatio: 0.4 })];
    expect(made).toHaveLength(300);
    const mean = made.reduce((sum, { raw }) => sum + raw.length, 0) / made.length;
    expect(mean).toBeGreaterThan(8_000);
    expect(mean).toBeLessThan(50_000);
    for (const { raw, kind, internalDate } of made) {
      const root = scanMessage(raw);
      expect(classifyMessage(raw, root).kind).toBe(kind);
      const { status } = verifySignature(raw, root, { anchors: authorities.anchors, at: internalDate.getTime() });
      expect(status).toBe(kind === 'ordinaria' ? 'none' : 'valid');
    }
    expect(new Set(made.map(({ raw }) => raw.toString('latin1'))).size).toBe(300);
  });
});

describe('authorities', () => {
  it('come back from a directory as they went', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'archivia-ca-'));
    try {
      await saveTestAuthorities(directory, authorities);
      expect(await loadTestAuthorities(directory)).toEqual(authorities);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });

  it('are made once for the same options', async () => {
    expect(await createTestAuthorities({ now })).toBe(authorities);
  });
});
