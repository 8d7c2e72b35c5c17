import type { ParsedCertificate } from '../../pki/parsed-certificate.ts';
import { sha256Fingerprint } from '../../pki/pem.ts';
import type { SignerCertificate } from '../types.ts';

const ITALIAN_DAY = new Intl.DateTimeFormat('it-IT', { dateStyle: 'long', timeZone: 'Europe/Rome' });

/** `3 marzo 2024`, by the clock of Rome. */
export function italianDate(at: number): string {
  return ITALIAN_DAY.format(at);
}

const described = new WeakMap<ParsedCertificate, SignerCertificate>();

export function describeCertificate(certificate: ParsedCertificate): SignerCertificate {
  const known = described.get(certificate);
  if (known !== undefined) return known;
  const { x509 } = certificate;
  const made: SignerCertificate = {
    subject: oneLine(x509.subject),
    issuer: oneLine(x509.issuer),
    serial: x509.serialNumber.toLowerCase(),
    sha256: sha256Fingerprint(certificate.der),
    notBefore: certificate.notBefore,
    notAfter: certificate.notAfter,
    emails: certificate.emails,
  };
  described.set(certificate, made);
  return made;
}

/** node:crypto writes one attribute a line. */
function oneLine(name: string): string {
  return name.split('\n').join(', ');
}
