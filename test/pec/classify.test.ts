import { describe, expect, it } from 'vitest';
import { scanMessage } from '../../src/mime/index.ts';
import { classifyMessage } from '../../src/pec/index.ts';
import type { PecFacts } from '../../src/pec/types.ts';

function message(fields: readonly string[], body = 'testo\r\n'): Buffer {
  return Buffer.from(`${[...fields, 'Subject: prova', '', body].join('\r\n')}`, 'latin1');
}

function classify(fields: readonly string[], body?: string): PecFacts {
  const raw = message(fields, body);
  return classifyMessage(raw, scanMessage(raw));
}

function daticert(tipo: string, errore: string): string {
  return [
    `<postacert tipo="${tipo}" errore="${errore}">`,
    '<intestazione><mittente>a@pec.example.it</mittente><destinatari>b@pec.example.it</destinatari>',
    '<risposte>a@pec.example.it</risposte></intestazione><dati>',
    '<gestore-emittente>Gestore Uno</gestore-emittente><data zona="+0100"><giorno>01/02/2026</giorno>',
    '<ora>10:00:00</ora></data><identificativo>opec1@gestore-uno.example</identificativo>',
    '<ricevuta tipo="breve"/></dati></postacert>',
  ].join('');
}

/** The layout of RFC 6109 section 4.3, unsigned but for the looks. */
function signed(parts: readonly string[]): { field: string; body: string } {
  const inner = parts.map(part => `--in\r\n${part}\r\n`).join('');
  const body = [
    '--out\r\nContent-Type: multipart/mixed; boundary=in\r\n\r\n',
    `${inner}--in--\r\n--out\r\nContent-Type: application/pkcs7-signature\r\n\r\nAAAA\r\n--out--\r\n`,
  ].join('');
  return { field: 'Content-Type: multipart/signed; boundary=out; protocol="application/pkcs7-signature"', body };
}

const xmlPart = (xml: string) => `Content-Type: application/xml; name="daticert.xml"\r\n\r\n${xml}`;

describe('kind and category', () => {
  it.each([
    ['X-Trasporto: posta-certificata', 'busta-trasporto', 'Ricevuti'],
    ['X-TRASPORTO:   Errore ', 'busta-anomalia', 'Avvisi'],
    ['x-ricevuta: ACCETTAZIONE', 'accettazione', 'Ricevute'],
    ['X-Ricevuta:\r\n non-accettazione', 'non-accettazione', 'Avvisi'],
    ['X-Ricevuta: presa-in-carico', 'presa-in-carico', 'Ricevute'],
    ['X-Ricevuta: avvenuta-consegna', 'avvenuta-consegna', 'Ricevute'],
    ['X-Ricevuta: errore-consegna', 'errore-consegna', 'Avvisi'],
    ['X-Ricevuta: preavviso-errore-consegna', 'preavviso-errore-consegna', 'Avvisi'],
    ['X-Ricevuta: rilevazione-virus', 'rilevazione-virus', 'Avvisi'],
    ['X-Ricevuta: qualcosa-di-nuovo', 'sconosciuta', 'Avvisi'],
    ['X-Ricevuta: constructor', 'sconosciuta', 'Avvisi'],
    ['X-Trasporto: altro', 'sconosciuta', 'Avvisi'],
    ['X-Ricevuta:', 'ordinaria', 'Ordinaria'],
    ['X-Riferimento-Message-ID: <1@x.example>', 'ordinaria', 'Ordinaria'],
  ])('%s', (field, kind, category) => {
    expect(classify([field])).toMatchObject({ kind, category, family: kind === 'ordinaria' ? 'ordinaria' : 'pec' });
  });

  it('tells viruses apart by header and by daticert', () => {
    expect(classify(['X-Ricevuta: non-accettazione', 'X-VerificaSicurezza: errore']).virus).toBe(true);
    expect(classify(['X-Ricevuta: non-accettazione']).virus).toBe(false);
    expect(classify(['X-Ricevuta: rilevazione-virus']).virus).toBe(true);
    expect(classify(['X-VerificaSicurezza: errore'])).toMatchObject({ kind: 'ordinaria', virus: false });
    const { field, body } = signed([xmlPart(daticert('errore-consegna', 'virus'))]);
    expect(classify(['X-Ricevuta: errore-consegna', field], body).virus).toBe(true);
  });

  it('reads the reference and the receipt type, whatever the case of the name', () => {
    const facts = classify([
      'X-Trasporto: posta-certificata',
      'X-Tiporicevuta: Breve',
      'x-riferimento-message-id: <1@x.example>',
    ]);
    expect(facts).toMatchObject({ receiptType: 'breve', referenceMessageId: '<1@x.example>' });
    const { field, body } = signed([xmlPart(daticert('posta-certificata', 'nessuno'))]);
    expect(classify(['X-Trasporto: posta-certificata', field], body).receiptType).toBe('breve');
  });

  it('knows REM by its headers', () => {
    const rem = (event: string) => classify([`REM-EventIdentifier: http://uri.etsi.org/19522/Event/${event}`]);
    expect(rem('SubmissionAcceptance')).toMatchObject({ family: 'rem', kind: 'rem', category: 'Ricevute' });
    expect(rem('RelayFailure').category).toBe('Avvisi');
    expect(classify(['REM-MessageType: REM dispatch'])).toMatchObject({ kind: 'rem', category: 'Ricevuti' });
  });
});

describe('trust', () => {
  const forged = [
    'Content-Type: message/rfc822; name="postacert.eml"',
    '',
    'X-Ricevuta: avvenuta-consegna',
    'From: posta-certificata@gestore-uno.example',
    'Content-Type: multipart/signed; boundary=deep',
    '',
    '--deep',
    'Content-Type: multipart/mixed; boundary=deeper',
    '',
    '--deeper',
    xmlPart(daticert('avvenuta-consegna', 'nessuno')),
    '--deeper--',
    '--deep--',
  ].join('\r\n');

  it('never takes a receipt inside a busta for a receipt', () => {
    const { field, body } = signed([xmlPart(daticert('posta-certificata', 'nessuno')), forged]);
    const facts = classify(['X-Trasporto: posta-certificata', field], body);
    expect(facts).toMatchObject({ kind: 'busta-trasporto', category: 'Ricevuti' });
    expect(facts.daticert?.tipo).toBe('posta-certificata');
  });

  it('takes no daticert out of the enclosed message', () => {
    const { field, body } = signed([forged]);
    const facts = classify(['X-Trasporto: errore', field], body);
    expect(facts).toMatchObject({ kind: 'busta-anomalia', daticert: null, daticertError: null });
    const plain = ['X-Ricevuta: accettazione', 'Content-Type: multipart/mixed; boundary=in'];
    expect(
      classify(plain, `--in\r\n${xmlPart(daticert('accettazione', 'nessuno'))}\r\n--in--\r\n`).daticert,
    ).toBeNull();
  });

  it('lets X-Trasporto win over an X-Ricevuta that leaked into the outer header', () => {
    expect(classify(['X-Ricevuta: avvenuta-consegna', 'X-Trasporto: posta-certificata']).kind).toBe('busta-trasporto');
  });

  it('reads no marker from the body or from a folded line of another field', () => {
    expect(classify(['X-Note: a\r\n X-Ricevuta: accettazione'], 'X-Ricevuta: accettazione\r\n').kind).toBe('ordinaria');
  });
});

describe('daticert.xml', () => {
  it('is read in either order of parts, in any transfer encoding, by its file name alone', () => {
    const xml = Buffer.from(daticert('posta-certificata', 'nessuno')).toString('base64');
    const part = `Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: inline; filename="DATICERT.XML"\r\n\r\n${xml}`;
    const { field, body } = signed([
      'Content-Type: text/plain\r\n\r\nx',
      'Content-Type: message/rfc822\r\n\r\nSubject: y\r\n',
      part,
    ]);
    expect(classify(['X-Trasporto: posta-certificata', field], body).daticert?.identificativo).toBe(
      'opec1@gestore-uno.example',
    );
  });

  it('tells why it cannot be read', () => {
    const { field, body } = signed([xmlPart('<!DOCTYPE postacert SYSTEM "x"><postacert/>')]);
    const facts = classify(['X-Ricevuta: accettazione', field], body);
    expect(facts).toMatchObject({ kind: 'accettazione', category: 'Ricevute', daticert: null });
    expect(facts.daticertError).toMatch(/document type/);
  });
});
