import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { scanMessage } from '../../src/mime/index.ts';
import {
  createGenerator,
  createTestAuthorities,
  type DigestName,
  type TestAuthorities,
} from '../../src/pec/generator/index.ts';
import { verifySignature } from '../../src/pec/index.ts';
import type { SignatureOutcome } from '../../src/pec/types.ts';
import { issueCertificate } from '../../src/pki/certificate.ts';
import type { CertificateRequest, KeyPairWithCertificate } from '../../src/pki/types.ts';
import { OpenSsl } from './openssl.ts';

const now = new Date('2026-06-15T10:00:00Z');
const mailbox = { name: 'Mario Rossi', address: 'mario.rossi@pec.example.it' };
const GESTORE = 'posta-certificata@gestore-uno.example';
const CONTENT = 'Content-Type: text/plain; charset=us-ascii\n\nRiga uno  \nRiga due\n';

let openssl: OpenSsl;
let authorities: TestAuthorities;
/** Valid from 2020 to 2040, so that what openssl signs now is in time whenever the tests run. */
let root: KeyPairWithCertificate;
let intermediate: KeyPairWithCertificate;

function issue(request: Partial<CertificateRequest>): Promise<KeyPairWithCertificate> {
  return issueCertificate({
    subject: { commonName: 'Gestore di prova' },
    notBefore: new Date('2020-01-01T00:00:00Z'),
    notAfter: new Date('2090-01-01T00:00:00Z'),
    ...request,
  });
}

function leafOf(
  issuer: KeyPairWithCertificate,
  changes: Partial<CertificateRequest> = {},
): Promise<KeyPairWithCertificate> {
  return issue({ issuer, emails: [GESTORE], extendedKeyUsage: ['emailProtection'], ...changes });
}

function check(raw: Uint8Array, anchors: readonly Uint8Array[] = authorities.anchors, at?: Date): SignatureOutcome {
  return verifySignature(raw, scanMessage(raw), { anchors, at: at?.getTime() });
}

/** Both judges on one message: ours and openssl's. */
async function judge(raw: Uint8Array, at = now): Promise<{ ours: SignatureOutcome['status']; openssl: boolean }> {
  const accepted = await openssl.accepts(raw, [authorities.root.certificatePem], at);
  return { ours: check(raw, authorities.anchors, at).status, openssl: accepted };
}

function busta(options: { seed?: number; digest?: DigestName; authorities?: TestAuthorities } = {}) {
  const generator = createGenerator({ authorities, seed: 5, mailbox, now, ...options });
  const message = generator.incoming({ at: generator.daysAgo(10), text: 'Una riga con spazi in fondo  \nfine\n' });
  return { raw: message.raw, at: message.internalDate };
}

function edit(raw: Buffer, change: (text: string) => string): Buffer {
  const edited = Buffer.from(change(raw.toString('latin1')), 'latin1');
  expect(edited.equals(raw)).toBe(false);
  return edited;
}

beforeAll(async () => {
  openssl = await OpenSsl.create();
  authorities = await createTestAuthorities({ now });
  root = await issue({ authority: true, subject: { commonName: 'Radice' } });
  intermediate = await issue({ authority: true, issuer: root, subject: { commonName: 'Intermedia' } });
});
afterAll(() => openssl.remove());

describe('against openssl, on the generator’s messages', () => {
  it.each(['sha256', 'sha384', 'sha512'] as const)('accepts %s', async digest => {
    const { raw, at } = busta({ digest });
    expect(await judge(raw, at)).toEqual({ ours: 'valid', openssl: true });
  });

  it('accepts RSA, and names what it found', async () => {
    const rsa = await createTestAuthorities({ now, algorithm: 'RSA-2048' });
    const { raw, at } = busta({ authorities: rsa });
    const outcome = check(raw, rsa.anchors, at);
    expect(outcome).toMatchObject({ status: 'valid', reasons: [], digestAlgorithm: 'SHA-256' });
    expect(outcome.signer?.emails.every(email => /^(posta-certificata|rem-service)@/.test(email))).toBe(true);
    expect(await openssl.accepts(raw, [rsa.root.certificatePem], at)).toBe(true);
  });

  it('accepts SHA-1 and remarks on it', async () => {
    const { raw, at } = busta({ digest: 'sha1' });
    expect(await judge(raw, at)).toEqual({ ours: 'valid-with-remarks', openssl: true });
    expect(check(raw, authorities.anchors, at).reasons.join()).toContain('SHA-1');
  });

  it('remarks on a certificate that has expired since', () => {
    const { raw } = busta();
    const outcome = check(raw, authorities.anchors, new Date('2031-01-01T00:00:00Z'));
    expect(outcome).toMatchObject({ status: 'valid-with-remarks' });
    expect(outcome.reasons.join()).toContain('scaduto');
  });

  it('finds a changed content', async () => {
    const { raw, at } = busta();
    const changed = edit(raw, text => text.replace('fine', 'Fine'));
    expect(await judge(changed, at)).toEqual({ ours: 'broken', openssl: false });
    expect(check(changed).reasons).toEqual(['Il contenuto del messaggio è stato modificato dopo la firma.']);
  });

  it('finds a changed signature', async () => {
    const { raw, at } = busta();
    // The last octets of the signature value, kept well-formed.
    const changed = edit(raw, text =>
      text.replace(
        /([\w+/])([\w+/]{3})(=*\r\n\r\n------=_Part\S+--\r\n)$/,
        (_all, first: string, rest: string, end: string) => {
          return `${first === 'A' ? 'B' : 'A'}${rest}${end}`;
        },
      ),
    );
    expect(await judge(changed, at)).toEqual({ ours: 'broken', openssl: false });
  });

  it('finds the signature of another message', async () => {
    const one = busta();
    const other = busta({ seed: 6 });
    const signature = /Content-Type: application\/pkcs7-signature[\s\S]*?\r\n------/;
    const [stolen = ''] = signature.exec(other.raw.toString('latin1')) ?? [];
    const swapped = edit(one.raw, text => text.replace(signature, stolen));
    expect(await judge(swapped, one.at)).toEqual({ ours: 'broken', openssl: false });
  });

  it('does not mind line ends, does mind spaces at the end of lines', async () => {
    const { raw, at } = busta();
    const unix = edit(raw, text => text.replaceAll('\r\n', '\n'));
    expect(await judge(unix, at)).toEqual({ ours: 'valid', openssl: true });
    const content = 'Content-Type: text/plain\n\nspazi in fondo  \n';
    const leaf = await leafOf(root);
    const signed = await openssl.sign(content, leaf, GESTORE);
    const roots = [root.certificatePem];
    expect(check(signed, [root.certificate]).status).toBe('valid');
    expect(await openssl.accepts(signed, roots, now)).toBe(true);
    const stripped = edit(signed, text => text.replace('fondo  ', 'fondo'));
    expect(check(stripped, [root.certificate]).status).toBe('broken');
    expect(await openssl.accepts(stripped, roots, now)).toBe(false);
  });

  it('does not know another root', () => {
    const outcome = check(busta().raw, [root.certificate]);
    expect(outcome.status).toBe('unknown-issuer');
    expect(outcome.signer).not.toBeNull();
    expect(check(busta().raw, []).status).toBe('unknown-issuer');
  });
});

describe('on messages that openssl signs', () => {
  const trusted = () => [root.certificate];

  async function sign(leaf: KeyPairWithCertificate, from = GESTORE, ...options: string[]): Promise<Buffer> {
    const extra = await openssl.write(intermediate.certificatePem, 'pem');
    return openssl.sign(CONTENT, leaf, from, '-certfile', extra, ...options);
  }

  it.each([
    ['DER', []],
    ['BER with indefinite lengths', ['-stream']],
    ['no signed attributes', ['-noattr']],
    ['a key identifier', ['-keyid']],
    ['an opaque content', ['-nodetach']],
    ['an opaque content in BER', ['-nodetach', '-stream']],
    ['SHA-512', ['-md', 'sha512']],
  ])('reads %s', async (_name, options) => {
    const raw = await sign(await leafOf(intermediate), GESTORE, ...options);
    const outcome = check(raw, trusted());
    expect(outcome.status).toBe(options.includes('-noattr') ? 'valid-with-remarks' : 'valid');
    const broken = edit(raw, text =>
      options.includes('-nodetach') ? swapDigit(text) : text.replace('Riga due', 'Riga tre'),
    );
    expect(check(broken, trusted()).status).toBe('broken');
  });

  /** Changes one letter in the middle of the encoded content. */
  function swapDigit(text: string): string {
    const at = text.indexOf(Buffer.from(CONTENT).toString('base64').slice(30, 40));
    const middle = at < 0 ? text.indexOf('\r\n\r\n') + 150 : at;
    return `${text.slice(0, middle)}${text[middle] === 'B' ? 'C' : 'B'}${text.slice(middle + 1)}`;
  }

  it('reads RSA-PSS', async () => {
    const leaf = await leafOf(intermediate, { algorithm: 'RSA-2048' });
    const raw = await sign(leaf, GESTORE, '-keyopt', 'rsa_padding_mode:pss', '-keyopt', 'rsa_pss_saltlen:32');
    expect(check(raw, trusted())).toMatchObject({ status: 'valid', reasons: [] });
    expect(
      check(
        edit(raw, text => text.replace('uno', 'due')),
        trusted(),
      ).status,
    ).toBe('broken');
  });

  it('wants the sender to be the holder of the certificate', async () => {
    const leaf = await leafOf(intermediate);
    const outcome = check(await sign(leaf, 'posta-certificata@gestore-due.example'), trusted());
    expect(outcome.status).toBe('broken');
    expect(outcome.reasons.join()).toContain('non è intestato al mittente');
    expect(check(await sign(leaf, `"Per conto di: x@y.example" <${GESTORE.toUpperCase()}>`), trusted()).status).toBe(
      'valid',
    );
  });

  it('trusts no message with two senders', async () => {
    const raw = await sign(await leafOf(intermediate));
    const second = edit(raw, text => text.replace('From: ', 'From: posta-certificata@gestore-due.example\r\nFrom: '));
    expect(check(second, trusted()).status).toBe('broken');
    const both = edit(raw, text => text.replace('From: ', 'From: altro@gestore-due.example, '));
    expect(check(both, trusted()).reasons.join()).toContain('ambiguo');
  });

  it('wants a certificate for mail', async () => {
    const leaf = await leafOf(intermediate, { extendedKeyUsage: ['serverAuth'] });
    expect(check(await sign(leaf), trusted()).reasons.join()).toContain('non è destinato');
    const wrongUse = await leafOf(intermediate, { keyUsage: ['keyEncipherment'] });
    expect(check(await sign(wrongUse), trusted()).status).toBe('broken');
    const noUse = await leafOf(intermediate, { extendedKeyUsage: [] });
    expect(check(await sign(noUse), trusted()).status).toBe('valid');
  });

  it('wants the certificate to be valid when it signed', async () => {
    const leaf = await leafOf(intermediate, { notAfter: new Date('2021-01-01T00:00:00Z') });
    expect(check(await sign(leaf), trusted()).reasons.join()).toContain('non era valido al momento della firma');
  });

  it('does not follow a path that is not one', async () => {
    const noAuthority = await leafOf(root);
    const below = await leafOf(noAuthority);
    const extra = await openssl.write(noAuthority.certificatePem, 'pem');
    const raw = await openssl.sign(CONTENT, below, GESTORE, '-certfile', extra);
    expect(check(raw, trusted()).status).toBe('unknown-issuer');
    expect(await openssl.accepts(raw, [root.certificatePem], now)).toBe(false);
    const alone = await openssl.sign(CONTENT, await leafOf(intermediate), GESTORE);
    expect(check(alone, trusted()).status).toBe('unknown-issuer');
    expect(check(alone, [intermediate.certificate]).status).toBe('valid');
    const impostor = await issue({ authority: true, subject: { commonName: 'Radice' } });
    expect(check(await openssl.sign(CONTENT, await leafOf(impostor), GESTORE), trusted()).status).toBe(
      'unknown-issuer',
    );
  });

  it('says none where nothing is signed, broken where a signature is missing', () => {
    const none = 'From: a@b.example\r\n\r\ntesto\r\n';
    expect(check(Buffer.from(none))).toMatchObject({ status: 'none', signer: null, certificates: [] });
    const head = 'Content-Type: multipart/signed; boundary=x\r\n\r\n--x\r\n\r\ntesto\r\n';
    expect(check(Buffer.from(`${head}--x--\r\n`)).status).toBe('broken');
    const garbage = `${head}--x\r\nContent-Type: application/pkcs7-signature\r\n\r\ngarbage\r\n--x--\r\n`;
    expect(check(Buffer.from(garbage))).toMatchObject({ status: 'broken', digestAlgorithm: null });
    const openpgp = `${head}--x\r\nContent-Type: application/pgp-signature\r\n\r\nxx\r\n--x--\r\n`;
    expect(check(Buffer.from(openpgp)).status).toBe('none');
  });
});
