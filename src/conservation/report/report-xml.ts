import type { SignatureOutcome } from '../../pec/types.ts';
import type { MessageRecord } from '../../store/types.ts';
import { type Agents, displayName, NO_LEGAL_VALUE } from '../agents.ts';
import { element, type Markup, tag } from '../markup.ts';
import { documentId } from '../metadata/document.ts';
import { kindInWords, signatureInWords, utcTime } from '../metadata/words.ts';
import type { PackageIds } from '../package/identifiers.ts';

const NAMESPACE = 'urn:archivia:rapporto-di-versamento:1';
const METHOD = 'SHA-256 delle impronte SHA-256 dei messaggi, esadecimali minuscole, ordinate, ciascuna seguita da LF';

export interface ReportHead {
  readonly ids: PackageIds;
  readonly account: string;
  readonly agents: Agents;
  readonly createdAt: number;
  readonly software: { readonly version: string };
  /** See pdvDigest. */
  readonly pdvDigest: string;
  readonly messages: number;
  readonly bytes: number;
  readonly evaluation: boolean;
}

/**
 * One message of the report: what was checked, and what came of it. It says nothing of the content, since the report goes
 * to whoever is shown one of its messages.
 */
export function reportEntry(record: MessageRecord, signature: Omit<SignatureOutcome, 'certificates'>): Markup {
  return tag(
    'Messaggio',
    tag('Identificativo', documentId(record.sha256)),
    element('Impronta', { algoritmo: 'SHA-256' }, record.sha256),
    tag('Dimensione', record.size),
    tag('Tipologia', kindInWords(record.pec, record.category)),
    tag('Data', utcTime(record.filedAt)),
    tag('ControlloImpronta', 'POSITIVO'),
    element('ControlloFirma', { stato: signature.status }, signatureInWords(signature.status)),
    signature.reasons.map(reason => tag('Osservazione', reason)),
    tag('Stato', 'ACCETTATO'),
  );
}

/**
 * Rapporto di versamento: unique id, UTC time, digest over the whole PdV, outcome of each message (AgID guidelines
 * section 4.7; the vocabulary is described in xsd/RapportoDiVersamento.xsd). In two pieces, as the index.
 */
export function reportFrame(head: ReportHead): { readonly start: string; readonly end: string } {
  const { ids, agents } = head;
  const start = [
    '<?xml version="1.0" encoding="UTF-8"?>\n',
    `<RapportoDiVersamento xmlns="${NAMESPACE}" versione="1">\n`,
    ...[
      tag('Identificativo', ids.rdv),
      tag('Data', utcTime(head.createdAt)),
      head.evaluation ? tag('Avvertenza', NO_LEGAL_VALUE) : null,
      tag('Sistema', `Archivia ${head.software.version}`),
      tag(
        'PacchettoDiVersamento',
        tag('Identificativo', ids.pdv),
        tag('Casella', head.account),
        tag('SoggettoProduttore', displayName(agents.holder)),
        tag('ResponsabileDellaConservazione', displayName(agents.responsible)),
        tag('NumeroMessaggi', head.messages),
        tag('Dimensione', head.bytes),
        element('Impronta', { algoritmo: 'SHA-256', metodo: METHOD }, head.pdvDigest),
      ),
      tag('PacchettoDiArchiviazione', tag('Identificativo', ids.pda)),
      tag('Esito', 'POSITIVO'),
    ].map(part => (part === null ? '' : `${part.xml}\n`)),
    '<Messaggi>\n',
  ].join('');
  return { start, end: '</Messaggi>\n</RapportoDiVersamento>\n' };
}
