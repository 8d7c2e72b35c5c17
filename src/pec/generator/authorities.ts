/**
 * An invented hierarchy: root, intermediate, gestori, and a person who signs files. For the demo, tests and benchmarks;
 * nobody else believes it.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { issueCertificate } from '../../pki/certificate.ts';
import { pemDecodeAll } from '../../pki/pem.ts';
import type { CertificateRequest, KeyPairWithCertificate } from '../../pki/types.ts';

export interface Gestore {
  readonly name: string;
  readonly domain: string;
  /** `posta-certificata@<domain>`, the sender of everything that the gestore signs. */
  readonly address: string;
  /** Certificates of three years each, oldest first, without a gap from five years ago to a year ahead. */
  readonly leaves: readonly {
    readonly notBefore: Date;
    readonly notAfter: Date;
    readonly pair: KeyPairWithCertificate;
  }[];
}

export interface TestAuthorities {
  readonly root: KeyPairWithCertificate;
  readonly intermediate: KeyPairWithCertificate;
  readonly gestori: readonly Gestore[];
  /** An invented person's certificate for `.p7m` files. */
  readonly signatory: KeyPairWithCertificate;
  /** DER of the root: the `anchors` of verifySignature. */
  readonly anchors: readonly Uint8Array[];
}

export interface AuthorityOptions {
  /** P-256 when absent: twenty times as fast as RSA. */
  readonly algorithm?: 'RSA-2048' | 'P-256';
  /** Validity is counted from here; now when absent. */
  readonly now?: Date;
  /** http address of the revocation list that the gestori's certificates name; none when absent. */
  readonly crlUrl?: string;
  /** http address of the OCSP responder that they name; none when absent. */
  readonly ocspUrl?: string;
  /** http address of their authority's certificate, which signatures then leave out; none when absent. */
  readonly caIssuersUrl?: string;
}

const GESTORI = [
  { name: 'Gestore Uno S.p.A.', domain: 'gestore-uno.example' },
  { name: 'Gestore Due S.p.A.', domain: 'gestore-due.example' },
  { name: 'Gestore Tre S.r.l.', domain: 'gestore-tre.example' },
] as const;

const cache = new Map<string, Promise<TestAuthorities>>();

/** Makes the hierarchy; within a process, the same one for the same options. */
export function createTestAuthorities(options: AuthorityOptions = {}): Promise<TestAuthorities> {
  const algorithm = options.algorithm ?? 'P-256';
  const key = `${algorithm} ${options.now?.getTime() ?? ''} ${options.crlUrl ?? ''} ${options.ocspUrl ?? ''} ${options.caIssuersUrl ?? ''}`;
  const known = cache.get(key);
  if (known !== undefined) return known;
  const made = make(algorithm, options.now ?? new Date(), options);
  cache.set(key, made);
  return made;
}

async function make(
  algorithm: 'RSA-2048' | 'P-256',
  now: Date,
  urls: Pick<AuthorityOptions, 'crlUrl' | 'ocspUrl' | 'caIssuersUrl'>,
): Promise<TestAuthorities> {
  const { crlUrl, ocspUrl, caIssuersUrl } = urls;
  const issue = (request: Omit<CertificateRequest, 'algorithm'>) => issueCertificate({ algorithm, ...request });
  const lifetime = { notBefore: years(now, -15), notAfter: years(now, 15), authority: true };
  const root = await issue({ ...lifetime, subject: name('Radice di prova PEC', 'Autorità di Esempio') });
  const intermediate = await issue({
    ...lifetime,
    subject: name('CA di prova dei gestori PEC', 'Autorità di Esempio'),
    issuer: root,
  });
  const gestori: Gestore[] = [];
  for (const { name: company, domain } of GESTORI) {
    const address = `posta-certificata@${domain}`;
    const leaves: Gestore['leaves'][number][] = [];
    for (const from of [-5, -2]) {
      const validity = { notBefore: years(now, from), notAfter: years(now, from + 3) };
      const pair = await issue({
        ...validity,
        subject: name(`Posta Certificata ${company}`, company),
        issuer: intermediate,
        emails: [address, `rem-service@${domain}`],
        ...(crlUrl !== undefined && { crlUrl }),
        ...(ocspUrl !== undefined && { ocspUrl }),
        ...(caIssuersUrl !== undefined && { caIssuersUrl }),
        keyUsage: ['digitalSignature'],
        extendedKeyUsage: ['emailProtection'],
      });
      leaves.push({ ...validity, pair: caIssuersUrl === undefined ? pair : { ...pair, chain: [] } });
    }
    gestori.push({ name: company, domain, address, leaves });
  }
  const signatory = await issue({
    notBefore: years(now, -5),
    notAfter: years(now, 1),
    subject: name('Mario Rossi', 'Studio Esempio'),
    issuer: intermediate,
    keyUsage: ['nonRepudiation'],
  });
  return { root, intermediate, gestori, signatory, anchors: [root.certificate] };
}

function name(commonName: string, organization: string): CertificateRequest['subject'] {
  return { commonName, organization, country: 'IT' };
}

function years(from: Date, count: number): Date {
  const date = new Date(Math.floor(from.getTime() / 1000) * 1000);
  date.setUTCFullYear(date.getUTCFullYear() + count);
  return date;
}

const FILE = 'authorities.json';

/** Keys included; certificates as DER in base64. */
interface SavedPair {
  readonly certificatePem: string;
  readonly privateKeyPem: string;
  readonly chainPem: readonly string[];
}

function save(pair: KeyPairWithCertificate, chainPem: readonly string[]): SavedPair {
  return { certificatePem: pair.certificatePem, privateKeyPem: pair.privateKeyPem, chainPem };
}

function load(saved: SavedPair): KeyPairWithCertificate {
  const der = (pem: string) => pemDecodeAll(pem)[0]?.der ?? new Uint8Array();
  return {
    certificate: der(saved.certificatePem),
    certificatePem: saved.certificatePem,
    privateKeyPem: saved.privateKeyPem,
    chain: saved.chainPem.map(der),
  };
}

/** Writes `authorities.json` (keys included, mode 0600) and `root.pem`, ready for `openssl -CAfile`. */
export async function saveTestAuthorities(directory: string, authorities: TestAuthorities): Promise<void> {
  const { root, intermediate, gestori, signatory } = authorities;
  const below = [intermediate.certificatePem, root.certificatePem];
  const saved = {
    root: save(root, []),
    intermediate: save(intermediate, [root.certificatePem]),
    signatory: save(signatory, below),
    gestori: gestori.map(gestore => ({
      ...gestore,
      leaves: gestore.leaves.map(leaf => ({ ...leaf, pair: save(leaf.pair, below) })),
    })),
  };
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, FILE), `${JSON.stringify(saved, null, 2)}\n`, { mode: 0o600 });
  await writeFile(join(directory, 'root.pem'), root.certificatePem);
}

/** What saveTestAuthorities wrote. Rejects when it is not there. */
export async function loadTestAuthorities(directory: string): Promise<TestAuthorities> {
  interface Saved {
    root: SavedPair;
    intermediate: SavedPair;
    signatory: SavedPair;
    gestori: (Omit<Gestore, 'leaves'> & { leaves: { notBefore: string; notAfter: string; pair: SavedPair }[] })[];
  }
  const saved = JSON.parse(await readFile(join(directory, FILE), 'utf8')) as Saved;
  const root = load(saved.root);
  return {
    root,
    intermediate: load(saved.intermediate),
    signatory: load(saved.signatory),
    gestori: saved.gestori.map(gestore => ({
      ...gestore,
      leaves: gestore.leaves.map(leaf => ({
        notBefore: new Date(leaf.notBefore),
        notAfter: new Date(leaf.notAfter),
        pair: load(leaf.pair),
      })),
    })),
    anchors: [root.certificate],
  };
}
