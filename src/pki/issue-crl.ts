import * as asn1js from 'asn1js';
import * as pkijs from 'pkijs';
import { importKey, time } from './certificate.ts';
import type { KeyPairWithCertificate } from './types.ts';

export interface RevocationListRequest {
  readonly issuer: KeyPairWithCertificate;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date;
  readonly revoked: readonly { readonly certificate: Uint8Array; readonly at: Date }[];
}

/** A complete revocation list, version 2 (RFC 5280 section 5), DER. */
export async function issueRevocationList(request: RevocationListRequest): Promise<Uint8Array> {
  const { issuer, thisUpdate, nextUpdate, revoked } = request;
  const authority = pkijs.Certificate.fromBER(issuer.certificate.slice());
  const list = new pkijs.CertificateRevocationList();
  list.version = 1;
  list.issuer = authority.subject;
  list.thisUpdate = time(thisUpdate);
  list.nextUpdate = time(nextUpdate);
  if (revoked.length > 0) {
    list.revokedCertificates = revoked.map(
      ({ certificate, at }) =>
        new pkijs.RevokedCertificate({
          userCertificate: pkijs.Certificate.fromBER(certificate.slice()).serialNumber,
          revocationDate: time(at),
        }),
    );
  }
  const number = new pkijs.Extension({
    extnID: '2.5.29.20',
    extnValue: new asn1js.Integer({ value: 1 }).toBER(),
  });
  list.crlExtensions = new pkijs.Extensions({ extensions: [number] });
  await list.sign((await importKey(issuer.privateKeyPem)) as CryptoKey, 'SHA-256');
  return new Uint8Array(list.toSchema(true).toBER());
}
