import type { AgentConfig } from '../../config/schema.ts';
import type { MessageRecord } from '../../store/types.ts';
import { type Agents, displayName, personName } from '../agents.ts';
import { element, type Markup } from '../markup.ts';
import { documentId, documentName } from '../metadata/document.ts';
import type { MessageMetadata, MetadataFile } from '../metadata/files.ts';
import { kindInWords, utcTime } from '../metadata/words.ts';
import type { PackageIds } from './identifiers.ts';

const NAMESPACE = 'http://www.uni.com/U3011/sincro-v2/';
const SCHEME = 'Archivia';
/** Schemas of what stands in MoreInfo, as they lie in a package of distribution. */
const SCHEMAS = { document: 'xsd/DocumentoInformatico.xsd', message: 'xsd/MessaggioPec.xsd' } as const;
const LAWS =
  'Linee guida AgID sulla formazione, gestione e conservazione dei documenti informatici; norma UNI 11386:2020';

/** A file of the package besides the messages: the report, the outcomes of the checks. */
interface PackageDocument {
  readonly name: string;
  readonly format: string;
  readonly extension: string;
  /** Hex. */
  readonly sha256: string;
}

export interface IndexHead {
  readonly ids: PackageIds;
  readonly account: string;
  readonly agents: Agents;
  readonly createdAt: number;
  readonly software: { readonly version: string };
  /** See pdvDigest. */
  readonly pdvDigest: string;
  readonly messages: number;
  readonly evaluation: boolean;
  readonly documents: readonly PackageDocument[];
}

/** FileGroup of one message: its file, its keys to the rest of the exchange, its metadata by hash (UNI 11386:2020). */
export function messageGroup(record: MessageRecord, metadata: MessageMetadata): Markup {
  return s(
    'FileGroup',
    id(`UD-${record.sha256}`),
    s('Description', kindInWords(record.pec, record.category)),
    element(
      'sincro:File',
      { 'sincro:encoding': 'binary', 'sincro:extension': 'eml', 'sincro:format': 'message/rfc822' },
      id(documentId(record.sha256)),
      s('Path', `messaggi/${documentName(record.sha256)}`),
      hash(record.sha256),
      moreInfo(SCHEMAS.message, metadata.message),
    ),
    relations(record).map(([type, value]) => s('Relation', s('Type', type), s('Value', value))),
    moreInfo(SCHEMAS.document, metadata.document),
  );
}

/** The keys by which RFC 6109 joins a message, its receipts and the recipient they speak of. */
function relations({ pec, structure }: MessageRecord): [type: string, value: string][] {
  const keys: readonly [string, string | null | undefined][] = [
    ['identificativo', pec.daticert?.identificativo],
    ['msgid', pec.daticert?.msgid],
    ['riferimento', pec.referenceMessageId],
    ['consegna', pec.daticert?.consegna],
    ['message-id', structure.messageId],
  ];
  return keys.filter((key): key is [string, string] => key[1] !== null && key[1] !== undefined && key[1] !== '');
}

/**
 * The PIndex around the groups of its messages, in two pieces: what stands before them and what stands after, so that
 * the groups, made one at a time, need no second pass.
 */
export function indexFrame(head: IndexHead): { readonly start: string; readonly end: string } {
  const { ids, agents } = head;
  const start = [
    '<?xml version="1.0" encoding="UTF-8"?>\n',
    `<sincro:PIndex xmlns:sincro="${NAMESPACE}" sincro:language="it" sincro:sincroVersion="2.0" sincro:uri="${NAMESPACE}PIndex.xsd">\n`,
    selfDescription(head).xml,
    '\n',
    volume(head).xml,
    '\n',
  ].join('');
  const end = [
    versamentoGroup(ids, head.documents).xml,
    '\n',
    s(
      'Process',
      party('Submitter', agents.holder, {}),
      party('Holder', agents.holder, { 'sincro:holderRole': 'soggetto produttore' }),
      party('AuthorizedSigner', agents.responsible, { 'sincro:signerRole': 'Responsabile della conservazione' }),
      s('TimeReference', element('sincro:TimeInfo', { 'sincro:attachedTimeStamp': true }, utcTime(head.createdAt))),
      s('LawsAndRegulations', LAWS),
    ).xml,
    '\n</sincro:PIndex>\n',
  ].join('');
  return { start, end };
}

function selfDescription({ ids, software }: IndexHead): Markup {
  return s(
    'SelfDescription',
    id(`${ids.pda}-IDX`),
    s('CreatingApplication', s('Name', 'Archivia'), s('Version', software.version), s('Producer', 'Archivia')),
  );
}

function volume(head: IndexHead): Markup {
  const { ids, account, evaluation } = head;
  return s(
    'PVolume',
    id(ids.pda),
    s('Label', `Posta elettronica certificata di ${account}`),
    s(
      'Description',
      `${evaluation ? 'VALUTAZIONE, SENZA VALORE LEGALE. ' : ''}Pacchetto di archiviazione di ${head.messages} messaggi; ` +
        `pacchetto di versamento ${ids.pdv}, impronta SHA-256 ${head.pdvDigest}; rapporto di versamento ${ids.rdv}`,
    ),
    s('PVolumeGroup', id(account), s('Label', `Casella ${account}`)),
  );
}

/** What the submission left behind: signed with the index, so that it cannot be exchanged later. */
function versamentoGroup(ids: PackageIds, documents: readonly PackageDocument[]): Markup {
  return s(
    'FileGroup',
    id(ids.pdv),
    s('Label', 'Documenti del versamento'),
    documents.map(file =>
      element(
        'sincro:File',
        { 'sincro:encoding': 'binary', 'sincro:extension': file.extension, 'sincro:format': file.format },
        id(`${ids.pdv}-${file.name}`),
        s('Path', file.name),
        hash(file.sha256),
      ),
    ),
  );
}

function party(name: string, agent: AgentConfig, attributes: Readonly<Record<string, string>>): Markup {
  const { first, last } = personName(agent);
  return element(
    `sincro:${name}`,
    { 'sincro:agentType': agent.type === 'legal' ? 'legal person' : 'natural person', ...attributes },
    agent.id === undefined ? null : s('AgentID', agent.id),
    s(
      'AgentName',
      agent.type === 'legal'
        ? s('FormalName', displayName(agent))
        : s('NameAndSurname', s('FirstName', first), s('LastName', last)),
    ),
    s('RelevantDocument', agent.document),
  );
}

function moreInfo(schema: string, { path, sha256 }: MetadataFile): Markup {
  return element(
    'sincro:MoreInfo',
    { 'sincro:xmlSchema': schema },
    element(
      'sincro:ExternalMetadata',
      { 'sincro:encoding': 'binary', 'sincro:extension': 'xml', 'sincro:format': 'application/xml' },
      id(path.slice(path.lastIndexOf('/') + 1)),
      s('Path', path),
      hash(sha256),
    ),
  );
}

function id(value: string): Markup {
  return element('sincro:ID', { 'sincro:scheme': SCHEME }, value);
}

function hash(sha256: string): Markup {
  return element('sincro:Hash', { 'sincro:hashFunction': 'SHA-256' }, sha256);
}

/** An element of the standard; its schema wants every name and every attribute qualified. */
function s(name: string, ...children: Parameters<typeof element>[2][]): Markup {
  return element(`sincro:${name}`, {}, ...children);
}
