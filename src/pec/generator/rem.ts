/** REM messages (ETSI EN 319 532-3) for tests: evidence of an event, with or without the message that it is about. */
import { createHash, createPrivateKey, type KeyObject, sign } from 'node:crypto';
import type { KeyPairWithCertificate } from '../../pki/types.ts';
import { base64Lines, CRLF } from './mime-write.ts';

/** Events that a mailbox hears of (ETSI EN 319 522-1 section 6). */
export type RemEvent =
  | 'SubmissionAcceptance'
  | 'SubmissionRejection'
  | 'RelayAcceptance'
  | 'RelayRejection'
  | 'RelayFailure'
  | 'ContentConsignment'
  | 'ContentConsignmentFailure';

export interface EvidenceContent {
  readonly id: string;
  readonly event: RemEvent;
  readonly reason: string | null;
  readonly at: Date;
  readonly issuer: string;
  readonly sender: string;
  readonly recipients: readonly string[];
  readonly messageIdentifier: string;
  /** The message that it is about. */
  readonly original: string;
}

const ERDS = 'http://uri.etsi.org/19522/v1#';
const XADES = 'http://uri.etsi.org/01903/v1.3.2#';
const SHA256 = 'http://www.w3.org/2001/04/xmlenc#sha256';
const DSIG = 'http://www.w3.org/2000/09/xmldsig#';
const EXCLUSIVE = 'http://www.w3.org/2001/10/xml-exc-c14n#';
const EVENT = 'http://uri.etsi.org/19522/Event/';
const REASON = 'http://uri.etsi.org/19522/EventReason/';

/** Header fields of an event; URIs as the standard names them. */
export function remFields({ id, event, reason, messageIdentifier }: EvidenceContent, enclosing: boolean): string[] {
  return [
    `REM-MessageType: ${enclosing ? 'REM-Dispatch' : 'REM-Receipt'}`,
    `REM-EventIdentifier: ${EVENT}${event}`,
    ...(reason === null ? [] : [`REM-ReasonIdentifier: ${REASON}${reason}`]),
    `REM-Evidence-ID: ${id}`,
    `REM-UAMessageIdentifier: ${messageIdentifier}`,
  ];
}

/** One part of a REM message. */
export function remPart(section: 'introduction' | 'original' | 'xml_evidence', head: readonly string[], body: string) {
  return [...head, `REM-Section-Type: rem_message/${section}`, '', body].join(CRLF);
}

/** The evidence as a part, with an enveloped signature (XAdES baseline B, ETSI EN 319 132-1) of the provider. */
export function evidencePart(content: EvidenceContent, pair: KeyPairWithCertificate): string {
  const name = `${content.event}.xml`;
  const head = [
    `Content-Type: application/xml; name="${name}"`,
    'Content-Transfer-Encoding: base64',
    `Content-Disposition: attachment; filename="${name}"`,
  ];
  return remPart('xml_evidence', head, base64Lines(Buffer.from(writeEvidence(content, pair), 'utf8')).trimEnd());
}

/** Written in its canonical form, so that what is digested is what stands there without the signature. */
function writeEvidence(content: EvidenceContent, pair: KeyPairWithCertificate): string {
  const element = (name: string, ...inner: string[]) => `<erds:${name}>${inner.join('')}</erds:${name}>`;
  const person = (name: string, address: string) =>
    element(name, `<erds:Identifier IdentifierSchemeName="mailto">${xmlText(address)}</erds:Identifier>`);
  const start = `<erds:Evidence xmlns:erds="${ERDS}" version="1">`;
  const body = [
    element('EvidenceIdentifier', xmlText(content.id)),
    element('ERDSEventId', `${EVENT}${content.event}`),
    ...(content.reason === null
      ? []
      : [element('EventReasons', element('EventReason', element('Code', `${REASON}${content.reason}`)))]),
    element('EventTime', content.at.toISOString()),
    person('EvidenceIssuerDetails', content.issuer),
    person('SenderDetails', content.sender),
    ...content.recipients.map(address => person('RecipientDetails', address)),
    element('MessageIdentifier', xmlText(content.messageIdentifier)),
    element('UserContentInfo', element('PartInfo', ...digest(Buffer.from(content.original, 'latin1')))),
  ].join('');
  const end = '</erds:Evidence>';
  const signature = writeSignature(start + body + end, content.at, pair);
  return `<?xml version="1.0" encoding="UTF-8"?>\n${start}${body}${signature}${end}`;
}

/** Each names its namespace, which canonical form does for what is digested apart from the rest. */
function digest(octets: Uint8Array | string): string[] {
  return [
    `<ds:DigestMethod xmlns:ds="${DSIG}" Algorithm="${SHA256}"></ds:DigestMethod>`,
    `<ds:DigestValue xmlns:ds="${DSIG}">${createHash('sha256').update(octets).digest('base64')}</ds:DigestValue>`,
  ];
}

function writeSignature(signed: string, at: Date, pair: KeyPairWithCertificate): string {
  const properties = [
    `<xades:SignedProperties xmlns:xades="${XADES}" Id="proprieta">`,
    '<xades:SignedSignatureProperties>',
    `<xades:SigningTime>${at.toISOString()}</xades:SigningTime>`,
    '<xades:SigningCertificateV2><xades:Cert><xades:CertDigest>',
    ...digest(pair.certificate),
    '</xades:CertDigest></xades:Cert></xades:SigningCertificateV2>',
    '</xades:SignedSignatureProperties></xades:SignedProperties>',
  ].join('');
  const key = keyOf(pair);
  const elliptic = key.asymmetricKeyType === 'ec';
  const method = `http://www.w3.org/2001/04/xmldsig-more#${elliptic ? 'ecdsa' : 'rsa'}-sha256`;
  const info = [
    `<ds:SignedInfo xmlns:ds="${DSIG}">`,
    `<ds:CanonicalizationMethod Algorithm="${EXCLUSIVE}"></ds:CanonicalizationMethod>`,
    `<ds:SignatureMethod Algorithm="${method}"></ds:SignatureMethod>`,
    reference('URI=""', signed, `${DSIG}enveloped-signature`, EXCLUSIVE),
    reference('Type="http://uri.etsi.org/01903#SignedProperties" URI="#proprieta"', properties, EXCLUSIVE),
    '</ds:SignedInfo>',
  ].join('');
  const value = sign('sha256', Buffer.from(info), { key, dsaEncoding: 'ieee-p1363' }).toString('base64');
  // The last one is the root, which is for others to believe.
  const certificates = [pair.certificate, ...pair.chain.slice(0, -1)].map(
    der => `<ds:X509Certificate>${Buffer.from(der).toString('base64')}</ds:X509Certificate>`,
  );
  return [
    `<ds:Signature xmlns:ds="${DSIG}" Id="firma">`,
    info,
    `<ds:SignatureValue>${value}</ds:SignatureValue>`,
    `<ds:KeyInfo><ds:X509Data>${certificates.join('')}</ds:X509Data></ds:KeyInfo>`,
    `<ds:Object><xades:QualifyingProperties xmlns:xades="${XADES}" Target="#firma">${properties}`,
    '</xades:QualifyingProperties></ds:Object></ds:Signature>',
  ].join('');
}

/** In canonical form, as the signed information that it stands in. */
function reference(attributes: string, octets: string, ...transforms: string[]): string {
  const listed = transforms.map(uri => `<ds:Transform Algorithm="${uri}"></ds:Transform>`).join('');
  return [
    `<ds:Reference ${attributes}><ds:Transforms>${listed}</ds:Transforms>`,
    `<ds:DigestMethod Algorithm="${SHA256}"></ds:DigestMethod>`,
    `<ds:DigestValue>${createHash('sha256').update(octets).digest('base64')}</ds:DigestValue></ds:Reference>`,
  ].join('');
}

const keys = new WeakMap<KeyPairWithCertificate, KeyObject>();

function keyOf(pair: KeyPairWithCertificate): KeyObject {
  const known = keys.get(pair) ?? createPrivateKey(pair.privateKeyPem);
  keys.set(pair, known);
  return known;
}

function xmlText(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
}
