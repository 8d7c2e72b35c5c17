/** Files that people send by PEC, in base64 once and for all. */
import type { CmsSigner } from './cms-write.ts';
import { base64Lines } from './mime-write.ts';
import { makePdf, UNIQUE_LINE } from './pdf.ts';
import type { Random } from './random.ts';
import { letter } from './texts.ts';
import { SAMPLE_ZIP } from './zip.ts';

export interface Attachment {
  readonly filename: string;
  readonly contentType: string;
  /** Lines of 76 characters, CRLF. */
  readonly base64: string;
}

/** A text that a search for the attachment's own words must find. */
const PDF_WORD = 'capitolato';

function encoded(filename: string, contentType: string, bytes: Uint8Array): Attachment {
  return { filename, contentType, base64: base64Lines(bytes) };
}

/** Base64 line length in octets of content. */
const LINE_OCTETS = 57;

export class AttachmentPool {
  readonly #random: Random;
  readonly #pdfs: Attachment[] = [];
  readonly #others: readonly Attachment[];

  /** @param meanSize octets of a decoded PDF, on average */
  constructor(random: Random, signatory: CmsSigner, signedAt: Date, meanSize: number) {
    this.#random = random;
    for (let i = 0; i < 16; i++) {
      const size = Math.min(random.around(meanSize), 20_000_000);
      const text = `Documento di prova\nAllegato al ${PDF_WORD} speciale d'appalto\n${letter(random, 600, 'Mario Rossi')}`;
      const filename = `${random.pick(['atto', 'contratto', 'relazione', 'fattura', 'ricorso'])}_${random.hex(6)}.pdf`;
      this.#pdfs.push(encoded(filename, 'application/pdf', makePdf(text.split('\n'), size, random)));
    }
    const contract = makePdf(['Contratto di esempio', 'firmato digitalmente da Mario Rossi'], 2500, random);
    const signed = signatory.sign(contract, { digest: 'sha256', at: signedAt, detached: false });
    this.#others = [
      encoded('contratto.pdf.p7m', 'application/pkcs7-mime', signed),
      encoded('IT01234567890_00001.xml', 'application/xml', Buffer.from(INVOICE)),
      encoded('documenti.zip', 'application/zip', SAMPLE_ZIP),
    ];
  }

  /** One of each kind of file. */
  every(): readonly Attachment[] {
    return [this.pdf(), ...this.#others];
  }

  any(): Attachment {
    return this.#random.chance(0.7) ? this.pdf() : this.#random.pick(this.#others);
  }

  /** A PDF that no other call returns: the second line of a pooled one is replaced, in the first line of base64. */
  pdf(): Attachment {
    const pooled = this.#random.pick(this.#pdfs);
    const line = Buffer.from(`%PDF-1.4\n%${this.#random.hex(UNIQUE_LINE)}\n`).subarray(0, LINE_OCTETS);
    return { ...pooled, base64: line.toString('base64') + pooled.base64.slice((LINE_OCTETS / 3) * 4) };
  }
}

const INVOICE = `<?xml version="1.0" encoding="UTF-8"?>
<p:FatturaElettronica versione="FPR12" xmlns:p="http://ivaservizi.agenziaentrate.gov.it/docs/xsd/fatture/v1.2">
  <FatturaElettronicaHeader>
    <CedentePrestatore><DatiAnagrafici><Anagrafica><Denominazione>Studio Esempio</Denominazione></Anagrafica></DatiAnagrafici></CedentePrestatore>
    <CessionarioCommittente><DatiAnagrafici><Anagrafica><Denominazione>Impresa Esempio S.r.l.</Denominazione></Anagrafica></DatiAnagrafici></CessionarioCommittente>
  </FatturaElettronicaHeader>
  <FatturaElettronicaBody>
    <DatiGenerali><DatiGeneraliDocumento><TipoDocumento>TD01</TipoDocumento><Numero>1</Numero></DatiGeneraliDocumento></DatiGenerali>
  </FatturaElettronicaBody>
</p:FatturaElettronica>
`;
