/** daticert.xml and the signed wrapper that a gestore puts around everything (RFC 6109 sections 4.3 to 4.5). */
import type { KeyPairWithCertificate } from '../../pki/types.ts';
import type { Gestore } from './authorities.ts';
import { CmsSigner, type DigestName } from './cms-write.ts';
import { legalTime } from './dates.ts';
import { base64Lines, boundary, CRLF, multipart, textPart } from './mime-write.ts';
import type { Random } from './random.ts';

export interface DaticertContent {
  readonly tipo: string;
  readonly errore?: 'nessuno' | 'no-dest' | 'no-dominio' | 'virus' | 'altro';
  readonly mittente: string;
  readonly destinatari: readonly { readonly address: string; readonly certified: boolean }[];
  readonly oggetto: string;
  readonly gestore: string;
  readonly at: Date;
  readonly identificativo: string;
  readonly msgid: string;
  readonly ricevuta?: string;
  readonly consegna?: string;
  readonly erroreEsteso?: string;
}

function xmlText(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;');
}

/** Valid against the DTD of the decree; like the real ones it names no DTD. */
export function writeDaticert(content: DaticertContent): string {
  const { giorno, ora, zona } = legalTime(content.at);
  const optional = (tag: string, value: string | undefined) =>
    value === undefined ? [] : [`        <${tag}>${xmlText(value)}</${tag}>`];
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<postacert tipo="${content.tipo}" errore="${content.errore ?? 'nessuno'}">`,
    '    <intestazione>',
    `        <mittente>${xmlText(content.mittente)}</mittente>`,
    ...content.destinatari.map(
      ({ address, certified }) =>
        `        <destinatari tipo="${certified ? 'certificato' : 'esterno'}">${xmlText(address)}</destinatari>`,
    ),
    `        <risposte>${xmlText(content.mittente)}</risposte>`,
    `        <oggetto>${xmlText(content.oggetto)}</oggetto>`,
    '    </intestazione>',
    '    <dati>',
    `        <gestore-emittente>${xmlText(content.gestore)}</gestore-emittente>`,
    `        <data zona="${zona}">`,
    `            <giorno>${giorno}</giorno>`,
    `            <ora>${ora}</ora>`,
    '        </data>',
    `        <identificativo>${xmlText(content.identificativo)}</identificativo>`,
    `        <msgid>${xmlText(content.msgid)}</msgid>`,
    ...(content.ricevuta === undefined ? [] : [`        <ricevuta tipo="${content.ricevuta}" />`]),
    ...optional('consegna', content.consegna),
    ...optional('errore-esteso', content.erroreEsteso),
    '    </dati>',
    '</postacert>',
    '',
  ].join('\n');
}

export interface Certified {
  /** Outer header fields, without Content-Type and MIME-Version. */
  readonly fields: readonly string[];
  /** For the person, LF line ends. */
  readonly text: string;
  /** Absent in a busta di anomalia. */
  readonly daticert: string | null;
  /** The enclosed message, whole; absent where the kind encloses none. */
  readonly postacert: string | null;
  readonly at: Date;
}

/** Signs as one gestore, each time with the certificate that was new at the moment. */
export class GestoreSigner {
  readonly #gestore: Gestore;
  readonly #digest: DigestName;
  readonly #signers: readonly {
    readonly notBefore: Date;
    readonly pair: KeyPairWithCertificate;
    readonly signer: CmsSigner;
  }[];

  /** @param lists revocation lists to be enclosed in each signature, DER */
  constructor(gestore: Gestore, digest: DigestName, lists: readonly Uint8Array[] = []) {
    this.#gestore = gestore;
    this.#digest = digest;
    this.#signers = gestore.leaves.map(({ notBefore, pair }) => ({
      notBefore,
      pair,
      signer: new CmsSigner(pair, lists),
    }));
  }

  get gestore(): Gestore {
    return this.#gestore;
  }

  /** The whole message on the wire. */
  seal(content: Certified, random: Random): Buffer {
    return this.#signed(content.fields, this.#signedPart(content, random), content.at, random);
  }

  /** A signed message of other parts than PEC's. @param parts head and body of each, CRLF line ends */
  sealParts(fields: readonly string[], parts: readonly string[], at: Date, random: Random): Buffer {
    const { field, body } = multipart('mixed', parts, boundary(random));
    return this.#signed(fields, `${field}${CRLF}${CRLF}${body.slice(0, -CRLF.length)}`, at, random);
  }

  /** The pair that signs at a moment: the newest there is then. */
  pairAt(at: Date): KeyPairWithCertificate {
    return this.#newest(at).pair;
  }

  #newest(at: Date): { readonly pair: KeyPairWithCertificate; readonly signer: CmsSigner } {
    const newest = this.#signers.findLast(({ notBefore }) => notBefore <= at) ?? this.#signers[0];
    if (newest === undefined) throw new RangeError(`${this.#gestore.name} has no certificate`);
    return newest;
  }

  #signed(fields: readonly string[], signed: string, at: Date, random: Random): Buffer {
    const octets = Buffer.from(signed, 'latin1');
    const signature = this.#newest(at).signer.sign(octets, { digest: this.#digest, at, detached: true });
    const signaturePart = [
      'Content-Type: application/pkcs7-signature; name="smime.p7s"',
      'Content-Transfer-Encoding: base64',
      'Content-Disposition: attachment; filename="smime.p7s"',
      '',
      base64Lines(signature),
    ].join(CRLF);
    const micalg = this.#digest === 'sha1' ? 'sha1' : this.#digest.replace('sha', 'sha-');
    const parameters = ` protocol="application/pkcs7-signature"; micalg=${micalg};`;
    const preamble = `This is an S/MIME signed message${CRLF}${CRLF}`;
    const { field, body } = multipart('signed', [signed, signaturePart], boundary(random), parameters, preamble);
    const header = [...fields, 'MIME-Version: 1.0', field].join(CRLF);
    return Buffer.from(`${header}${CRLF}${CRLF}${body}`, 'latin1');
  }

  #signedPart({ text, daticert, postacert }: Certified, random: Random): string {
    const parts = [this.#humanPart(text, random)];
    if (daticert !== null) {
      const head = [
        'Content-Type: application/xml; name="daticert.xml"',
        'Content-Transfer-Encoding: base64',
        'Content-Disposition: inline; filename="daticert.xml"',
      ];
      parts.push([...head, '', base64Lines(Buffer.from(daticert, 'utf8')).trimEnd()].join(CRLF));
    }
    if (postacert !== null) {
      const head = [
        'Content-Type: message/rfc822; name="postacert.eml"',
        'Content-Transfer-Encoding: 7bit',
        'Content-Disposition: inline; filename="postacert.eml"',
      ];
      parts.push([...head, '', postacert].join(CRLF));
    }
    const { field, body } = multipart('mixed', parts, boundary(random));
    // The line break before the outer delimiter is not part of what is signed.
    return `${field}${CRLF}${CRLF}${body.slice(0, -CRLF.length)}`;
  }

  /** Gestori differ: some add an HTML alternative. */
  #humanPart(text: string, random: Random): string {
    if (!this.#gestore.domain.includes('-due')) return textPart(text, 'plain', 'iso-8859-1');
    const html = `<html><body>${text.split('\n').map(xmlText).join('<br>\n')}</body></html>`;
    const parts = [textPart(text, 'plain', 'iso-8859-1'), textPart(html, 'html', 'iso-8859-1')];
    const { field, body } = multipart('alternative', parts, boundary(random));
    return `${field}${CRLF}${CRLF}${body.slice(0, -CRLF.length)}`;
  }
}
