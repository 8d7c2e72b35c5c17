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
}

const ERDS = 'http://uri.etsi.org/19522/v1#';
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

/** The evidence as a part, with an enveloped signature (XML-DSig) of the provider. */
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
  ].join('');
  const end = '</erds:Evidence>';
  const signature = writeSignature(start + body + end, pair);
  return `<?xml version="1.0" encoding="UTF-8"?>\n${start}${body}${signature}${end}`;
}

function writeSignature(signed: string, pair: KeyPairWithCertificate): string {
  const key = keyOf(pair);
  const elliptic = key.asymmetricKeyType === 'ec';
  const method = `http://www.w3.org/2001/04/xmldsig-more#${elliptic ? 'ecdsa' : 'rsa'}-sha256`;
  const transforms = [`${DSIG}enveloped-signature`, EXCLUSIVE].map(
    uri => `<ds:Transform Algorithm="${uri}"></ds:Transform>`,
  );
  const info = [
    `<ds:SignedInfo xmlns:ds="${DSIG}">`,
    `<ds:CanonicalizationMethod Algorithm="${EXCLUSIVE}"></ds:CanonicalizationMethod>`,
    `<ds:SignatureMethod Algorithm="${method}"></ds:SignatureMethod>`,
    '<ds:Reference URI="">',
    `<ds:Transforms>${transforms.join('')}</ds:Transforms>`,
    '<ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"></ds:DigestMethod>',
    `<ds:DigestValue>${createHash('sha256').update(signed).digest('base64')}</ds:DigestValue>`,
    '</ds:Reference></ds:SignedInfo>',
  ].join('');
  const value = sign('sha256', Buffer.from(info), { key, dsaEncoding: 'ieee-p1363' }).toString('base64');
  const certificate = Buffer.from(pair.certificate).toString('base64');
  return [
    `<ds:Signature xmlns:ds="${DSIG}">`,
    info,
    `<ds:SignatureValue>${value}</ds:SignatureValue>`,
    `<ds:KeyInfo><ds:X509Data><ds:X509Certificate>${certificate}</ds:X509Certificate></ds:X509Data></ds:KeyInfo>`,
    '</ds:Signature>',
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
