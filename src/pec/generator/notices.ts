/** What each certified message says to people and to programs: subject, marker header, human text (RFC 6109 section 3). */
import type { PecKind } from '../types.ts';
import { legalTime } from './dates.ts';
import type { Original } from './original.ts';

/** The certified kinds that reach a user's mailbox, the two senses of one header value told apart. */
export type Notice =
  | 'busta-trasporto'
  | 'busta-anomalia'
  | 'accettazione'
  | 'non-accettazione'
  | 'non-accettazione-virus'
  | 'avvenuta-consegna'
  | 'errore-consegna'
  | 'errore-consegna-virus'
  | 'preavviso-12'
  | 'preavviso-24';

interface NoticeForm {
  readonly kind: PecKind;
  readonly prefix: string;
  readonly fields: readonly string[];
  /** `tipo` and `errore` of daticert.xml. */
  readonly errore: 'nessuno' | 'virus' | 'altro';
  readonly title: string;
  readonly sentence: string;
  readonly erroreEsteso?: string;
}

const VIRUS_FIELD = 'X-VerificaSicurezza: errore';
const TOO_LATE = 'AVVISO DI MANCATA CONSEGNA PER SUP. TEMPO MASSIMO: ';

export const NOTICES: Readonly<Record<Notice, NoticeForm>> = {
  'busta-trasporto': {
    kind: 'busta-trasporto',
    prefix: 'POSTA CERTIFICATA: ',
    fields: ['X-Trasporto: posta-certificata'],
    errore: 'nessuno',
    title: 'Messaggio di posta certificata',
    sentence: 'Il messaggio originale è incluso in allegato.',
  },
  'busta-anomalia': {
    kind: 'busta-anomalia',
    prefix: 'ANOMALIA MESSAGGIO: ',
    fields: ['X-Trasporto: errore'],
    errore: 'nessuno',
    title: 'Anomalia nel messaggio',
    sentence: 'I dati non sono stati certificati per il seguente errore: messaggio di posta ordinaria.',
  },
  accettazione: {
    kind: 'accettazione',
    prefix: 'ACCETTAZIONE: ',
    fields: ['X-Ricevuta: accettazione'],
    errore: 'nessuno',
    title: 'Ricevuta di accettazione',
    sentence: 'Il messaggio è stato accettato dal sistema ed inoltrato.',
  },
  'non-accettazione': {
    kind: 'non-accettazione',
    prefix: 'AVVISO DI NON ACCETTAZIONE: ',
    fields: ['X-Ricevuta: non-accettazione'],
    errore: 'altro',
    title: 'Errore nell’accettazione del messaggio',
    sentence: 'È stato rilevato un problema che ne impedisce l’accettazione. Il messaggio non è stato accettato.',
    erroreEsteso: '5.7.0 - il campo Bcc non è ammesso',
  },
  'non-accettazione-virus': {
    kind: 'non-accettazione',
    prefix: 'AVVISO DI NON ACCETTAZIONE PER VIRUS: ',
    fields: ['X-Ricevuta: non-accettazione', VIRUS_FIELD],
    errore: 'virus',
    title: 'Problema di sicurezza nel messaggio',
    sentence: 'È stato rilevato un problema di sicurezza: virus EICAR-Test. Il messaggio non è stato accettato.',
    erroreEsteso: '5.7.1 - virus EICAR-Test',
  },
  'avvenuta-consegna': {
    kind: 'avvenuta-consegna',
    prefix: 'CONSEGNA: ',
    fields: ['X-Ricevuta: avvenuta-consegna'],
    errore: 'nessuno',
    title: 'Ricevuta di avvenuta consegna',
    sentence: 'Il messaggio è stato consegnato nella casella di destinazione.',
  },
  'errore-consegna': {
    kind: 'errore-consegna',
    prefix: 'AVVISO DI MANCATA CONSEGNA: ',
    fields: ['X-Ricevuta: errore-consegna'],
    errore: 'altro',
    title: 'Avviso di mancata consegna',
    sentence: 'È stato rilevato un errore: indirizzo non valido. Il messaggio è stato rifiutato dal sistema.',
    erroreEsteso: '5.1.1 - indirizzo non valido',
  },
  'errore-consegna-virus': {
    kind: 'errore-consegna',
    prefix: 'AVVISO DI MANCATA CONSEGNA PER VIRUS: ',
    fields: ['X-Ricevuta: errore-consegna', VIRUS_FIELD],
    errore: 'virus',
    title: 'Avviso di mancata consegna per virus',
    sentence: 'Il messaggio è stato rifiutato per la presenza di un virus: EICAR-Test.',
    erroreEsteso: '5.7.1 - virus EICAR-Test',
  },
  'preavviso-12': {
    kind: 'preavviso-errore-consegna',
    prefix: TOO_LATE,
    fields: ['X-Ricevuta: preavviso-errore-consegna'],
    errore: 'altro',
    title: 'Avviso di mancata consegna',
    sentence:
      'Il messaggio non è stato consegnato nelle prime dodici ore dal suo invio. Non si esclude che la consegna possa avvenire in seguito.',
    erroreEsteso: '4.4.7 - tempo di consegna superato (12 ore)',
  },
  'preavviso-24': {
    kind: 'preavviso-errore-consegna',
    prefix: TOO_LATE,
    fields: ['X-Ricevuta: preavviso-errore-consegna'],
    errore: 'altro',
    title: 'Avviso di mancata consegna',
    sentence:
      'Il messaggio non è stato consegnato nelle ventiquattro ore successive al suo invio. Si ritiene che la spedizione debba considerarsi non andata a buon fine.',
    erroreEsteso: '4.4.7 - tempo di consegna superato (24 ore)',
  },
};

/** The text part, for people only (programs read daticert.xml). */
export function noticeText(notice: Notice, original: Original, at: Date, id: string, consegna?: string): string {
  const { giorno, ora, zona } = legalTime(at);
  const recipients = [...original.to, ...original.cc].map(person => person.address);
  const { title, sentence } = NOTICES[notice];
  return [
    title,
    '',
    `Il giorno ${giorno} alle ore ${ora} (${zona}) il messaggio "${original.subject}" proveniente da`,
    `"${original.from.address}" ed indirizzato a:`,
    ...recipients.map(address => `${address} ("posta certificata")`),
    ...(consegna === undefined ? [] : [`(destinatario: ${consegna})`]),
    sentence,
    '',
    `Identificativo del messaggio: ${id}`,
    '',
  ].join('\n');
}
