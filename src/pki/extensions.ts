/** The v3 extensions of a certificate (RFC 5280 section 4.2). */
import { isIPv4, isIPv6 } from 'node:net';
import { domainToASCII } from 'node:url';
import * as asn1js from 'asn1js';
import * as pkijs from 'pkijs';
import type { CertificateRequest } from './types.ts';

const OID = {
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  crlDistributionPoints: '2.5.29.31',
  authorityKeyIdentifier: '2.5.29.35',
  extKeyUsage: '2.5.29.37',
  authorityInfoAccess: '1.3.6.1.5.5.7.1.1',
  ocsp: '1.3.6.1.5.5.7.48.1',
  caIssuers: '1.3.6.1.5.5.7.48.2',
} as const;

const EXTENDED_KEY_USAGE = {
  serverAuth: '1.3.6.1.5.5.7.3.1',
  emailProtection: '1.3.6.1.5.5.7.3.4',
  timeStamping: '1.3.6.1.5.5.7.3.8',
  ocspSigning: '1.3.6.1.5.5.7.3.9',
} as const;

/** Bit numbers of KeyUsage, most significant first (RFC 5280 section 4.2.1.3). */
const KEY_USAGE = {
  digitalSignature: 0,
  nonRepudiation: 1,
  keyEncipherment: 2,
  keyCertSign: 5,
  cRLSign: 6,
} as const;

interface KeyIds {
  readonly subjectKeyId: ArrayBuffer;
  readonly authorityKeyId: ArrayBuffer;
}

export function certificateExtensions(request: CertificateRequest, ids: KeyIds): pkijs.Extension[] {
  const authority = request.authority === true;
  const extensions = [
    extension(OID.basicConstraints, true, new pkijs.BasicConstraints({ cA: authority })),
    extension(OID.subjectKeyIdentifier, false, new asn1js.OctetString({ valueHex: ids.subjectKeyId })),
    extension(
      OID.authorityKeyIdentifier,
      false,
      new pkijs.AuthorityKeyIdentifier({ keyIdentifier: new asn1js.OctetString({ valueHex: ids.authorityKeyId }) }),
    ),
    extension(OID.keyUsage, true, keyUsage(request.keyUsage ?? defaultKeyUsage(authority))),
  ];
  const usages = request.extendedKeyUsage ?? [];
  if (usages.length > 0) {
    const keyPurposes = usages.map(usage => EXTENDED_KEY_USAGE[usage]);
    extensions.push(
      extension(OID.extKeyUsage, usages.includes('timeStamping'), new pkijs.ExtKeyUsage({ keyPurposes })),
    );
  }
  if (request.crlUrl !== undefined) {
    const point = new pkijs.DistributionPoint({
      distributionPoint: [new pkijs.GeneralName({ type: 6, value: request.crlUrl })],
    });
    const points = new pkijs.CRLDistributionPoints({ distributionPoints: [point] });
    extensions.push(extension(OID.crlDistributionPoints, false, points));
  }
  const accessDescriptions = [...accessTo(OID.ocsp, request.ocspUrl), ...accessTo(OID.caIssuers, request.caIssuersUrl)];
  if (accessDescriptions.length > 0) {
    extensions.push(extension(OID.authorityInfoAccess, false, new pkijs.InfoAccess({ accessDescriptions })));
  }
  const names = alternativeNames(request);
  if (names.length > 0) extensions.push(extension(OID.subjectAltName, false, new pkijs.GeneralNames({ names })));
  return extensions;
}

function accessTo(accessMethod: string, url: string | undefined): pkijs.AccessDescription[] {
  if (url === undefined) return [];
  const accessLocation = new pkijs.GeneralName({ type: 6, value: url });
  return [new pkijs.AccessDescription({ accessMethod, accessLocation })];
}

function defaultKeyUsage(authority: boolean): NonNullable<CertificateRequest['keyUsage']> {
  return authority ? ['keyCertSign', 'cRLSign'] : ['digitalSignature'];
}

function extension(
  extnID: string,
  critical: boolean,
  value: asn1js.BaseBlock | { toSchema(): asn1js.BaseBlock },
): pkijs.Extension {
  const schema = 'toSchema' in value ? value.toSchema() : value;
  return new pkijs.Extension({ extnID, critical, extnValue: schema.toBER() });
}

function keyUsage(usages: NonNullable<CertificateRequest['keyUsage']>): asn1js.BitString {
  let bits = 0;
  for (const usage of usages) bits |= 0x80 >> KEY_USAGE[usage];
  // DER asks that trailing zero bits of a named bit list be left out.
  const unusedBits = bits === 0 ? 0 : 31 - Math.clz32(bits & -bits);
  return new asn1js.BitString({ valueHex: new Uint8Array([bits]).buffer, unusedBits });
}

function alternativeNames(request: CertificateRequest): pkijs.GeneralName[] {
  return [
    ...(request.emails ?? []).map(value => new pkijs.GeneralName({ type: 1, value })),
    ...(request.dnsNames ?? []).map(value => new pkijs.GeneralName({ type: 2, value: domainToASCII(value) || value })),
    ...(request.ipAddresses ?? []).map(
      value => new pkijs.GeneralName({ type: 7, value: new asn1js.OctetString({ valueHex: ipBytes(value).buffer }) }),
    ),
  ];
}

/** Network octets of an address, 4 or 16. Throws a RangeError on what is no address. */
function ipBytes(address: string): Uint8Array<ArrayBuffer> {
  if (isIPv4(address)) return Uint8Array.from(address.split('.'), Number);
  if (!isIPv6(address) || address.includes('%')) throw new RangeError(`not an IP address: ${address}`);
  // The URL parser writes any form (embedded IPv4 too) as hex groups with one `::` at most.
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::');
  const groups = (text: string) => (text === '' ? [] : text.split(':').map(group => Number.parseInt(group, 16)));
  const before = groups(head);
  const after = groups(tail ?? '');
  const all = [...before, ...new Array<number>(8 - before.length - after.length).fill(0), ...after];
  return Uint8Array.from(all.flatMap(group => [group >> 8, group & 0xff]));
}
