import type { SignatureOutcome } from '../pec/types.ts';
import type { AccountStore } from '../store/types.ts';

/** Signs CMS content; the key may live in a file or in a device. */
export interface Signer {
  /** DER of the signing certificate and its chain, leaf first. */
  readonly certificates: readonly Uint8Array[];
  readonly evaluation: boolean;
  /** CAdES-BES SignedData over `content`, attached (`.p7m`), DER; ESSCertIDv2 included (EN 319 122-1). */
  signAttached(content: Uint8Array): Promise<Uint8Array>;
}

/** A stamp with what is needed to check it. */
interface Timestamp {
  /** DER of the TimeStampToken. */
  readonly token: Uint8Array;
  /** DER of the TSA's certificate and its chain, as far as known, leaf first. */
  readonly certificates: readonly Uint8Array[];
}

/** A time-stamping authority (RFC 3161). */
export interface TimestampAuthority {
  readonly evaluation: boolean;
  /** A stamp over a SHA-256 digest; status, nonce, digest and signature are checked before it is returned. */
  stamp(sha256: Uint8Array): Promise<Timestamp>;
}

/** Files of one package's evidence, names inside the package's directory. */
export const EVIDENCE_FILES = {
  /** UNI 11386:2020 PIndex, as signed. */
  index: 'PIndex.xml',
  /** CAdES signature around PIndex.xml. */
  signedIndex: 'PIndex.xml.p7m',
  /** RFC 3161 token over the SHA-256 of PIndex.xml.p7m: `openssl ts -verify -token_in`. */
  timestamp: 'PIndex.xml.p7m.tsr',
  /** Rapporto di versamento. */
  report: 'RdV.xml',
  signedReport: 'RdV.xml.p7m',
  /** Certificates of signer and TSA, PEM. */
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
   * Works on the account's queue now, waits for delays set aside: each waiting message gets one try. Resolves when
   * nothing is left that can be conserved (tests, `archivia conserve`); rejects when a batch could not be finished, such
   * as with a TSA that does not answer, or when the account is not watched.
   */
  drain(address: string): Promise<void>;
  stop(): Promise<void>;
}
