import * as asn1js from 'asn1js';
import * as pkijs from 'pkijs';
import type { SigningKey } from './cms.ts';

const BAG = {
  key: '1.2.840.113549.1.12.10.1.1',
  shroudedKey: '1.2.840.113549.1.12.10.1.2',
  certificate: '1.2.840.113549.1.12.10.1.3',
} as const;
/** DER of 1.2.840.113549.1.12.1.x: the schemes of old files (RC2, triple DES), which WebCrypto does not have. */
const OLD_ENCRYPTION = Buffer.from('060a2a864886f70d010c01', 'hex');
/** No key store is larger; a guard of memory. */
const MAX_SIZE = 1_000_000;

/** Why a key store could not be read; the caller adds the configuration's key. */
class Pkcs12Error extends Error {
  override name = 'Pkcs12Error';
}

/**
 * The private key and every certificate of a PKCS#12 file (RFC 7292), in the file's order. Throws a Pkcs12Error in plain
 * words. Slow by design (key derivation): work for a worker thread.
 */
export async function readPkcs12(bytes: Uint8Array, password: string): Promise<SigningKey> {
  if (bytes.length > MAX_SIZE) throw new Pkcs12Error('is larger than any key store');
  const secret = new TextEncoder().encode(password).buffer;
  const store = parse(bytes);
  try {
    await store.parseInternalValues({ password: secret, checkIntegrity: true });
  } catch {
    throw new Pkcs12Error('cannot be opened: the password is wrong or the file is damaged');
  }
  const safe = store.parsedValue?.authenticatedSafe;
  if (safe === undefined) throw new Pkcs12Error('holds nothing');
  const bags: pkijs.SafeBag[] = [];
  try {
    await safe.parseInternalValues({ safeContents: safe.safeContents.map(() => ({ password: secret })) });
    for (const { value } of safe.parsedValue.safeContents) bags.push(...value.safeBags);
    return { certificates: certificatesOf(bags), privateKey: await keyOf(bags, secret) };
  } catch (error) {
    if (error instanceof Pkcs12Error) throw error;
    // The object identifiers of the schemes are not encrypted.
    if (Buffer.from(bytes).includes(OLD_ENCRYPTION)) {
      throw new Pkcs12Error(
        'uses an outdated encryption; convert it once with "openssl pkcs12 -legacy -in OLD.p12 -nodes -out KEYS.pem" ' +
          'and "openssl pkcs12 -export -in KEYS.pem -out NEW.p12", then delete KEYS.pem',
      );
    }
    throw new Pkcs12Error(`cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function parse(bytes: Uint8Array): pkijs.PFX {
  try {
    return pkijs.PFX.fromBER(new Uint8Array(bytes).buffer);
  } catch {
    throw new Pkcs12Error('is no PKCS#12 file');
  }
}

function certificatesOf(bags: readonly pkijs.SafeBag[]): Uint8Array[] {
  const found: Uint8Array[] = [];
  for (const bag of bags) {
    if (bag.bagId !== BAG.certificate || !(bag.bagValue instanceof pkijs.CertBag)) continue;
    const value: unknown = bag.bagValue.certValue;
    if (value instanceof asn1js.OctetString) found.push(new Uint8Array(value.getValue()));
    else if (bag.bagValue.parsedValue instanceof pkijs.Certificate) {
      found.push(new Uint8Array(bag.bagValue.parsedValue.toSchema(false).toBER()));
    }
  }
  if (found.length === 0) throw new Pkcs12Error('holds no certificate');
  return found;
}

async function keyOf(bags: readonly pkijs.SafeBag[], password: ArrayBuffer): Promise<Uint8Array> {
  const keys: ArrayBuffer[] = [];
  for (const { bagId, bagValue } of bags) {
    if (bagId === BAG.key && bagValue instanceof pkijs.PrivateKeyInfo) keys.push(bagValue.toSchema().toBER());
    if (bagId === BAG.shroudedKey && bagValue instanceof pkijs.PKCS8ShroudedKeyBag) {
      const encryptedContentInfo = new pkijs.EncryptedContentInfo({
        contentEncryptionAlgorithm: bagValue.encryptionAlgorithm,
        encryptedContent: bagValue.encryptedData,
      });
      keys.push(await new pkijs.EncryptedData({ encryptedContentInfo }).decrypt({ password }));
    }
  }
  const [key] = keys;
  if (key === undefined) throw new Pkcs12Error('holds no private key');
  if (keys.length > 1) throw new Pkcs12Error('holds more than one private key');
  return new Uint8Array(key);
}
