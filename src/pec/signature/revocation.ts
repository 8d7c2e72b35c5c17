/**
 * Whether the certificates that a signature rests on were revoked (RFC 5280 section 6.3), by lists that came with it or
 * were fetched, and by what responders say (RFC 6960). Synchronous and free of I/O, like the check itself.
 */
import type { MimeNode } from '../../mime/types.ts';
import { readSignedData } from '../../pki/cms.ts';
import { readRevocationList } from '../../pki/crl.ts';
import { ocspRequest, readOcspResponse } from '../../pki/ocsp.ts';
import type { ParsedCertificate } from '../../pki/parsed-certificate.ts';
import { cachedCertificate, findPath } from '../../pki/path.ts';
import { sha256Fingerprint } from '../../pki/pem.ts';
import type { SignatureOutcome } from '../types.ts';
import { anchorsOf, type SignatureOptions } from './anchors.ts';
import { italianDate } from './describe.ts';
import { findSignedContent } from './signed-content.ts';

/** Lists in one signature that are looked at. */
const MAX_LISTS = 8;
/** Responders of one certificate that are asked. */
const MAX_RESPONDERS = 2;
/** What a responder's clock may be ahead, and a batch may take, milliseconds. */
const AHEAD_MS = 15 * 60_000;

/** An outcome with what revocation lists say of it. */
export interface RevocationOutcome {
  readonly outcome: SignatureOutcome;
  /** DER of each list that counted. */
  readonly lists: readonly Uint8Array[];
  /** DER of each OCSP response that counted. */
  readonly responses: readonly Uint8Array[];
}

export interface OcspQuery {
  readonly url: string;
  /** DER. */
  readonly request: Uint8Array;
}

/**
 * Where the lists of the certificates on a good signature's path are to be had, and what is to be asked of their
 * responders; nobody else's addresses are used.
 */
export function revocationSources(
  outcome: SignatureOutcome,
  options: SignatureOptions,
): { readonly lists: readonly string[]; readonly queries: readonly OcspQuery[] } {
  const path = pathOf(outcome, options) ?? [];
  const queries = path.flatMap((certificate, index) => {
    const issuer = path[index + 1];
    if (issuer === undefined) return [];
    const urls = certificate.ocspUrls.slice(0, MAX_RESPONDERS);
    return urls.map(url => ({ url, request: ocspRequest(certificate, issuer) }));
  });
  return { lists: [...new Set(path.slice(0, -1).flatMap(({ crlUrls }) => crlUrls))], queries };
}

/** DER of the lists that a message's signature carries in itself (RFC 5652 section 10.2.1). */
export function enclosedLists(raw: Uint8Array, root: MimeNode): readonly Uint8Array[] {
  try {
    const found = findSignedContent(raw, root);
    return found === null || typeof found === 'string' ? [] : readSignedData(found.signature).crls.slice(0, MAX_LISTS);
  } catch {
    return [];
  }
}

/**
 * A certificate that had been revoked when it signed makes the signature broken; one that was revoked afterwards is a
 * remark. Where nothing speaks for a certificate, or only what was out of date before the signature, nothing changes. What
 * is newest counts.
 * @param lists DER of lists and OCSP responses, from wherever; what is not the issuer's does not count
 */
export function withRevocation(
  outcome: SignatureOutcome,
  { lists, responses }: { readonly lists: readonly Uint8Array[]; readonly responses: readonly Uint8Array[] },
  options: SignatureOptions,
): RevocationOutcome {
  const now = options.at ?? Date.now();
  const signedAt = outcome.signingTime ?? now;
  const path = pathOf(outcome, options) ?? [];
  const readLists = lists.flatMap(der => readable(() => readRevocationList(der)));
  const readResponses = responses.flatMap(der => readable(() => readOcspResponse(der)));
  const counted = new Set<Uint8Array>();
  let broken: string | null = null;
  const remarks: string[] = [];
  for (const [index, certificate] of path.entries()) {
    const issuer = path[index + 1];
    if (issuer === undefined) break; // an anchor is believed as it is
    const statements = [
      ...readLists
        .filter(list => tellsOf(list, signedAt, now) && list.speaksFor(certificate, issuer))
        .map(({ der, thisUpdate, nextUpdate, ...list }) => {
          return { der, thisUpdate, nextUpdate, revokedAt: list.revokedAt(certificate) };
        }),
      ...readResponses.flatMap(({ der, statusOf }): Statement[] => {
        const status = readable(() => statusOf(certificate, issuer))[0] ?? null;
        return status !== null && tellsOf(status, signedAt, now) ? [{ der, ...status }] : [];
      }),
    ];
    const statement = newest(statements);
    if (statement === null) continue;
    counted.add(statement.der);
    const at = statement.revokedAt;
    if (at === null || at > now) continue;
    const whose = index === 0 ? 'del gestore' : 'di un’autorità del gestore';
    if (at <= signedAt)
      broken ??= `Il certificato ${whose} era stato revocato il ${italianDate(at)}, prima della firma.`;
    else
      remarks.push(`Il certificato ${whose}, valido al momento della firma, è stato revocato il ${italianDate(at)}.`);
  }
  const told = {
    lists: lists.filter(der => counted.has(der)),
    responses: responses.filter(der => counted.has(der)),
  };
  if (broken !== null) return { ...told, outcome: { ...outcome, status: 'broken', reasons: [broken] } };
  if (remarks.length === 0) return { ...told, outcome };
  return { ...told, outcome: { ...outcome, status: 'valid-with-remarks', reasons: [...outcome.reasons, ...remarks] } };
}

/** What a list or a response says of one certificate. */
interface Statement {
  readonly der: Uint8Array;
  readonly thisUpdate: number;
  readonly nextUpdate: number | null;
  readonly revokedAt: number | null;
}

/** Valid now, or made after the signature: either says what the certificate was when it signed. */
function tellsOf(
  { thisUpdate, nextUpdate }: Pick<Statement, 'thisUpdate' | 'nextUpdate'>,
  signedAt: number,
  now: number,
): boolean {
  return thisUpdate <= now + AHEAD_MS && (thisUpdate >= signedAt || nextUpdate === null || nextUpdate >= now);
}

function newest(statements: readonly Statement[]): Statement | null {
  return statements.reduce<Statement | null>(
    (best, one) => (best !== null && best.thisUpdate >= one.thisUpdate ? best : one),
    null,
  );
}

/** One or none. */
function readable<T>(read: () => T): T[] {
  try {
    return [read()];
  } catch {
    return [];
  }
}

/** The path of a signature that is good so far; null for any other. */
function pathOf(outcome: SignatureOutcome, options: SignatureOptions): readonly ParsedCertificate[] | null {
  const { status, signer, signingTime } = outcome;
  if ((status !== 'valid' && status !== 'valid-with-remarks') || signer === null) return null;
  const certificates = outcome.certificates.flatMap(der => {
    try {
      return [cachedCertificate(der)];
    } catch {
      return [];
    }
  });
  const leaf = certificates.find(({ der }) => sha256Fingerprint(der) === signer.sha256);
  if (leaf === undefined) return null;
  return findPath(leaf, certificates, anchorsOf(options), signingTime ?? options.at ?? Date.now());
}
