/**
 * Makes keys and X.509 certificates (RFC 5280): the self-signed TLS certificate, the evaluation keys of conservation,
 * the demo's gestori. Not an authority for anybody else.
 */
import { createPrivateKey, randomBytes, webcrypto } from 'node:crypto';
import * as asn1js from 'asn1js';
import * as pkijs from 'pkijs';
import { certificateExtensions } from './extensions.ts';
import { pemEncode } from './pem.ts';
import type { CertificateRequest, KeyPairWithCertificate } from './types.ts';

const OID_COUNTRY = '2.5.4.6';
const OID_ORGANIZATION = '2.5.4.10';
const OID_COMMON_NAME = '2.5.4.3';

const RSA: webcrypto.RsaHashedKeyGenParams = {
  name: 'RSASSA-PKCS1-v1_5',
  modulusLength: 2048,
  publicExponent: new Uint8Array([1, 0, 1]),
  hash: 'SHA-256',
};
const P256: webcrypto.EcKeyGenParams = { name: 'ECDSA', namedCurve: 'P-256' };

/** A fresh key pair for SHA-256 signatures, exportable. */
async function generateKeyPair(algorithm: 'RSA-2048' | 'P-256'): Promise<webcrypto.CryptoKeyPair> {
  const parameters = algorithm === 'RSA-2048' ? RSA : P256;
  return (await webcrypto.subtle.generateKey(parameters, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
}

/**
 * Makes a key (P-256 unless asked otherwise) and its certificate, signed by `issuer` or by itself. Rejects when the
 * issuer's key cannot be read. A `notAfter` past the issuer's is not corrected.
 */
export async function issueCertificate(request: CertificateRequest): Promise<KeyPairWithCertificate> {
  const keys = await generateKeyPair(request.algorithm ?? 'P-256');
  const certificate = new pkijs.Certificate();
  certificate.version = 2; // v3
  certificate.serialNumber = serialNumber();
  certificate.notBefore = time(request.notBefore);
  certificate.notAfter = time(request.notAfter);
  writeName(certificate.subject, request.subject);
  await certificate.subjectPublicKeyInfo.importKey(keys.publicKey as CryptoKey);

  const issuer = request.issuer === undefined ? null : pkijs.Certificate.fromBER(request.issuer.certificate.slice());
  certificate.issuer = issuer?.subject ?? certificate.subject;
  const signingKey = request.issuer === undefined ? keys.privateKey : await importKey(request.issuer.privateKeyPem);
  certificate.extensions = certificateExtensions(request, {
    subjectKeyId: await certificate.getKeyHash(),
    authorityKeyId: await (issuer ?? certificate).getKeyHash(),
  });
  await certificate.sign(signingKey as CryptoKey, 'SHA-256');

  const der = new Uint8Array(certificate.toSchema(true).toBER());
  const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
  return {
    certificate: der,
    certificatePem: pemEncode('CERTIFICATE', der),
    privateKeyPem: pemEncode('PRIVATE KEY', new Uint8Array(pkcs8)),
    chain: request.issuer === undefined ? [] : [request.issuer.certificate, ...request.issuer.chain],
  };
}

/** 127 random bits: positive, and within the 20 octets of RFC 5280 section 4.1.2.2. */
function serialNumber(): asn1js.Integer {
  const bytes = new Uint8Array(randomBytes(16));
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return new asn1js.Integer({ valueHex: bytes.buffer });
}

/** UTCTime up to 2049, GeneralizedTime after (RFC 5280 section 4.1.2.5). */
export function time(date: Date): pkijs.Time {
  const whole = new Date(Math.floor(date.getTime() / 1000) * 1000);
  return new pkijs.Time({ type: whole.getUTCFullYear() < 2050 ? 0 : 1, value: whole });
}

function writeName(name: pkijs.RelativeDistinguishedNames, subject: CertificateRequest['subject']): void {
  const add = (type: string, value: asn1js.PrintableString | asn1js.Utf8String) =>
    name.typesAndValues.push(new pkijs.AttributeTypeAndValue({ type, value }));
  if (subject.country !== undefined) add(OID_COUNTRY, new asn1js.PrintableString({ value: subject.country }));
  if (subject.organization !== undefined) add(OID_ORGANIZATION, new asn1js.Utf8String({ value: subject.organization }));
  add(OID_COMMON_NAME, new asn1js.Utf8String({ value: subject.commonName }));
}

export async function importKey(pem: string): Promise<webcrypto.CryptoKey> {
  const key = createPrivateKey(pem);
  const parameters = key.asymmetricKeyType === 'rsa' ? RSA : P256;
  const der = key.export({ type: 'pkcs8', format: 'der' });
  return webcrypto.subtle.importKey('pkcs8', der, parameters, false, ['sign']);
}
