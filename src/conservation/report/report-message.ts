import { NO_LEGAL_VALUE } from '../agents.ts';
import type { PackageSeal } from '../evidence/seal.ts';
import { italianTime } from '../metadata/words.ts';
import { EVIDENCE_FILES } from '../types.ts';
import { noticeMessage, oneLine } from './notice.ts';

/** Messages that the text lists; the signed report has them all. */
const MAX_LINES = 200;

/**
 * The RdV as a message that a mail client shows: an Italian text and the signed report attached. The same seal gives the
 * same bytes, so that filing it again is filing a duplicate.
 */
export function reportMessage(account: string, seal: PackageSeal, signedReport: Uint8Array): Uint8Array {
  const subject = `${seal.evaluation ? `[${NO_LEGAL_VALUE}] ` : ''}Rapporto di versamento ${seal.reportId}`;
  const notice = { account, id: seal.reportId, subject, date: seal.sealedAt, text: text(account, seal) };
  const attachment = {
    name: EVIDENCE_FILES.signedReport,
    contentType: 'application/pkcs7-mime; smime-type=signed-data',
  };
  return noticeMessage(notice, attachment, signedReport);
}

function text(account: string, seal: PackageSeal): string {
  const { date, time } = italianTime(seal.sealedAt);
  const day = date.split('-').reverse().join('/');
  const listed = seal.messages.slice(0, MAX_LINES);
  const one = seal.messages.length === 1;
  const lines = [
    ...(seal.evaluation ? [NO_LEGAL_VALUE.toUpperCase(), ''] : []),
    `Il ${day} alle ${time} ${count(seal.messages.length)} della casella ${account}.`,
    '',
    `Rapporto di versamento:      ${seal.reportId}`,
    `Pacchetto di archiviazione:  ${seal.packageId}`,
    `Impronta del versamento:     ${seal.pdvDigest} (SHA-256)`,
    '',
    one ? 'Esito del messaggio:' : 'Esito di ogni messaggio:',
    '',
    ...listed.flatMap(({ subject, outcome, sha256 }, index) => [
      `${index + 1}. ${oneLine(subject) || '(senza oggetto)'}`,
      `   ACCETTATO E CONSERVATO. ${outcome}.`,
      `   Impronta SHA-256: ${sha256}`,
    ]),
    ...(seal.messages.length > listed.length
      ? [`e altri ${seal.messages.length - listed.length}, tutti accettati, elencati nel rapporto allegato.`]
      : []),
    '',
    `Il rapporto firmato è allegato (${EVIDENCE_FILES.signedReport}): elenca ogni messaggio con la sua impronta e i controlli`,
    'eseguiti. Per avere la copia con valore di prova di un messaggio, copiarlo da Conservazione nella cartella',
    '"Pacchetti di distribuzione".',
    '',
  ];
  return lines.join('\r\n');
}

function count(messages: number): string {
  return messages === 1 ? 'è stato conservato un messaggio' : `sono stati conservati ${messages} messaggi`;
}
