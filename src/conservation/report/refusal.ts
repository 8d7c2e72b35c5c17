import { createHash } from 'node:crypto';
import packageJson from '../../../package.json' with { type: 'json' };
import type { AccountStore, QueuedMessage } from '../../store/types.ts';
import { NO_LEGAL_VALUE } from '../agents.ts';
import { fileNotice } from '../file-notice.ts';
import { italianTime, subjectOf } from '../metadata/words.ts';
import type { Workshop } from '../workshop.ts';
import { noticeMessage, oneLine } from './notice.ts';
import { type RefusalFacts, refusalXml } from './refusal-xml.ts';

export interface Refused {
  readonly record: QueuedMessage;
  /** Italian. */
  readonly reason: string;
}

const ATTACHMENT = {
  name: 'EsitoVersamentoNegativo.xml.p7m',
  contentType: 'application/pkcs7-mime; smime-type=signed-data',
};

/**
 * The signed document of refusal, as a readable message in `Rapporti di versamento`. Filed before the messages leave the
 * queue: after a crash in between there may be two, never none.
 */
export async function fileRefusal(
  shop: Workshop,
  account: AccountStore,
  refused: readonly Refused[],
  at: number,
): Promise<void> {
  const { address } = account;
  const messages = refused.map(({ record, reason }) => ({
    sha256: record.sha256,
    size: record.size,
    subject: subjectOf(record),
    attempts: record.attempts + 1,
    reason,
  }));
  const facts: RefusalFacts = {
    id: refusalId(address, messages, at),
    account: address,
    agents: shop.agents,
    at,
    software: { version: packageJson.version },
    evaluation: shop.evaluation,
    messages,
  };
  const signed = await shop.signer.signAttached(refusalXml(facts));
  const subject = `${facts.evaluation ? `[${NO_LEGAL_VALUE}] ` : ''}Versamento rifiutato ${facts.id}`;
  const notice = { account: address, id: facts.id, subject, date: at, text: text(facts) };
  await fileNotice(account, 'reports', [noticeMessage(notice, ATTACHMENT, signed)], at);
}

function refusalId(account: string, messages: readonly { readonly sha256: string }[], at: number): string {
  const time = `${new Date(at).toISOString().slice(0, 19).replace(/[-:]/g, '')}Z`;
  const over = messages.map(({ sha256 }) => sha256).join('\n');
  return `EVN-${time}-${createHash('sha256').update(`${account}\n${over}\n${at}\n`).digest('hex').slice(0, 16)}`;
}

function text(facts: RefusalFacts): string {
  const { date, time } = italianTime(facts.at);
  const { messages } = facts;
  const one = messages.length === 1;
  return [
    ...(facts.evaluation ? [NO_LEGAL_VALUE.toUpperCase(), ''] : []),
    one ? 'Un messaggio NON è stato conservato.' : `${messages.length} messaggi NON sono stati conservati.`,
    '',
    `Casella:               ${facts.account}`,
    `Data:                  ${date.split('-').reverse().join('/')}, ore ${time}`,
    `Esito del versamento:  NEGATIVO (${facts.id})`,
    '',
    ...messages.flatMap(message => [
      `- ${oneLine(message.subject) || '(senza oggetto)'}`,
      `  Motivo: ${message.reason}`,
      `  Tentativi: ${message.attempts}. Impronta SHA-256: ${message.sha256}`,
      '',
    ]),
    `${one ? 'Il messaggio resta' : 'I messaggi restano'} in --ARCHIVIA-- o in Archivio, con l'etichetta $Rifiutato.`,
    'Per provare di nuovo: copiare ancora il messaggio in --ARCHIVIA--, possibilmente dalla posta in arrivo.',
    '',
    `Il documento firmato è allegato (${ATTACHMENT.name}). Non è un rapporto di versamento.`,
    '',
  ].join('\r\n');
}
