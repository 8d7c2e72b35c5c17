import type { SignatureOutcome } from '../pec/types.ts';
import type { AccountStore } from '../store/types.ts';
import type { Imported } from './import/index.ts';
import type { RenewalOptions, RenewalOutcome } from './renewal/renew.ts';

/** Signs CMS content; the key may live in a file or in a device. */
export interface Signer {
  /** DER of the signing certificate and its chain, leaf first. */
  readonly certificates: readonly Uint8Array[];
  readonly evaluation: boolean;
  /** CAdES-BES SignedData over `content`, attached (`.p7m`), DER; ESSCertIDv2 included (EN 319 122-1). */
  signAttached(content: Uint8Array): Promise<Uint8Array>;
}

/** A stamp with what is needed to check it. */
export interface Timestamp {
  /** DER of the TimeStampToken. */
  readonly token: Uint8Array;
  /** DER of the TSA's certificate and its chain, as far as known, leaf first. */
  readonly certificates: readonly Uint8Array[];
}

/** A time-stamping authority (RFC 3161). */
export interface TimestampAuthority {
  readonly evaluation: boolean;
  /** A stamp over a SHA-2 digest; status, nonce, digest and signature are checked before it is returned. */
  stamp(digest: Uint8Array): Promise<Timestamp>;
}

/** Files of one package's evidence, names inside the package's directory. */
export const EVIDENCE_FILES = {
  /** UNI 11386:2020 PIndex, as signed. */
  index: 'PIndex.xml',
  /** CAdES signature around PIndex.xml, with its own time stamp unless the level is B. */
  signedIndex: 'PIndex.xml.p7m',
  /** What the stamp covers: `sha256  name` of each message, the signed index, the journal's head. */
  leaves: 'foglie.txt',
  /** The octets whose SHA-256 is the root of the hash tree over these leaves (RFC 4998). */
  top: 'albero.bin',
  /** RFC 3161 token over that root: `openssl ts -verify -data albero.bin -in albero.tsr -token_in`. */
  timestamp: 'albero.tsr',
  /** Metadata of the messages, two files each. */
  metadata: 'metadati.zip',
  /** Head of the account's journal when the package was made: JSON. */
  journal: 'giornale.json',
  /** Rapporto di versamento. */
  report: 'RdV.xml',
  signedReport: 'RdV.xml.p7m',
  /** Certificates of signer and TSAs, PEM. */
  signerChain: 'firmatario.pem',
  timestampChain: 'tsa.pem',
  /** Outcome of the gestore's signature of each message, as checked when the package was made: JSON. */
  checks: 'verifiche.json',
  /** Table of contents with the digest of each file, written last: without it there is no package. JSON. */
  seal: 'pacchetto.json',
} as const;

/** What the checks of a package found for one message. */
export interface MessageCheck {
  readonly message: string;
  readonly sha256: string;
  readonly signature: Omit<SignatureOutcome, 'certificates'>;
}

/** The background worker of one process: looks after the queues of all accounts given to it. */
export interface ConservationService {
  /** Signer, TSA or holder are not configured: every package bears the mark of evaluation. */
  readonly evaluation: boolean;
  /** Starts to watch an account's queue, repairing first what a crash left half-way. */
  watch(account: AccountStore): Promise<void>;
  /**
   * Works on the account's queue now, waits for delays set aside: each waiting message gets one try; then on the packages
   * of distribution that were asked for. Resolves when nothing is left that can be done (tests, `archivia conserve`); rejects when a batch could not be finished, such
   * as with a TSA that does not answer, or when the account is not watched.
   */
  drain(address: string): Promise<void>;
  /** Renews the stamps of an account that are due; see renewal/renew.ts. Every day this is done by itself. */
  renew(address: string, options?: RenewalOptions): Promise<RenewalOutcome[]>;
  /** Takes over packages that another Archivia made; see import/index.ts. Not of an account that is watched. */
  importFile(account: AccountStore, path: string): Promise<Imported>;
  stop(): Promise<void>;
}
