/** A certificate with the key that belongs to it. */
export interface KeyPairWithCertificate {
  /** DER. */
  readonly certificate: Uint8Array;
  readonly certificatePem: string;
  /** PKCS#8 PEM. */
  readonly privateKeyPem: string;
  /** Issuers, nearest first; empty for a self-signed one. */
  readonly chain: readonly Uint8Array[];
}

export interface CertificateRequest {
  readonly subject: { readonly commonName: string; readonly organization?: string; readonly country?: string };
  readonly algorithm?: 'RSA-2048' | 'P-256';
  readonly issuer?: KeyPairWithCertificate;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly authority?: boolean;
  readonly emails?: readonly string[];
  readonly dnsNames?: readonly string[];
  readonly ipAddresses?: readonly string[];
  /** http address of the issuer's revocation list. */
  readonly crlUrl?: string;
  /** http address of the issuer's OCSP responder. */
  readonly ocspUrl?: string;
  /** http address of the issuer's own certificate. */
  readonly caIssuersUrl?: string;
  readonly keyUsage?: readonly (
    | 'digitalSignature'
    | 'nonRepudiation'
    | 'keyCertSign'
    | 'cRLSign'
    | 'keyEncipherment'
  )[];
  /** `timeStamping` is written critical and alone, as RFC 3161 asks. */
  readonly extendedKeyUsage?: readonly ('emailProtection' | 'timeStamping' | 'serverAuth' | 'ocspSigning')[];
}
