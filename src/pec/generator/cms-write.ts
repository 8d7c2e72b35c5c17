/** Making CMS SignedData (RFC 5652) with node:crypto: some twenty times as fast as a general library, which a corpus needs. */
import { createHash, createPrivateKey, type KeyObject, sign } from 'node:crypto';
import { encode, TAG } from '../../pki/der.ts';
import { parseCertificate } from '../../pki/parsed-certificate.ts';
import type { KeyPairWithCertificate } from '../../pki/types.ts';

export type DigestName = 'sha1' | 'sha256' | 'sha384' | 'sha512';

const DIGEST_OID: Readonly<Record<DigestName, string>> = {
  sha1: '1.3.14.3.2.26',
  sha256: '2.16.840.1.101.3.4.2.1',
  sha384: '2.16.840.1.101.3.4.2.2',
  sha512: '2.16.840.1.101.3.4.2.3',
};
const ECDSA_OID: Readonly<Record<DigestName, string>> = {
  sha1: '1.2.840.10045.4.1',
  sha256: '1.2.840.10045.4.3.2',
  sha384: '1.2.840.10045.4.3.3',
  sha512: '1.2.840.10045.4.3.4',
};
const RSA_ENCRYPTION = '1.2.840.113549.1.1.1';

const NULL = Uint8Array.of(0x05, 0x00);
const VERSION_1 = Uint8Array.of(0x02, 0x01, 0x01);

function oid(dotted: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const octets = [first * 40 + second, ...rest].flatMap(arc => {
    const groups = [arc % 128];
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) groups.unshift((left % 128) | 0x80);
    return groups;
  });
  return encode(0x06, [Uint8Array.from(octets)]);
}

const sequence = (...contents: Uint8Array[]) => encode(TAG.sequence, contents);
const set = (...contents: Uint8Array[]) => encode(TAG.set, contents);

const SIGNED_DATA = oid('1.2.840.113549.1.7.2');
const DATA = oid('1.2.840.113549.1.7.1');
const CONTENT_TYPE = sequence(oid('1.2.840.113549.1.9.3'), set(DATA));
const MESSAGE_DIGEST = oid('1.2.840.113549.1.9.4');
const SIGNING_TIME = oid('1.2.840.113549.1.9.5');

function utcTime(at: Date): Uint8Array {
  const text = at.toISOString().replace(/[-:T]/g, '').slice(2, 14);
  return encode(TAG.utcTime, [Buffer.from(`${text}Z`, 'latin1')]);
}

/** Signs with one key; what does not change from message to message is encoded once. */
export class CmsSigner {
  readonly #key: KeyObject;
  readonly #id: Uint8Array;
  readonly #certificates: Uint8Array;
  readonly #lists: readonly Uint8Array[];

  /**
   * The root is left out of the signature, as gestori do.
   * @param lists DER of revocation lists to be enclosed
   */
  constructor(pair: KeyPairWithCertificate, lists: readonly Uint8Array[] = []) {
    const { issuer, serial } = parseCertificate(pair.certificate);
    this.#key = createPrivateKey(pair.privateKeyPem);
    this.#id = sequence(issuer, encode(TAG.integer, [serial]));
    this.#lists = lists.length === 0 ? [] : [encode(0xa1, lists)];
    this.#certificates = encode(0xa0, [pair.certificate, ...pair.chain.slice(0, -1)]);
  }

  /** DER of the signature alone (`detached`) or with the content inside. */
  sign(content: Uint8Array, options: { digest: DigestName; at: Date; detached: boolean }): Uint8Array {
    const { digest, at } = options;
    const digestAlgorithm = sequence(oid(DIGEST_OID[digest]), NULL);
    const attributes = [
      CONTENT_TYPE,
      sequence(SIGNING_TIME, set(utcTime(at))),
      sequence(MESSAGE_DIGEST, set(encode(TAG.octetString, [createHash(digest).update(content).digest()]))),
    ].sort(Buffer.compare);
    const signature = sign(digest, encode(TAG.set, attributes), this.#key);
    const elliptic = this.#key.asymmetricKeyType === 'ec';
    const signerInfo = sequence(
      VERSION_1,
      this.#id,
      digestAlgorithm,
      encode(0xa0, attributes),
      elliptic ? sequence(oid(ECDSA_OID[digest])) : sequence(oid(RSA_ENCRYPTION), NULL),
      encode(TAG.octetString, [signature]),
    );
    const enclosed = options.detached ? [] : [encode(0xa0, [encode(TAG.octetString, [content])])];
    const signedData = sequence(
      VERSION_1,
      set(digestAlgorithm),
      sequence(DATA, ...enclosed),
      this.#certificates,
      ...this.#lists,
      set(signerInfo),
    );
    return sequence(SIGNED_DATA, encode(0xa0, [signedData]));
  }
}
