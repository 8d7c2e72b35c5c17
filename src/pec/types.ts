/** An outcome as it is kept: the certificates are in the message. */
export type SignatureSummary = Omit<SignatureOutcome, 'certificates'>;

/** What a message is, by RFC 6109 (PEC) and ETSI EN 319 532 (REM). */
export type PecKind =
  | 'busta-trasporto'
  | 'busta-anomalia'
  | 'accettazione'
  | 'non-accettazione'
  | 'presa-in-carico'
  | 'avvenuta-consegna'
  | 'errore-consegna'
  | 'preavviso-errore-consegna'
  | 'rilevazione-virus'
  /** An X-Ricevuta or X-Trasporto value that RFC 6109 does not list. */
  | 'sconosciuta'
  | 'rem'
  | 'ordinaria';

/** The third level of the trees. */
export type Category = 'Ricevuti' | 'Inviati' | 'Ricevute' | 'Avvisi' | 'Ordinaria';
export const CATEGORIES: readonly Category[] = ['Ricevuti', 'Inviati', 'Ricevute', 'Avvisi', 'Ordinaria'];

/** daticert.xml, field by field (DTD of the DM of 2 November 2005; RFC 6109 section 4.4). */
export interface Daticert {
  readonly tipo: string;
  readonly errore: string;
  readonly mittente: string;
  readonly destinatari: readonly { readonly address: string; readonly tipo: string }[];
  readonly risposte: string;
  readonly oggetto: string | null;
  readonly gestoreEmittente: string;
  /** `dd/mm/yyyy`, `hh:mm:ss`, `+hhmm` as written. */
  readonly data: { readonly giorno: string; readonly ora: string; readonly zona: string };
  /** The same instant, milliseconds since the epoch; null when it cannot be read. */
  readonly at: number | null;
  readonly identificativo: string;
  /** Message-ID that the sender's client gave, angle brackets included; null when it gave none. */
  readonly msgid: string | null;
  readonly ricevuta: string | null;
  readonly consegna: string | null;
  readonly ricezione: readonly string[];
  readonly erroreEsteso: string | null;
}

/** What Archivia knows of a message as a PEC message. */
export interface PecFacts {
  readonly family: 'pec' | 'rem' | 'ordinaria';
  readonly kind: PecKind;
  readonly virus: boolean;
  /** Of a preavviso di mancata consegna: the one after 12 hours or the final one; null where its text does not say. */
  readonly notice: '12h' | '24h' | null;
  /** Category for a message that arrived; one that was sent is filed under `Inviati` when it is `ordinaria`. */
  readonly category: Category;
  /** X-TipoRicevuta or daticert's ricevuta: completa, breve, sintetica. */
  readonly receiptType: string | null;
  /** X-Riferimento-Message-ID. */
  readonly referenceMessageId: string | null;
  readonly daticert: Daticert | null;
  /** Why daticert.xml could not be read, when it was there. */
  readonly daticertError: string | null;
  /** Null for what is no REM message. */
  readonly rem: RemFacts | null;
}

/** What a REM message says of itself (ETSI EN 319 532-3). */
export interface RemFacts {
  /** REM-MessageType as written. */
  readonly messageType: string | null;
  /** Last level of the identifiers: `SubmissionAcceptance`. */
  readonly event: string | null;
  readonly reason: string | null;
  readonly evidenceId: string | null;
  readonly evidence: RemEvidence | null;
  /** Why the evidence could not be read, when it was there. */
  readonly evidenceError: string | null;
}

/** XML evidence (ETSI EN 319 522-3). Addresses are lower case. */
export interface RemEvidence {
  readonly id: string | null;
  readonly event: string | null;
  readonly reasons: readonly string[];
  /** Milliseconds since the epoch. */
  readonly at: number | null;
  readonly issuer: string | null;
  readonly sender: string | null;
  readonly recipients: readonly string[];
  readonly messageIdentifier: string | null;
  /** It holds an XML signature; what that is worth is told by the outcome of the message's signature. */
  readonly signed: boolean;
}

export interface SignerCertificate {
  readonly subject: string;
  readonly issuer: string;
  readonly serial: string;
  /** Hex, of the DER. */
  readonly sha256: string;
  readonly notBefore: number;
  readonly notAfter: number;
  readonly emails: readonly string[];
}

/**
 * Outcome of checking the gestore's S/MIME signature (RFC 8551, RFC 5652). In a REM message it is the worse one of that
 * and of the signature of the evidence; the rest is that of the message's signature.
 */
export interface SignatureOutcome {
  /**
   * `valid`: holds, by a certificate of the sender that was valid when it signed and leads to an anchor.
   * `valid-with-remarks`: the same, with SHA-1, without a signing time, or with a certificate that has expired since.
   * `unknown-issuer`: holds, but leads to no anchor.
   * `broken`: does not hold or cannot be read, or the certificate is not the sender's, not for mail, or was not valid.
   * `none`: there is no S/MIME signature.
   */
  readonly status: 'valid' | 'valid-with-remarks' | 'unknown-issuer' | 'broken' | 'none';
  /** Remarks and reasons in words, Italian, one sentence each. */
  readonly reasons: readonly string[];
  readonly digestAlgorithm: string | null;
  readonly signingTime: number | null;
  readonly signer: SignerCertificate | null;
  /** DER of every certificate in the signature. */
  readonly certificates: readonly Uint8Array[];
  /** The outcome of the evidence's own signature (XAdES, ETSI EN 319 132-1), in a REM message that has evidence. */
  readonly evidence?: Omit<SignatureOutcome, 'certificates' | 'evidence'>;
}
