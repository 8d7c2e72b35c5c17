import { MAILBOX } from './configuration.ts';

/** What a mail client needs to know of the running demo. */
export interface DemoAccess {
  readonly host: string;
  readonly port: number;
  readonly address: string;
  readonly password: string;
  readonly messages: number;
  /** Where the data lie; removed at the end when temporary. */
  readonly directory: string;
  readonly temporary: boolean;
}

/** What the demo shows on the screen: what to type into Thunderbird, and what to try. */
export function demoInstructions(access: DemoAccess): string[] {
  return [
    '',
    'Archivia: dimostrazione',
    'Una casella PEC di prova con Archivia davanti. Tutto resta su questo computer;',
    'firme e marche sono fatte con chiavi di valutazione, senza valore legale.',
    '',
    'In Thunderbird: Nuovo account > Account di posta esistente',
    `  Nome             ${MAILBOX.name}`,
    `  Indirizzo email  ${access.address}`,
    `  Password         ${access.password}`,
    'poi «Configura manualmente»:',
    '  Posta in arrivo  IMAP',
    `  Server           ${access.host}`,
    `  Porta            ${access.port}`,
    '  Sicurezza        Nessuna',
    '  Autenticazione   Password normale',
    `  Nome utente      ${access.address}`,
    'Per la posta in uscita va bene qualsiasi server: la dimostrazione non spedisce.',
    '',
    'Da provare',
    `  1. La casella ha ${access.messages} messaggi, e accanto tre alberi: --ARCHIVIA--, Archivio, Conservazione.`,
    '     Se non si vedono tutti: tasto destro sull’account > Sottoscrivi.',
    '  2. Copiare o spostare qualche messaggio dalla posta in arrivo in --ARCHIVIA--: a uno a uno',
    '     scompaiono di lì e ricompaiono in Conservazione.',
    '  3. Provare a cancellarne uno da Conservazione: non si può.',
    '  4. Cercare in Archivio, con «Esegui la ricerca sul server», una parola che sta solo dentro',
    '     il messaggio originale (postacert.eml) o nel nome di un allegato, per esempio «diffida».',
    '  5. Copiare un messaggio da Archivio alla posta in arrivo: torna identico.',
    '',
    access.temporary
      ? 'I dati sono temporanei e alla fine vengono cancellati.'
      : `I dati restano in ${access.directory}`,
    'Ctrl-C per terminare.',
    '',
  ];
}
