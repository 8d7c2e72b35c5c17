import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeBody, scanMessage } from '../../src/mime/index.ts';
import { createGenerator, createTestAuthorities, type TestAuthorities } from '../../src/pec/generator/index.ts';
import { inspectMessage, verifySignature } from '../../src/pec/index.ts';
import { canonicalDocument } from '../../src/pec/rem/canonical.ts';
import { verifyXades } from '../../src/pec/rem/xades.ts';
import { readXml } from '../../src/pec/xml.ts';

const now = new Date('2026-06-15T10:00:00Z');
const mailbox = { name: 'Mario Rossi', address: 'mario.rossi@pec.example.it' };
const directory = mkdtempSync(join(tmpdir(), 'archivia-xades-'));
let authorities: TestAuthorities;
beforeAll(async () => {
  authorities = await createTestAuthorities({ now });
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** A dispatch: with the message that it is about. */
function dispatch(from: TestAuthorities = authorities): Buffer {
  const made = createGenerator({ authorities: from, seed: 5, mailbox, now });
  const [sender] = made.others;
  if (!sender) throw new Error('nobody');
  return made.rem('ContentConsignment', { from: sender }).raw;
}

function evidenceOf(raw: Uint8Array): string {
  const part = scanMessage(raw).children[0]?.children.at(-1);
  if (!part) throw new Error('no evidence');
  return Buffer.from(decodeBody(raw, part)).toString('utf8');
}

function write(name: string, content: string): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}

const verify = (xml: string, at = now.getTime()) =>
  verifyXades(readXml(Buffer.from(xml, 'utf8')), { anchors: authorities.anchors, at }, null);

/** Throws when the command fails. */
function run(command: 'xmlsec1' | 'xmllint', args: readonly string[]): string {
  return execFileSync(command, args, { stdio: 'pipe', maxBuffer: 1 << 26 }).toString();
}

function xmlsec(xml: string, root: string): void {
  const ids = ['--id-attr:Id', 'SignedProperties'];
  const trusted = ['--trusted-pem', write('root.pem', root), '--enabled-key-data', 'x509'];
  const time = ['--verification-time', '2026-06-15 10:00:00'];
  run('xmlsec1', ['--verify', ...trusted, ...time, ...ids, write('evidence.xml', xml)]);
}

describe('the signature of REM evidence', () => {
  it.each(['P-256', 'RSA-2048'] as const)('of the generator holds by xmlsec1 as well (%s)', async algorithm => {
    const made = await createTestAuthorities({ now, algorithm });
    const xml = evidenceOf(dispatch(made));
    expect(() => xmlsec(xml, made.root.certificatePem)).not.toThrow();
    expect(() => xmlsec(xml.replace('mailto">m', 'mailto">n'), made.root.certificatePem)).toThrow();
    expect(verifyXades(readXml(Buffer.from(xml)), { anchors: made.anchors, at: now.getTime() }, null)).toMatchObject({
      status: 'valid',
      reasons: [],
      digestAlgorithm: 'SHA-256',
    });
  });

  it('made by xmlsec1, in another canonical form and with other digests, holds', () => {
    const leaf = authorities.gestori[0]?.leaves.at(-1)?.pair;
    if (!leaf) throw new Error('no gestore');
    const c14n = 'http://www.w3.org/TR/2001/REC-xml-c14n-20010315';
    const template = `<?xml version="1.0"?>
<?nota prima?>
<e:Evidence xmlns:e="http://uri.etsi.org/19522/v1#" xmlns:altro="urn:altro" xml:lang='it' Id="e1"
   version = "1"><e:EventTime
>2026-06-01T10:00:00Z</e:EventTime><e:Nota altro:b="&lt;&#10;" a="è">x &gt; y<![CDATA[ <&> ]]><!-- nulla --></e:Nota>
<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:SignedInfo><ds:CanonicalizationMethod Algorithm="${c14n}"/>
<ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512"/><ds:Reference URI=""><ds:Transforms>
<ds:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"/></ds:Transforms>
<ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha512"/><ds:DigestValue/></ds:Reference></ds:SignedInfo>
<ds:SignatureValue/><ds:KeyInfo><ds:X509Data/></ds:KeyInfo></ds:Signature></e:Evidence>
<?nota dopo?>`;
    const key = write('key.pem', leaf.privateKeyPem);
    const chain = [write('leaf.pem', leaf.certificatePem), write('ca.pem', authorities.intermediate.certificatePem)];
    const keys = ['--privkey-pem', [key, ...chain].join(',')];
    const signed = run('xmlsec1', ['--sign', ...keys, write('template.xml', template)]);
    const outcome = verify(signed);
    // XML-DSig only: it does not say by which certificate, nor when.
    expect(outcome).toMatchObject({ status: 'valid-with-remarks', digestAlgorithm: 'SHA-512' });
    expect(outcome.reasons).toEqual(['La firma dell’evidenza non comprende il proprio certificato (non è XAdES).']);
    expect(verify(signed.replace('x &gt; y', 'x &gt; z')).status).toBe('broken');
    expect(verify(signed.replace('nulla', 'altro')).status).toBe(outcome.status);
  });

  const certificate = /<ds:X509Certificate>[^<]*</;
  const wrap = (xml: string): string => {
    const id = xml.replace('<erds:Evidence ', '<erds:Evidence Id="vera" ').replace(/^<\?xml[^>]*>\n/, '');
    const signature = /<ds:Signature .*<\/ds:Signature>/s.exec(id)?.[0] ?? '';
    const inner = id.replace(signature, '');
    const pointing = signature
      .replace('URI=""', 'URI="#vera"')
      .replace('</ds:Signature>', `<ds:Object>${inner}</ds:Object></ds:Signature>`);
    return `<erds:Evidence xmlns:erds="http://uri.etsi.org/19522/v1#">falsa${pointing}</erds:Evidence>`;
  };
  it.each<[string, (xml: string) => string, RegExp]>([
    ['an altered time', xml => xml.replace(/(<erds:EventTime>\d)\d/, '$19'), /modificata dopo la firma/],
    ['an element more', xml => xml.replace('<ds:Signature ', '<erds:EventTime/><ds:Signature '), /modificata dopo/],
    [
      'an altered signing time',
      xml => xml.replace(/(SigningTime>\d)\d/, '$19'),
      /modificata dopo la firma|non era valido/,
    ],
    ['an altered value', xml => xml.replace(/(SignatureValue>)..../, '$1AAAA'), /non corrisponde alla chiave/],
    ['altered information', xml => xml.replace('URI=""', 'URI="" Id="x"'), /non corrisponde alla chiave/],
    [
      'another certificate',
      xml =>
        xml.replace(
          certificate,
          `<ds:X509Certificate>${Buffer.from(authorities.signatory.certificate).toString('base64')}<`,
        ),
      /non è quello che la firma nomina/,
    ],
    ['no certificate', xml => xml.replace(/<ds:KeyInfo>.*<\/ds:KeyInfo>/s, ''), /manca il certificato/],
    ['two signatures', xml => xml.replace(/<ds:Signature .*<\/ds:Signature>/s, '$&$&'), /più di una firma/],
    ['the signed element elsewhere', wrap, /non corrisponde|non copre|modificata/],
  ])('is broken by %s', (_, alter, reason) => {
    const xml = evidenceOf(dispatch());
    const altered = alter(xml);
    expect(altered).not.toBe(xml);
    const outcome = verify(altered);
    expect(outcome.status).toBe('broken');
    expect(outcome.reasons.join()).toMatch(reason);
  });

  it('must cover what is read, and leads nowhere else', () => {
    const leaf = authorities.gestori[0]?.leaves.at(-1)?.pair;
    if (!leaf) throw new Error('no gestore');
    const keys = [
      '--privkey-pem',
      [write('key.pem', leaf.privateKeyPem), write('leaf.pem', leaf.certificatePem)].join(','),
    ];
    const signing = (inner: string, uri: string) => `<Evidence><EventTime>2026-06-01T10:00:00Z</EventTime>${inner}
<Signature xmlns="http://www.w3.org/2000/09/xmldsig#"><SignedInfo>
<CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/>
<SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"/><Reference URI="${uri}">
<DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><DigestValue/></Reference></SignedInfo>
<SignatureValue/><KeyInfo><X509Data/></KeyInfo></Signature></Evidence>`;
    const sign = (inner: string, uri: string) =>
      run('xmlsec1', ['--sign', ...keys, '--id-attr:Id', 'Nota', write('t.xml', signing(inner, uri))]);
    // What xmlsec1 accepts: a good signature, of something else.
    const part = sign('<Nota Id="n">x</Nota>', '#n');
    expect(verify(part)).toMatchObject({ status: 'broken', reasons: ['La firma non copre l’evidenza.'] });
    const twice = part.replace('</Nota>', '</Nota><Nota Id="n">y</Nota>');
    expect(verify(twice).reasons.join()).toMatch(/non è uno solo/);
    const outside = sign('', `file://${write('altrove.txt', '<x/>')}`);
    expect(verify(outside).reasons.join()).toMatch(/sta altrove/);
  });

  it('reads nothing out of the signature', () => {
    const xml = evidenceOf(dispatch()).replace(
      '<ds:Object>',
      '<ds:Object><erds:EventTime>1999-01-01T00:00:00Z</erds:EventTime></ds:Object><ds:Object>',
    );
    const signature = /<ds:Signature .*<\/ds:Signature>/s.exec(xml)?.[0] ?? '';
    const first = xml.replace(signature, '').replace(/(<erds:Evidence [^>]*>)/, (_, start) => start + signature);
    const raw = [
      'REM-EventIdentifier: http://uri.etsi.org/19522/Event/ContentConsignment',
      'Content-Type: multipart/mixed; boundary=b',
      '',
      '--b',
      'Content-Type: application/xml',
      'REM-Section-Type: rem_message/xml_evidence',
      '',
      first,
      '--b--',
      '',
    ].join('\r\n');
    const told = inspectMessage(Buffer.from(raw), { anchors: authorities.anchors, at: now.getTime() });
    expect(told.rem?.evidence?.at).toBeGreaterThan(Date.parse('2026-01-01'));
    expect(told.signature).toMatchObject({ status: 'none', evidence: { status: 'valid' } });
  });

  it('is said of the message: the worse of the two', () => {
    const raw = dispatch();
    const outcome = (octets: Uint8Array, anchors = authorities.anchors, at = now.getTime()) =>
      verifySignature(octets, scanMessage(octets), { anchors, at });
    const good = outcome(raw);
    expect(good).toMatchObject({ status: 'valid', reasons: [], evidence: { status: 'valid' } });
    expect(good.certificates).toHaveLength(2);
    expect(outcome(raw, []).evidence?.status).toBe('unknown-issuer');
    const later = outcome(raw, authorities.anchors, Date.parse('2028-01-01'));
    expect(later).toMatchObject({ status: 'valid-with-remarks', evidence: { status: 'valid-with-remarks' } });
    expect(later.reasons).toHaveLength(2);
    const other = (field: string, value: string) =>
      outcome(Buffer.from(raw.toString('latin1').replace(new RegExp(`^(${field}: ).*`, 'm'), `$1${value}`), 'latin1'));
    for (const [field, reason] of [
      ['REM-Evidence-ID', /non è quella che il messaggio annuncia/],
      ['REM-EventIdentifier', /un evento diverso/],
      ['REM-UAMessageIdentifier', /riguarda un altro messaggio/],
    ] as const) {
      const told = other(field, 'urn:altro');
      expect(told.status, field).toBe('broken');
      expect(told.reasons.join(), field).toMatch(reason);
    }
    const enclosed = raw.toString('latin1').replace(/^(Subject: )(?=.)/gm, '$1X');
    const told = outcome(Buffer.from(enclosed, 'latin1'));
    expect(told).toMatchObject({ status: 'broken', evidence: { status: 'valid-with-remarks' } });
  });
});

describe('canonical XML', () => {
  it('costs no more than it holds, whatever was made to make it costly', () => {
    const declarations = Array.from({ length: 10_000 }, (_, index) => ` xmlns:n${index}="u"`).join('');
    const hostile = readXml(Buffer.from(`<a${declarations}>${'<b/>'.repeat(15_000)}</a>`));
    expect(() => canonicalDocument(hostile, { exclusive: false }, null)).toThrow(/too many namespaces/);
    const few = readXml(Buffer.from(`<a xmlns:b="u">${'<b:c xmlns:b="u"/>'.repeat(15_000)}</a>`));
    expect(canonicalDocument(few, { exclusive: false }, null)).toHaveLength(`<a xmlns:b="u"></a>`.length + 15_000 * 11);
  });

  it('is what xmllint makes of it', () => {
    const prefix = fc.constantFrom('', 'a:', 'b:');
    const value = fc.string({
      unit: fc.constantFrom('x', '&lt;', '&amp;', '"'.replace('"', '&quot;'), '\n', '\t', '&#13;', 'è', "'"),
    });
    const namespace = fc.constantFrom(
      '',
      ' xmlns:a="u:1"',
      ' xmlns:a="u:2" xmlns:b="u:1"',
      ' xmlns="u:3"',
      ' xmlns=""',
    );
    const attribute = fc
      .tuple(fc.constantFrom('p', 'a:q', 'b:r', 'xml:lang'), value)
      .map(([name, text]) => ` ${name}="${text}"`);
    const { element } = fc.letrec<{ element: string }>(tie => ({
      element: fc
        .tuple(
          prefix,
          namespace,
          fc.option(attribute),
          fc.array(fc.oneof({ maxDepth: 4 }, value, tie('element')), { maxLength: 3 }),
        )
        .map(([p, ns, at, inner]) => `<${p}e${ns}${at ?? ''}>${inner.join('')}</${p}e>`),
    }));
    const document = fc
      .array(element, { minLength: 1, maxLength: 6 })
      .map(inner => `<r xmlns:a="u:a" xmlns:b="u:b">${inner.join('\n')}</r>`);
    for (const [exclusive, option] of [
      [false, '--c14n'],
      [true, '--exc-c14n'],
    ] as const) {
      const documents = fc.sample(document, { numRuns: 60, seed: 7 });
      const files = documents.map((xml, index) => write(`c14n-${index}.xml`, xml));
      const wanted = run('xmllint', [option, ...files]);
      const made = documents.map(xml => canonicalDocument(readXml(Buffer.from(xml)), { exclusive }, null));
      expect(made.join('')).toBe(wanted);
    }
  });
});
