/** What the user is told of the service's term, as a message in `Rapporti di versamento`. */
import { createHash } from 'node:crypto';
import { romeDate } from '../../store/catalog/rome.ts';
import type { AccountStore, Filed } from '../../store/types.ts';
import { fileNotice } from '../file-notice.ts';
import { encodedHeader, noticeFrame } from '../report/notice.ts';

export interface TermNotice {
  readonly subject: string;
  /** Lines, Italian. */
  readonly text: readonly string[];
}

export function noticeOfEnd(lastDay: string): TermNotice {
  return {
    subject: `Il servizio di archiviazione termina il ${inItalian(lastDay)}`,
    text: [
      `La disdetta è stata registrata: ${inItalian(lastDay)} è l'ultimo giorno del servizio.`,
      '',
      'Dal giorno dopo le cartelle di Archivia restano leggibili: i messaggi si possono leggere, cercare e copiare in',
      'altre cartelle, ma nulla di nuovo viene archiviato o conservato.',
      "Quanto è stato conservato si può ritirare tutto insieme: l'amministratore prepara l'esportazione, che si scarica con",
      'un collegamento valido 30 giorni.',
      '',
      'Con il rinnovo tutto torna subito come prima.',
    ],
  };
}

export function noticeEnded(lastDay: string): TermNotice {
  return {
    subject: 'Il servizio di archiviazione è terminato',
    text: [
      `Il servizio è terminato il ${inItalian(lastDay)}.`,
      '',
      'I messaggi archiviati e conservati si possono ancora leggere, cercare e copiare in altre cartelle. Nulla di nuovo',
      "viene archiviato o conservato; ciò che era in attesa di conservazione resta dov'è.",
      "Per ritirare quanto è stato conservato, chiedere all'amministratore l'esportazione.",
      '',
      'Con il rinnovo tutto torna subito come prima.',
    ],
  };
}

export function noticeOfRenewal(lastDay: string): TermNotice {
  return {
    subject: `Il servizio di archiviazione è rinnovato fino al ${inItalian(lastDay)}`,
    text: [
      `Il servizio è rinnovato: l'ultimo giorno è ora il ${inItalian(lastDay)}.`,
      '',
      'I messaggi vengono archiviati e conservati come prima, compresi quelli arrivati nel frattempo.',
    ],
  };
}

function noticeOfExport(link: string, lastDay: string, messages: number): TermNotice {
  return {
    subject: 'Esportazione di quanto è stato conservato',
    text: [
      messages === 1
        ? "L'esportazione del messaggio conservato è pronta:"
        : `L'esportazione dei ${messages} messaggi conservati è pronta:`,
      '',
      link,
      '',
      `Il collegamento vale fino al ${inItalian(lastDay)}. Chi lo conosce può scaricare tutto: non va inoltrato.`,
      "Lo ZIP contiene i pacchetti di distribuzione, che si verificano senza Archivia, e l'elenco manifesto.json.",
    ],
  };
}

export function noticeOfImport(
  file: string,
  packages: readonly {
    readonly packageId: string;
    readonly messages: number;
    readonly authorities: readonly string[];
  }[],
): TermNotice {
  const messages = packages.reduce((sum, one) => sum + one.messages, 0);
  return {
    subject:
      messages === 1
        ? 'Un messaggio conservato altrove è stato importato'
        : `${messages} messaggi conservati altrove sono stati importati`,
    text: [
      `Dal file ${file} sono stati ripresi questi pacchetti, conservati in un'altra installazione di Archivia, con le loro`,
      'prove originali. Firme, marche temporali e impronte sono state controllate prima di riprenderli.',
      '',
      ...packages.flatMap(({ packageId, messages, authorities }) => [
        `${packageId}: ${messages === 1 ? 'un messaggio' : `${messages} messaggi`}`,
        ...authorities.map(authority => `  marca temporale: ${authority}`),
      ]),
    ],
  };
}

export function noticeOfFaults(
  packageId: string,
  faults: readonly { readonly file: string; readonly reason: string }[],
): TermNotice {
  const shown = faults.slice(0, 20);
  return {
    subject: `Un pacchetto conservato risulta alterato: ${packageId}`,
    text: [
      `Il controllo periodico ha trovato che il pacchetto ${packageId} non è più come quando fu chiuso:`,
      '',
      ...shown.map(({ file, reason }) => `  ${file}: ${reason}`),
      ...(faults.length > shown.length ? [`  e altri ${faults.length - shown.length}`] : []),
      '',
      'L\'amministratore può eseguire "archivia verify" e riprendere i dati da una copia di sicurezza.',
    ],
  };
}

export function noticeOfDamage(messages: readonly string[]): TermNotice {
  const shown = messages.slice(0, 20);
  return {
    subject: `Messaggi archiviati risultano danneggiati: ${messages.length}`,
    text: [
      'Il controllo periodico ha riletto una parte dell’archivio. Questi messaggi non sono più come furono archiviati:',
      '',
      ...shown.map(message => `  ${message}`),
      ...(messages.length > shown.length ? [`  e altri ${messages.length - shown.length}`] : []),
      '',
      'L\'amministratore può eseguire "archivia verify" e riprendere i dati da una copia di sicurezza.',
    ],
  };
}

/** Tells the user where the export is. `expires`: milliseconds since the epoch. */
export async function noticeExport(
  account: AccountStore,
  link: string,
  expires: number,
  messages: number,
): Promise<void> {
  await fileServiceNotice(account, noticeOfExport(link, romeDate(expires - 1), messages), Date.now());
}

/** The same notice at the same time is filed once. */
export function fileServiceNotice(account: AccountStore, notice: TermNotice, at: number): Promise<Filed> {
  const { subject, text } = notice;
  const id = createHash('sha256').update(`${account.address}\n${subject}\n${at}\n`).digest('hex').slice(0, 24);
  const { start, end } = noticeFrame(
    {
      account: account.address,
      id: `SRV-${id}`,
      subject: encodedHeader(subject),
      date: at,
      text: [`Casella: ${account.address}`, '', ...text, ''].join('\r\n'),
    },
    null,
  );
  return fileNotice(account, 'reports', [Buffer.from(start + end)], at, []);
}

/** `2026-11-22` as `22/11/2026`. */
function inItalian(day: string): string {
  return day.split('-').reverse().join('/');
}
