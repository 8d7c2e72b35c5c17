import { NO_LEGAL_VALUE } from '../agents.ts';
import type { PackageSeal } from '../evidence/seal.ts';
import { italianTime } from '../metadata/words.ts';
import { EVIDENCE_FILES } from '../types.ts';

/** Messages that the text lists; the signed report has them all. */
const MAX_LINES = 200;
const MAX_SUBJECT = 120;

/**
 * The RdV as a message that a mail client shows: an Italian text and the signed report attached. The same seal gives the
 * same bytes, so that filing it again is filing a duplicate.
 */
export function reportMessage(account: string, seal: PackageSeal, signedReport: Uint8Array): Uint8Array {
  const boundary = `=_${seal.packageId}`;
  const domain = account.slice(account.lastIndexOf('@') + 1);
  const subject = `${seal.evaluation ? `[${NO_LEGAL_VALUE}] ` : ''}Rapporto di versamento ${seal.reportId}`;
  const lines = [
    `From: "Archivia - conservazione" <${account}>`,
    `To: <${account}>`,
    `Subject: ${subject}`,
    `Date: ${new Date(seal.sealedAt).toUTCString().replace('GMT', '+0000')}`,
    `Message-ID: <${seal.reportId}@${domain}>`,
    'Auto-Submitted: auto-generated',
    'MIME-Version: 1.0',
    `Content-Type: multipart/mixed; boundary="${boundary}"`,
    '',
    `--${boundary}`,
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: base64',
    '',
    wrapped(Buffer.from(text(account, seal), 'utf8')),
    `--${boundary}`,
    `Content-Type: application/pkcs7-mime; smime-type=signed-data; name="${EVIDENCE_FILES.signedReport}"`,
    'Content-Transfer-Encoding: base64',
    `Content-Disposition: attachment; filename="${EVIDENCE_FILES.signedReport}"`,
    '',
    wrapped(signedReport),
    `--${boundary}--`,
    '',
  ];
  return Buffer.from(lines.join('\r\n'), 'utf8');
}

function text(account: string, seal: PackageSeal): string {
  const { date, time } = italianTime(seal.sealedAt);
  const day = date.split('-').reverse().join('/');
  const listed = seal.messages.slice(0, MAX_LINES);
  const lines = [
    ...(seal.evaluation ? [NO_LEGAL_VALUE.toUpperCase(), ''] : []),
    `Il ${day} alle ${time} ${count(seal.messages.length)} della casella ${account}.`,
    '',
    `Rapporto di versamento:      ${seal.reportId}`,
    `Pacchetto di archiviazione:  ${seal.packageId}`,
    `Impronta del versamento:     ${seal.pdvDigest} (SHA-256)`,
    '',
    `Il rapporto firmato è allegato (${EVIDENCE_FILES.signedReport}).`,
    '',
    'Messaggi:',
    ...listed.map(({ subject, outcome }) => `- ${oneLine(subject) || '(senza oggetto)'}: ${outcome}`),
    ...(seal.messages.length > listed.length
      ? [`e altri ${seal.messages.length - listed.length}, elencati nel rapporto.`]
      : []),
    '',
  ];
  return lines.join('\r\n');
}

function count(messages: number): string {
  return messages === 1 ? 'è stato conservato un messaggio' : `sono stati conservati ${messages} messaggi`;
}

function oneLine(subject: string): string {
  const line = subject.replace(/\s+/g, ' ').trim();
  return line.length > MAX_SUBJECT ? `${line.slice(0, MAX_SUBJECT)}…` : line;
}

function wrapped(bytes: Uint8Array): string {
  const base64 = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
  return (base64.match(/.{1,76}/g) ?? []).join('\r\n');
}
