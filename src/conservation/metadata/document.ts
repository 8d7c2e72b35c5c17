import type { AgentConfig } from '../../config/schema.ts';
import type { MailAddress } from '../../mime/types.ts';
import type { SignatureOutcome } from '../../pec/types.ts';
import type { MessageRecord } from '../../store/types.ts';
import { displayName, personName } from '../agents.ts';
import { type Markup, tag } from '../markup.ts';
import type { AttachmentDigest } from './attachments.ts';
import { italianTime, kindInWords, subjectOf } from './words.ts';

/** The four texts of the guidelines (section 2.1.1); only the first two fit a message. */
const FORMATION = {
  created:
    "creazione tramite l'utilizzo di strumenti software che assicurino la produzione di documenti nei formati previsti nell'Allegato 2",
  acquired:
    'acquisizione di un documento informatico per via telematica o su supporto informatico, ' +
    'acquisizione della copia per immagine su supporto informatico di un documento analogico, ' +
    'acquisizione della copia informatica di un documento analogico',
} as const;
const MAX_PARTIES = 1000;

export interface DocumentFacts {
  readonly record: MessageRecord;
  readonly holder: AgentConfig;
  /** Address of the mailbox. */
  readonly account: string;
  readonly signature: Pick<SignatureOutcome, 'status'>;
  readonly attachments: { readonly count: number; readonly listed: readonly AttachmentDigest[] };
  readonly retention: Retention;
  /** The exchange that the message is part of. */
  readonly relations: Relations | null;
}

/** What the holder decides about every document. */
export interface Retention {
  readonly years: number;
  readonly confidential: boolean;
}

export interface Relations {
  /** What all messages of the exchange have in common: the Message-ID of what was sent, or its PEC id. */
  readonly exchange: string;
  /** Hex SHA-256 of the message that a receipt is about, where the archive has it. */
  readonly primary: string | null;
}

/** Identifier of the unit that a message makes; the same in index, metadata and report. */
export function documentId(sha256: string): string {
  return `DOC-${sha256}`;
}

export function documentName(sha256: string): string {
  return `${sha256}.eml`;
}

/**
 * AgID's metadata of a documento informatico (guidelines, Allegato 5), in the order of its schema. Digests are base64
 * here, as in AgID's sample; the PIndex has them in hex.
 */
export function documentMetadata(facts: DocumentFacts): Markup {
  const { record, signature, attachments, retention, relations } = facts;
  const sent = record.category === 'Inviati';
  const signed = signature.status === 'valid' || signature.status === 'valid-with-remarks';
  const unlisted = attachments.count - attachments.listed.length;
  return tag(
    'DocumentoInformatico',
    identity(Buffer.from(record.sha256, 'hex'), documentId(record.sha256)),
    tag('ModalitaDiFormazione', sent ? FORMATION.created : FORMATION.acquired),
    tag('TipologiaDocumentale', kindInWords(record.pec, record.category)),
    registration(record, sent),
    parties(facts, sent),
    tag('ChiaveDescrittiva', tag('Oggetto', subjectOf(record) || '(senza oggetto)')),
    tag(
      'Allegati',
      tag('NumeroAllegati', attachments.count),
      attachments.listed.map((file, index) =>
        tag(
          'IndiceAllegati',
          identity(file.sha256, `${documentId(record.sha256)}-ALL-${index + 1}`),
          tag('Descrizione', file.name),
        ),
      ),
    ),
    tag('Riservato', retention.confidential),
    tag('IdentificativoDelFormato', tag('Formato', 'message/rfc822')),
    tag(
      'Verifica',
      tag('FirmatoDigitalmente', signed),
      tag('SigillatoElettronicamente', false),
      tag('MarcaturaTemporale', false),
      tag('ConformitaCopieImmagineSuSupportoInformatico', false),
    ),
    relations === null
      ? null
      : tag('Agg', tag('TipoAgg', tag('TipoAggregazione', 'Fascicolo'), tag('IdAggregazione', relations.exchange))),
    relations?.primary == null
      ? null
      : tag(
          'IdIdentificativoDocumentoPrimario',
          identityFields(Buffer.from(relations.primary, 'hex'), documentId(relations.primary)),
        ),
    tag('NomeDelDocumento', documentName(record.sha256)),
    tag('VersioneDelDocumento', 1),
    tag('TempoDiConservazione', retention.years),
    unlisted > 0 ? tag('Note', `Altri ${unlisted} allegati non elencati singolarmente.`) : null,
  );
}

function identity(sha256: Uint8Array, identifier: string): Markup {
  return tag('IdDoc', identityFields(sha256, identifier));
}

function identityFields(sha256: Uint8Array, identifier: string): readonly Markup[] {
  return [
    tag(
      'ImprontaCrittograficaDelDocumento',
      tag('Impronta', Buffer.from(sha256).toString('base64')),
      tag('Algoritmo', 'SHA-256'),
    ),
    tag('Identificativo', identifier),
  ];
}

/** The certified date is the date of registration; a message without one takes the archive's. */
function registration(record: MessageRecord, sent: boolean): Markup {
  const { daticert } = record.pec;
  const [, day, month, year] = /^(\d\d)\/(\d\d)\/(\d{4})$/.exec(daticert?.data.giorno ?? '') ?? [];
  const certified =
    daticert === null || year === undefined || !/^\d\d:\d\d:\d\d$/.test(daticert.data.ora)
      ? null
      : { date: `${year}-${month}-${day}`, time: daticert.data.ora };
  const { date, time } = certified ?? italianTime(record.filedAt);
  return tag(
    'DatiDiRegistrazione',
    tag('TipologiaDiFlusso', sent ? 'U' : 'E'),
    tag(
      'TipoRegistro',
      tag(
        'Nessuno',
        tag('TipoRegistro', 'Nessuno'),
        tag('DataDocumento', date),
        tag('OraDocumento', time),
        tag('NumeroDocumento', daticert?.identificativo || record.structure.messageId || record.sha256),
      ),
    ),
  );
}

/** Who sent it and to whom; the mailbox's own side carries the holder's name, the others what the message says. */
function parties(facts: DocumentFacts, sent: boolean): Markup {
  const { record, holder, account } = facts;
  const { structure, pec } = record;
  const own = (address: string) => address.toLowerCase() === account.toLowerCase();
  const author: MailAddress =
    pec.family === 'pec' && pec.daticert !== null
      ? { name: '', address: pec.daticert.mittente }
      : (structure.from[0] ?? { name: '', address: '' });
  const names = new Map([...structure.to, ...structure.cc].map(to => [to.address.toLowerCase(), to.name]));
  const addresses =
    pec.daticert?.destinatari.map(to => to.address) ?? [...structure.to, ...structure.cc].map(to => to.address);
  return tag(
    'Soggetti',
    role(
      'Mittente',
      sent || own(author.address) ? holder : null,
      sent && author.address === '' ? { name: '', address: account } : author,
    ),
    [...new Set(addresses)]
      .slice(0, MAX_PARTIES)
      .map(address =>
        role('Destinatario', own(address) ? holder : null, { name: names.get(address.toLowerCase()) ?? '', address }),
      ),
    tag('Ruolo', tag('Produttore', tag('TipoRuolo', 'Produttore'), tag('SW', tag('DenominazioneSistema', 'Archivia')))),
  );
}

function role(name: 'Mittente' | 'Destinatario', known: AgentConfig | null, party: MailAddress): Markup {
  return tag('Ruolo', tag(name, tag('TipoRuolo', name), subject(known, party)));
}

function subject(known: AgentConfig | null, party: MailAddress): Markup {
  const address = party.address === '' ? null : tag('IndirizziDigitaliDiRiferimento', party.address);
  // AgentID of UNI 11386 is a code of four letters or so, the country, a dash and the number.
  const code = known?.id === undefined ? null : known.id.slice(known.id.indexOf('-') + 1);
  if (known?.type === 'natural') {
    const { first, last } = personName(known);
    return tag(
      'PF',
      tag('Cognome', last),
      tag('Nome', first),
      code === null ? null : tag('CodiceFiscale', code),
      address,
    );
  }
  const name = known === null ? party.name || party.address || '(sconosciuto)' : displayName(known);
  return tag(
    'PG',
    tag('DenominazioneOrganizzazione', name),
    code === null ? null : tag('CodiceFiscale_PartitaIva', code),
    address,
  );
}
